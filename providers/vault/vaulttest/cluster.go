package vaulttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Cluster is three servers of the real Vault that hold one store between them
// by raft, as in production: one leads, the others pass requests on to it, and
// two of the three are enough. They listen on 127.0.0.1, .2 and .3. Its nodes
// are servers like any other, with the root token Root and a KV version 2
// engine at secret/; all of what one is given the others have too.
type Cluster struct {
	Nodes []*Server

	unseal string
}

// nodes is how many there are: the least that survives the loss of one.
const nodes = 3

// StartCluster starts a cluster that stops when the test ends, and waits until
// each of its nodes has a vote, and so can lead.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	binary, err := find()
	if errors.Is(err, ErrMissing) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{}
	for i := range nodes {
		node, err := newNode(binary, fmt.Sprintf("127.0.0.%d", i+1), c.Nodes)
		if err == nil {
			c.Nodes = append(c.Nodes, node)
			t.Cleanup(node.Stop)
			err = node.wake()
		}
		if err == nil && i == 0 {
			err = c.begin()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, node := range c.Nodes[1:] {
		c.open(t, node)
	}
	c.Nodes[0].Call(t, http.MethodPost, "sys/mounts/secret", map[string]any{"type": "kv", "options": map[string]string{"version": "2"}})
	c.Whole(t)
	return c
}

// newNode prepares a server that joins those that are there already.
func newNode(binary, host string, others []*Server) (*Server, error) {
	dir, err := os.MkdirTemp("", "vaulttest-raft-")
	if err != nil {
		return nil, err
	}
	api, err := freePort(host)
	if err != nil {
		return nil, err
	}
	peer, err := freePort(host)
	if err != nil {
		return nil, err
	}
	type object = map[string]any
	var join []object
	for _, o := range others {
		join = append(join, object{"leader_api_addr": o.Address})
	}
	configuration, err := json.Marshal(object{
		// Elections and votes as quick as may be: tests wait for them.
		"storage": object{"raft": object{
			"path": dir, "node_id": host, "retry_join": join, "performance_multiplier": 1,
			"autopilot_update_interval": "200ms", "autopilot_reconcile_interval": "200ms",
		}},
		"listener":      object{"tcp": object{"address": api, "cluster_address": peer, "tls_disable": true}},
		"api_addr":      "http://" + api,
		"cluster_addr":  "https://" + peer,
		"disable_mlock": true,
	})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "vault.json")
	if err := os.WriteFile(file, configuration, 0o600); err != nil {
		return nil, err
	}
	return &Server{
		Address: "http://" + api, output: &output{}, dir: dir,
		http:    &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second},
		command: []string{binary, "server", "-config=" + file},
	}, nil
}

// wake runs a node's process and waits until it answers, sealed.
func (s *Server) wake() error {
	if err := s.start(); err != nil {
		return err
	}
	return s.poll("to answer", func() error {
		_, _, err := s.request(http.MethodGet, "sys/seal-status", nil)
		return err
	})
}

