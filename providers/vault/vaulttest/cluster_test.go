package vaulttest

import (
	"net/http"
	"testing"
	"time"
)

// TestALeaderLost: what was written is there after each loss of the leader,
// whichever node is asked.
func TestALeaderLost(t *testing.T) {
	t.Parallel()
	c := StartCluster(t)
	for version := 1; version <= 3; version++ {
		begun := time.Now()
		c.Nodes[version%len(c.Nodes)].Write(t, "secret", "a", map[string]any{"version": version})
		leader := c.Leader(t)
		switch version {
		case 3:
			c.Nodes[leader].Seal(t)
		default:
			c.Kill(leader)
		}
		next := c.Leader(t)
		if next == leader {
			t.Fatal("who was lost leads")
		}
		t.Logf("another leads after %s", time.Since(begun).Round(time.Millisecond))
		if version == 3 {
			status, _, err := c.Nodes[leader].request(http.MethodGet, "secret/data/a", nil)
			if err != nil || status != http.StatusServiceUnavailable {
				t.Errorf("a sealed node answers with status %d, %v", status, err)
			}
			c.Unseal(t, leader)
		} else {
			c.Return(t, leader)
		}
		for _, node := range c.Nodes {
			status, _, err := node.request(http.MethodGet, "secret/data/a", nil)
			if err != nil || status != http.StatusOK {
				t.Errorf("%s: status %d: %v", node.Address, status, err)
			}
		}
		t.Logf("whole again after %s", time.Since(begun).Round(time.Millisecond))
	}
}
