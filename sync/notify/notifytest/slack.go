package notifytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// Slack takes messages at a webhook (any path but that of the API) and at
// /api/chat.postMessage. The rules are those of docs.slack.dev: "Blocks", "Text
// object", "Formatting message text", "Sending messages using incoming webhooks"
// and "chat.postMessage". What blocks may come to in all is not documented; here
// it is what others found (slackapi/bolt-js, issues 2509 and 2867).
type Slack struct {
	Weather
	Token    string // that a bot must have
	Channel  string // that it is in
	NoBlocks bool   // every block is refused
	mu       sync.Mutex
	taken    []SlackMessage
	refused  []string
}

// SlackMessage is a message that was taken.
type SlackMessage struct {
	Channel string
	Text    string
	Blocks  []SlackBlock
	Raw     []byte
}

// SlackBlock is a block of it.
type SlackBlock struct {
	Type     string      `json:"type"`
	Text     *SlackText  `json:"text"`
	Elements []SlackText `json:"elements"`
}

// SlackText is a text of it.
type SlackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// All is the text of all blocks.
func (m SlackMessage) All() string {
	var b strings.Builder
	for _, block := range m.Blocks {
		if block.Text != nil {
			b.WriteString(block.Text.Text + "\n")
		}
		for _, e := range block.Elements {
			b.WriteString(e.Text + "\n")
		}
	}
	return b.String()
}

// Taken returns the messages that were taken.
func (s *Slack) Taken() []SlackMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]SlackMessage(nil), s.taken...)
}

// Refused returns why messages were refused.
func (s *Slack) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.refused...)
}

// ServeHTTP takes one message.
func (s *Slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.fails(w) {
		return
	}
	api := strings.HasSuffix(r.URL.Path, "/chat.postMessage")
	m, word := s.read(r, api)
	s.mu.Lock()
	defer s.mu.Unlock()
	if word != "" {
		s.refused = append(s.refused, word)
	} else {
		s.taken = append(s.taken, m)
	}
	word, _, _ = strings.Cut(word, ":")
	switch {
	case api:
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_ = json.NewEncoder(w).Encode(map[string]any{"ok": word == "", "error": word})
	case word == "":
		_, _ = io.WriteString(w, "ok")
	default:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, word)
	}
}

func (s *Slack) read(r *http.Request, api bool) (SlackMessage, string) {
	body, err := io.ReadAll(r.Body)
	var m SlackMessage
	kind := r.Header.Get("Content-Type")
	switch {
	case err != nil || r.Method != http.MethodPost || !strings.HasPrefix(kind, "application/json"):
		return m, "invalid_payload: not JSON that is posted"
	case json.Unmarshal(body, &m) != nil:
		return m, "invalid_payload: not JSON"
	case api && r.Header.Get("Authorization") != "Bearer "+s.Token:
		return m, "invalid_auth"
	case api && !strings.Contains(kind, "charset=utf-8"):
		return m, "missing_charset"
	case api && m.Channel != s.Channel:
		return m, "channel_not_found"
	case m.Text == "":
		return m, "no_text"
	case len(m.Blocks) > 50:
		return m, "invalid_blocks: more than 50"
	}
	if s.NoBlocks && bytes.Contains(body, []byte(`"blocks"`)) {
		return m, "invalid_blocks: none are taken"
	}
	m.Raw = body
	all := 0
	for n, b := range m.Blocks {
		if wrong := b.wrong(); wrong != "" {
			return m, fmt.Sprintf("invalid_blocks: block %d: %s", n, wrong)
		}
	}
	for _, b := range m.Blocks {
		encoded, _ := json.Marshal(b)
		all += len(encoded)
	}
	if all > 13_000 || utf8.RuneCountInString(m.All()) > 11_000 {
		return m, fmt.Sprintf("msg_blocks_too_long: %d", all)
	}
	return m, ""
}

func (b SlackBlock) wrong() string {
	switch b.Type {
	case "header":
		if b.Text == nil || b.Text.Type != "plain_text" {
			return "a header's text is plain_text"
		}
		return b.Text.wrong(150)
	case "section":
		if b.Text == nil {
			return "a section needs text"
		}
		return b.Text.wrong(3000)
	case "context":
		if len(b.Elements) == 0 || len(b.Elements) > 10 {
			return "a context has 1 to 10 elements"
		}
		for _, e := range b.Elements {
			if wrong := e.wrong(3000); wrong != "" {
				return wrong
			}
		}
	case "divider":
	default:
		return "unknown type " + b.Type
	}
	return ""
}

// marks are what may stand in angle brackets: links, and dates, which need a
// text for those who cannot show them.
var marks = regexp.MustCompile(`^<(https?://[^<>|]+\|[^<>]+|!date\^\d+\^[^<>|]+\|[^<>]+)>$`)

var (
	brackets = regexp.MustCompile(`<[^>]*>?|>`)
	entities = regexp.MustCompile(`&(amp|lt|gt);`)
)

func (t SlackText) wrong(most int) string {
	n := utf8.RuneCountInString(t.Text)
	switch {
	case n == 0 || n > most:
		return fmt.Sprintf("%d characters, 1 to %d are allowed", n, most)
	case t.Type == "plain_text":
		return ""
	case t.Type != "mrkdwn":
		return "unknown type of text " + t.Type
	}
	for _, m := range brackets.FindAllString(t.Text, -1) {
		if !marks.MatchString(m) {
			return "not escaped: " + m
		}
	}
	if strings.Contains(entities.ReplaceAllString(t.Text, ""), "&") {
		return "not escaped: &"
	}
	return ""
}