// begin makes the first node a cluster of one.
func (c *Cluster) begin() error {
	first := c.Nodes[0]
	status, raw, err := first.request(http.MethodPut, "sys/init", map[string]int{"secret_shares": 1, "secret_threshold": 1})
	var made struct {
		Keys      []string `json:"keys"`
		RootToken string   `json:"root_token"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &made)
	}
	if err != nil || status != http.StatusOK || len(made.Keys) != 1 {
		return fmt.Errorf("vaulttest: making a cluster: status %d: %w", status, err)
	}
	c.unseal = made.Keys[0]
	if err := c.unsealed(first); err != nil {
		return err
	}
	return first.poll("to lead", func() error {
		for path, body := range map[string]any{
			"auth/token/create": map[string]any{"id": Root, "policies": []string{"root"}, "no_parent": true},
			// A node is given its vote once it was stable for so long; 10 s by itself.
			"sys/storage/raft/autopilot/configuration": map[string]any{"server_stabilization_time": "500ms"},
		} {
			status, raw, err := first.request(http.MethodPost, path, body, "X-Vault-Token", made.RootToken)
			if err != nil {
				return err
			}
			if status >= 300 {
				return fmt.Errorf("%s: status %d: %s", path, status, raw)
			}
		}
		return nil
	})
}

// unsealed unseals a node, which may have yet to join.
func (c *Cluster) unsealed(node *Server) error {
	return node.poll("to be unsealed", func() error {
		status, raw, err := node.request(http.MethodPut, "sys/unseal", map[string]any{"key": c.unseal})
		var answer struct {
			Sealed bool `json:"sealed"`
		}
		if err == nil {
			err = json.Unmarshal(raw, &answer)
		}
		if err == nil && (status != http.StatusOK || answer.Sealed) {
			err = fmt.Errorf("status %d: %s", status, raw)
		}
		return err
	})
}

func (c *Cluster) open(t testing.TB, node *Server) {
	t.Helper()
	if err := c.unsealed(node); err != nil {
		t.Fatal(err)
	}
}

// Leader returns the index of the node that leads, once there is one.
func (c *Cluster) Leader(t testing.TB) int {
	t.Helper()
	leader := -1
	err := c.poll("to have a leader", func() error {
		for i, node := range c.Nodes {
			status, raw, err := node.request(http.MethodGet, "sys/leader", nil)
			var answer struct {
				IsSelf bool `json:"is_self"`
			}
			if err == nil && status == http.StatusOK && json.Unmarshal(raw, &answer) == nil && answer.IsSelf {
				leader = i
				return nil
			}
		}
		return errors.New("nobody leads")
	})
	if err != nil {
		t.Fatal(err)
	}
	return leader
}

// Whole waits until all nodes are well: each has a vote, and answers for the
// engine at secret/, by itself or by passing the question on.
func (c *Cluster) Whole(t testing.TB) {
	t.Helper()
	leader := c.Nodes[c.Leader(t)]
	err := c.poll("to be whole", func() error {
		status, raw, err := leader.request(http.MethodGet, "sys/storage/raft/configuration", nil)
		if err != nil {
			return err
		}
		var answer struct {
			Data struct {
				Config struct {
					Servers []struct {
						Voter bool `json:"voter"`
					} `json:"servers"`
				} `json:"config"`
			} `json:"data"`
		}
		if err := json.Unmarshal(raw, &answer); err != nil || status != http.StatusOK {
			return fmt.Errorf("status %d: %w", status, err)
		}
		votes := 0
		for _, s := range answer.Data.Config.Servers {
			if s.Voter {
				votes++
			}
		}
		if votes != nodes {
			return fmt.Errorf("%d of %d have a vote", votes, nodes)
		}
		for _, node := range c.Nodes {
			if status, _, err := node.request(http.MethodGet, "secret/config", nil); err != nil || status != http.StatusOK {
				return fmt.Errorf("%s: status %d: %w", node.Address, status, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Kill ends a node at once, as if its machine had lost its power. What the
// cluster holds is on its disk.
func (c *Cluster) Kill(node int) {
	c.Nodes[node].kill()
}

// Return starts a node again that was killed, and waits until the cluster is
// whole.
func (c *Cluster) Return(t testing.TB, node int) {
	t.Helper()
	s := c.Nodes[node]
	if err := s.wake(); err != nil {
		t.Fatal(err)
	}
	c.open(t, s)
	c.Whole(t)
}

// Running are the indices of the nodes that run.
func (c *Cluster) Running() []int {
	var running []int
	for i, node := range c.Nodes {
		select {
		case <-node.ended:
		default:
			running = append(running, i)
		}
	}
	return running
}

// Unseal unseals a node that Seal has sealed, and waits until the cluster is
// whole. A node must lead to be sealed.
func (c *Cluster) Unseal(t testing.TB, node int) {
	t.Helper()
	c.open(t, c.Nodes[node])
	c.Whole(t)
}

func (c *Cluster) poll(what string, try func() error) error {
	node := c.Nodes[c.Running()[0]]
	return node.poll(what, try)
}
