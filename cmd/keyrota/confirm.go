package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// consent is a person's word that a change may be made, as far as they gave it
// on the command line. Every command that changes something at a person's wish
// has one.
type consent struct {
	yes    bool
	reason string
}

func (k *consent) flags(c *cobra.Command) {
	c.Flags().BoolVarP(&k.yes, "yes", "y", false, "do not ask; needed where there is no terminal")
	c.Flags().StringVar(&k.reason, "reason", "", "`TEXT` for the record")
}

// check refuses what must not get into the ledger, where nothing is struck out.
func (k consent) check() error {
	if pastedKey.MatchString(k.reason) {
		return errors.New("--reason has something in it that may be a key, and would stay on record for good: leave it out (of a commit's hash, the first digits do)")
	}
	return nil
}

// ledgerFor opens the ledger for writing only where the change can come to
// pass: who cannot be asked changes nothing, not even that there is a ledger.
func (a *app) ledgerFor(k consent) ledgerMode {
	if k.yes || terminal(a.stdin) {
		return ledgerWrite
	}
	return ledgerRead
}

// change is what a person is asked to agree to.
type change struct {
	does string // what will be done, in lines
	// word is what must be typed where readers would break: the account's name.
	// Empty: yes.
	word string
}

// confirm says what will be done and returns nil if a person agrees: with --yes
// on the command line, or when asked on a terminal. With an error nothing may
// be changed.
func (a *app) confirm(ctx context.Context, k consent, c change) error {
	if err := k.check(); err != nil {
		return err
	}
	a.warn("%s", c.does)
	switch {
	case k.yes:
		return nil
	case !terminal(a.stdin):
		return errors.New("nothing was changed: there is no terminal to ask on: add --yes to do it (with kubectl exec or docker exec, -it gives it a terminal)")
	}
	word := c.word
	if word == "" {
		word = "yes"
	}
	answer, err := a.ask(ctx, fmt.Sprintf("Type %s to go on: ", word))
	if err != nil {
		return err
	}
	if answer != word {
		return fmt.Errorf("nothing was changed: that was not %q", word)
	}
	return nil
}

// errNothingChanged is what a person gets who breaks off at a question.
var errNothingChanged = errors.New("nothing was changed: interrupted")

// ask puts a question on a terminal and returns the line that is typed.
func (a *app) ask(ctx context.Context, question string) (string, error) {
	_, _ = fmt.Fprint(a.stderr, question)
	answer, err := typed(ctx, func() (string, error) { return readLine(a.stdin) })
	if err != nil {
		_, _ = fmt.Fprintln(a.stderr)
		if errors.Is(err, io.EOF) {
			err = errNothingChanged
		}
		return "", err
	}
	return strings.TrimSpace(answer), nil
}

// secretLine reads a line from a terminal without showing what is typed.
func (a *app) secretLine(ctx context.Context, from *os.File, question string) (string, error) {
	fd := int(from.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("asking the terminal: %w", err)
	}
	_, _ = fmt.Fprint(a.stderr, question)
	line, err := typed(ctx, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	})
	_ = term.Restore(fd, before) // what was broken off leaves the terminal without an echo
	_, _ = fmt.Fprintln(a.stderr)
	return line, err
}

// typed returns what read returns, or, should ctx end before, that nothing was
// changed: a terminal cannot be told to stop reading.
func typed(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	answered := make(chan result, 1)
	go func() {
		text, err := read()
		answered <- result{text, err}
	}()
	select {
	case r := <-answered:
		return r.text, r.err
	case <-ctx.Done():
		return "", errNothingChanged
	}
}

// longestAnswer bounds what is read as one line, in bytes.
const longestAnswer = 1 << 10

// readLine reads one line and nothing beyond it: more questions may follow.
func readLine(in io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	for len(line) < longestAnswer {
		n, err := in.Read(one)
		switch {
		case n == 1 && one[0] == '\n':
			return string(line), nil
		case n == 1:
			line = append(line, one[0])
		case err != nil:
			return "", err
		}
	}
	return "", errors.New("nothing was changed: that line is too long")
}
