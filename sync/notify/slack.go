package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/sync/export"
)

// SlackOptions say where a Slack message goes: to an incoming webhook, or as a
// bot to a channel.
type SlackOptions struct {
	Name     string        // of the sink, for errors
	Webhook  export.Source // the whole address, which is a credential; nil: Token is used
	Token    export.Source // of a bot with the scope chat:write
	Channel  string        // that the bot posts to
	API      string        // empty: https://slack.com/api
	Instance string
	Version  string
	Now      func() time.Time
	// Transport carries the requests; nil: TLS 1.2 or newer, through the proxies
	// of the environment.
	Transport http.RoundTripper
}

// Slack posts messages of blocks ("Block Kit"). It is safe for concurrent use.
type Slack struct {
	o SlackOptions
	p poster
}

// NewSlack makes a sink of Slack, without a call.
func NewSlack(o SlackOptions) (*Slack, error) {
	if o.API == "" {
		o.API = "https://slack.com/api"
	}
	if (o.Webhook == nil) == (o.Token == nil) {
		return nil, errors.New("slack: write either webhook, or token and channel")
	}
	if o.Token != nil && o.Channel == "" {
		return nil, errors.New("slack: write the channel that the bot posts to")
	}
	p, err := newPoster("slack", o.Name, o.Version, o.Transport, o.Now)
	return &Slack{o, p}, err
}

// Lanes: everything goes in one.
func (s *Slack) Lanes(*Item) []string { return []string{""} }

// Send posts one message of all notices: as plain text where its blocks are
// refused, since what comes after it waits for it.
func (s *Slack) Send(ctx context.Context, _ string, notices []Notice) (int, error) {
	d := fold(notices)
	if d.Silent() {
		return len(notices), nil
	}
	m := slackify(d, s.o.Instance)
	m.Channel = s.o.Channel
	err := s.say(ctx, m)
	if providers.KindOf(err) == providers.Invalid {
		err = s.say(ctx, slackPlainly(d, s.o.Instance, s.o.Channel))
	}
	if err != nil {
		return 0, err
	}
	return len(notices), nil
}

func (s *Slack) say(ctx context.Context, message any) error {
	body, err := encodeSlack(message)
	if err != nil {
		return s.p.fail(providers.Invalid, 0, err, "")
	}
	if s.o.Webhook != nil {
		return s.hook(ctx, body)
	}
	return s.post(ctx, body)
}

func encodeSlack(m any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(m)
	return b.Bytes(), err
}

// hook posts to an incoming webhook, which answers with a status and a word.
func (s *Slack) hook(ctx context.Context, body []byte) error {
	to, err := s.o.Webhook(ctx)
	if err != nil {
		return err
	}
	if _, ok := address(to.Expose()); !ok {
		return s.p.fail(providers.Denied, 0, errors.New("what the reference holds is not an address with https"), "copy the webhook's whole address from Slack")
	}
	a, err := s.p.post(ctx, to.Expose(), body, "")
	if err != nil {
		return err
	}
	if a.status == http.StatusOK {
		return nil
	}
	if err := s.p.general(a); err != nil {
		return err
	}
	word := slackWord(strings.TrimSpace(string(a.body)))
	err = fmt.Errorf("status %d %s: %s", a.status, http.StatusText(a.status), word)
	if a.status == http.StatusBadRequest && !slices.Contains(slackDenials(), word) {
		return s.p.fail(providers.Invalid, 0, err, "")
	}
	return s.p.fail(providers.Denied, 0, err, "does the webhook still exist, and its channel?")
}

// post calls chat.postMessage, which answers 200 and says in the body how it
// went.
func (s *Slack) post(ctx context.Context, body []byte) error {
	token, err := s.o.Token(ctx)
	if err != nil {
		return err
	}
	a, err := s.p.post(ctx, s.o.API+"/chat.postMessage", body, "Bearer "+token.Expose())
	if err != nil {
		return err
	}
	if err := s.p.general(a); err != nil {
		return err
	}
	var said struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(a.body, &said); err != nil {
		return s.p.fail(providers.Transient, a.wait, fmt.Errorf("status %d, and an answer that is not Slack's", a.status), "is a proxy in between?")
	}
	if said.OK {
		return nil
	}
	word := slackWord(said.Error)
	err = errors.New(word)
	switch {
	case word == "ratelimited", word == "rate_limited", word == "message_limit_exceeded":
		return s.p.fail(providers.Limited, a.wait, err, "")
	case slices.Contains(slackMistakes(), word):
		return s.p.fail(providers.Invalid, 0, err, "")
	case slices.Contains(slackDenials(), word):
		return s.p.fail(providers.Denied, 0, err, "is the bot's token valid, has it the scope chat:write, and is it in the channel?")
	}
	return s.p.fail(providers.Transient, a.wait, err, "")
}

// slackMistakes are the words for what is wrong with one message.
func slackMistakes() []string {
	return []string{
		"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text", "invalid_arguments",
		"invalid_payload", "too_many_attachments", "markdown_text_conflict", "metadata_too_large",
	}
}

// slackDenials are the words for what a person must mend at Slack or here.
func slackDenials() []string {
	return []string{
		"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_permission", "missing_scope",
		"not_allowed_token_type", "ekm_access_denied", "enterprise_is_restricted", "team_access_not_granted", "access_denied",
		"channel_not_found", "not_in_channel", "is_archived", "channel_is_archived", "restricted_action",
		"restricted_action_read_only_channel", "posting_to_general_channel_denied", "no_service", "no_service_id", "no_team",
		"team_disabled", "invalid_token", "action_prohibited", "user_not_found",
	}
}

var slackWords = regexp.MustCompile(`^[a-z_]{1,60}$`)

// slackWord returns Slack's word for what is wrong. What else an answer says is
// not repeated, since it may repeat what was sent.
func slackWord(s string) string {
	if slackWords.MatchString(s) {
		return s
	}
	return "no reason that Slack documents"
}
