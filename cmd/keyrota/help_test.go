package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// Help is read on the terminal that there is, at night on a narrow one.
func TestHelpFitsATerminal(t *testing.T) {
	var all func(c *cobra.Command)
	all = func(c *cobra.Command) {
		var help bytes.Buffer
		c.SetOut(&help)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(help.String(), "\n") {
			if utf8.RuneCountInString(line) > 80 {
				t.Errorf("%s --help: a line is wider than 80 columns: %s", c.CommandPath(), line)
			}
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "completion" { // cobra's own words
				all(sub)
			}
		}
	}
	all(newRoot(&app{}))
}
