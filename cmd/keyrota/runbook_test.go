package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheRunbooksCommandsAreThere: at three in the morning nobody should be told to
// run what this program does not know.
func TestTheRunbooksCommandsAreThere(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "RUNBOOK.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile("`keyrota ([^`]+)`").FindAllStringSubmatch(string(text), -1)
	if len(all) < 20 {
		t.Fatalf("only %d commands are named", len(all))
	}
	for _, m := range all {
		root := newRoot(newApp())
		c, rest, err := root.Find(strings.Fields(m[1]))
		if err != nil || c == root {
			t.Errorf("keyrota %s: there is no such command", m[1])
			continue
		}
		if err := c.ParseFlags(rest); err != nil {
			t.Errorf("keyrota %s: %v", m[1], err)
		}
	}
}
