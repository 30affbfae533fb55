package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/ledger"
)

// acknowledgementView is one acknowledgement in the output.
type acknowledgementView struct {
	Code    string    `json:"code"`
	Account string    `json:"account,omitempty"` // absent: of none
	Subject string    `json:"subject,omitempty"` // absent: whatever the subject
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
}

func newAcknowledge(a *app) *cobra.Command {
	var k consent
	var until, subject string
	c := &cobra.Command{
		Use:   "acknowledge CODE [ACCOUNT...] --until TIME --reason TEXT",
		Short: "Say that a finding is known, until a time",
		Long: `Says of a finding, by its code, that it is known and may stay so until TIME, a
day or time like 2026-12-24, or a duration from now, like 30d. Nobody is told of
it until then; reports list it among the exceptions, with the reason. When the
time is over it returns by itself. Without an ACCOUNT it is about findings of no
account, such as a store that does not answer.`,
		Example:           `  keyrota acknowledge unused ml-platform/eval --until 90d --reason 'on hold'`,
		Args:              codeAndAccounts,
		ValidArgsFunction: a.codeOrAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.acknowledge(cmd.Context(), finding.Code(args[0]), args[1:], subject, until, k)
		},
	}
	c.Flags().StringVar(&until, "until", "", "`TIME` at which it ends, or how long it lasts")
	c.Flags().StringVar(&subject, "subject", "", "only of this `SUBJECT`, such as one destination or key")
	k.flags(c)
	return c
}

func newUnacknowledge(a *app) *cobra.Command {
	var k consent
	c := &cobra.Command{
		Use:               "unacknowledge CODE [ACCOUNT...]",
		Short:             "Take back what keyrota acknowledge said",
		Long:              `Takes back the acknowledgements of a finding, by its code, before their end.`,
		Args:              codeAndAccounts,
		ValidArgsFunction: a.codeOrAccounts,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.unacknowledge(cmd.Context(), finding.Code(args[0]), args[1:], k)
		},
	}
	k.flags(c)
	return c
}

// codeAndAccounts is for commands about one kind of finding.
func codeAndAccounts(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("name a finding by its code, like %s unused ml-platform/nightly-eval: keyrota report lists them", c.CommandPath())
	}
	if _, err := entryOf(finding.Code(args[0])); err != nil {
		return err
	}
	return nil
}

// entryOf returns what the catalogue says of a code.
func entryOf(code finding.Code) (finding.Entry, error) {
	entry, ok := finding.Kind(code)
	if !ok {
		return entry, fmt.Errorf("there is no finding %q: there are %s", code, strings.Join(finding.Codes(), ", "))
	}
	return entry, nil
}

// codeOrAccounts completes a code first, then accounts.
func (a *app) codeOrAccounts(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return a.accounts(c, args[1:], begun)
	}
	var codes []cobra.Completion
	for _, e := range finding.Catalogue() {
		codes = append(codes, cobra.CompletionWithDesc(string(e.Code), e.Title))
	}
	return codes, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) acknowledge(ctx context.Context, code finding.Code, names []string, subject, until string, k consent) error {
	end, err := a.ends(until)
	switch {
	case err != nil:
		return err
	case k.reason == "":
		return errors.New("say why it may stay as it is, for auditors: --reason TEXT")
	}
	entry, err := entryOf(code)
	if err != nil {
		return err
	}
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	refs, err := s.acknowledged(names)
	if err != nil {
		return err
	}
	lines := []string{fmt.Sprintf("Until %s (for %s) nobody is told of %s, %q:", localTime(end), span(end.Sub(a.now())), code, entry.Title)}
	for _, ref := range refs {
		lines = append(lines, "  "+aboutWhom(ref, subject))
	}
	if err := a.confirm(ctx, k, change{does: strings.Join(lines, "\n")}); err != nil {
		return err
	}
	views := make([]acknowledgementView, 0, len(refs))
	for _, ref := range refs {
		one, err := s.ledger.Acknowledge(ctx, ledger.Acknowledgement{Code: string(code), Ref: ref, Subject: subject, Until: end, Reason: k.reason, By: actor()})
		if err != nil {
			return err
		}
		views = append(views, acknowledgedAs(one))
	}
	return a.printAcknowledgements(views)
}

func (a *app) unacknowledge(ctx context.Context, code finding.Code, names []string, k consent) error {
	s, err := a.open(ctx, a.ledgerFor(k))
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	refs, err := s.acknowledged(names)
	if err != nil {
		return err
	}
	var all []ledger.Acknowledgement
	if s.ledger != nil {
		if all, err = s.ledger.Acknowledgements(ctx); err != nil {
			return err
		}
	}
	var back []ledger.Acknowledgement
	lines := []string{"Taken back, so that people are told again:"}
	for _, one := range all {
		if one.Code == string(code) && slices.Contains(refs, one.Ref) {
			back = append(back, one)
			lines = append(lines, fmt.Sprintf("  %s, until %s: %s", aboutWhom(one.Ref, one.Subject), localTime(one.Until), one.Reason))
		}
	}
	if len(back) == 0 {
		return fmt.Errorf("nobody acknowledged %s of %s: keyrota report lists what was, among the exceptions", code, strings.Join(aboutAll(refs), ", "))
	}
	if err := a.confirm(ctx, k, change{does: strings.Join(lines, "\n")}); err != nil {
		return err
	}
	views := make([]acknowledgementView, 0, len(back))
	for _, one := range back {
		if err := s.ledger.Unacknowledge(ctx, one.ID, k.reason); err != nil {
			return err
		}
		views = append(views, acknowledgedAs(one))
	}
	return a.printAcknowledgements(views)
}

// acknowledged returns what names are about: accounts of the configuration, on
// record, or none. An account that is only on the platform is named as there,
// team/name.
func (s *system) acknowledged(names []string) ([]rotation.Ref, error) {
	if len(names) == 0 {
		return []rotation.Ref{""}, nil
	}
	var refs []rotation.Ref
	for _, name := range names {
		account, err := s.inventory.Find(name)
		if err == nil {
			refs = append(refs, account.Ref())
			continue
		}
		if !strings.Contains(name, "/") {
			return nil, err
		}
		refs = append(refs, rotation.Ref(name))
	}
	return refs, nil
}

// aboutWhom names what an acknowledgement is about.
func aboutWhom(ref rotation.Ref, subject string) string {
	whom := string(ref)
	if ref == "" {
		whom = "no account"
	}
	if subject != "" {
		whom += ", " + subject
	}
	return whom
}

func aboutAll(refs []rotation.Ref) []string {
	var all []string
	for _, ref := range refs {
		all = append(all, aboutWhom(ref, ""))
	}
	return all
}

func acknowledgedAs(a ledger.Acknowledgement) acknowledgementView {
	return acknowledgementView{Code: a.Code, Account: string(a.Ref), Subject: a.Subject, Until: a.Until, Reason: a.Reason, By: a.By}
}

func (a *app) printAcknowledgements(views []acknowledgementView) error {
	return a.print(struct {
		Acknowledgements []acknowledgementView `json:"acknowledgements"`
	}{views}, func(w io.Writer) {
		var rows [][]string
		for _, v := range views {
			rows = append(rows, []string{v.Code, aboutWhom(rotation.Ref(v.Account), v.Subject), localTime(v.Until), v.Reason})
		}
		a.columns(w, []string{"CODE", "ACCOUNT", "UNTIL", "REASON"}, rows)
	})
}
