package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

func TestRestartLosesNoKey(t *testing.T) {
	directory := t.TempDir()
	seedPath, statePath := filepath.Join(directory, "seed.yaml"), filepath.Join(directory, "state.yaml")
	if err := os.WriteFile(seedPath, []byte(seedText), 0o600); err != nil {
		t.Fatal(err)
	}
	seed, err := sandbox.LoadSeed(seedPath)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	options := sandbox.Options{StatePath: statePath, Logger: slog.New(slog.NewTextHandler(&logged, nil))}
	b := newBenchFrom(t, seed, options)

	account := b.createAccount(leadKey, "ml", "nightly")
	removed := b.mustGenerate(ciKey, "to be removed")
	if ok, _, _ := b.deleteKey(ciKey, removed.ID); !ok {
		t.Fatal("not deleted")
	}
	b.log(ciKey, "ml", "team", "a run", nil)
	b.viewer(strings.Repeat("CANARY", 8), nil)
	if err := b.AddFault(sandbox.Fault{Kind: sandbox.FaultLostAnswer, Operation: "generateApiKey", Count: 1}); err != nil {
		t.Fatal(err)
	}
	b.generate(ciKey, "lost")
	made := b.mustGenerate(ciKey, "kept")
	newest := b.mustGenerate(ciKey, "the newest, deleted: its id is not given out again")
	if ok, _, _ := b.deleteKey(ciKey, newest.ID); !ok {
		t.Fatal("not deleted")
	}
	before := b.Server

	// What was answered is in the file already: nothing ends this server in good order.
	options.Now = b.clock.Now
	reopened, err := sandbox.Open(seedPath, options)
	if err != nil {
		t.Fatal(err)
	}
	if !reopened.IsLive(made.Name) || !reopened.IsLive(ciKey) || reopened.IsLive(removed.Name) {
		t.Error("the restarted server disagrees on which keys live")
	}
	if diff := cmp.Diff(before.Keys("ci"), reopened.Keys("ci")); diff != "" {
		t.Errorf("keys after the restart: %s", diff)
	}
	if diff := cmp.Diff(before.Accounts(), reopened.Accounts()); diff != "" || !strings.Contains(fmt.Sprint(reopened.Accounts()), account) {
		t.Errorf("accounts after the restart: %s", diff)
	}
	if diff := cmp.Diff(before.State(), reopened.State()); diff != "" {
		t.Errorf("state after the restart: %s", diff)
	}
	id, _, err := reopened.CreateKey("ci", "after")
	if err != nil || id == made.ID || id == newest.ID {
		t.Errorf("a new key has id %s, which was given out before: %v", id, err)
	}

	state, err := os.ReadFile(statePath)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(state), logged.String(), fmt.Sprintf("%+v %#v", seed, seed)} {
		for _, secret := range []string{adminKey, ciKey, made.Name, removed.Name, "CANARY"} {
			if strings.Contains(text, secret) {
				t.Errorf("a key is in the state, the log or a printed seed: %s", text)
			}
		}
	}
	if info, err := os.Stat(statePath); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state's mode is %v", info.Mode())
	}
	if files, err := os.ReadDir(directory); err != nil || len(files) != 2 {
		t.Errorf("files left behind: %v", files)
	}
}

func TestRestartOfAServerThatShowsKeys(t *testing.T) {
	b := newBench(t, func(s *sandbox.Seed) { s.Settings.Keys = sandbox.KeysShown })
	made := b.mustGenerate(ciKey, "")
	path := filepath.Join(t.TempDir(), "state.yaml")
	if err := b.Save(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), made.Name) || strings.Contains(string(content), ciKey) {
		t.Error("the state holds a key")
	}
	seed, err := sandbox.LoadSeed(path)
	if err != nil {
		t.Fatal(err)
	}
	restarted := newBenchFrom(t, seed, sandbox.Options{})
	viewer, _ := restarted.viewer(made.Name, nil)
	if viewer == nil || len(viewer.keys()) != 2 || !strings.HasPrefix(made.Name, viewer.keys()[1].Name) {
		t.Errorf("after the restart: %+v", viewer)
	}
	if _, members := restarted.members(leadKey, "ml"); members["ci"].APIKey != nil {
		t.Error("a member's first part is shown as its whole key")
	}
}

func TestServeEndsCleanly(t *testing.T) {
	seed, err := sandbox.ParseSeed([]byte(seedText))
	if err != nil {
		t.Fatal(err)
	}
	seed.Faults = []sandbox.Fault{{Kind: sandbox.FaultLatency, Delay: time.Hour}}
	path := filepath.Join(t.TempDir(), "state.yaml")
	server, err := sandbox.New(seed, sandbox.Options{StatePath: path})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()

	answered := make(chan int, 1)
	go func() {
		request, _ := http.NewRequest(http.MethodPost, "http://"+listener.Addr().String()+"/graphql",
			strings.NewReader(`{"query": "mutation { generateApiKey(input: {description: \"late\"}) { apiKey { id } } }"}`))
		request.SetBasicAuth("api", ciKey)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			answered <- 0
			return
		}
		defer response.Body.Close()
		answered <- response.StatusCode
	}()
	for deadline := time.Now().Add(10 * time.Second); server.Calls("generateApiKey") == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the request did not arrive")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request under way was answered %d", status)
	}
	state, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(state), "late") {
		t.Errorf("the state does not have the last key: %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	b := newBench(t, nil)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			made, messages, _ := b.generate(ciKey, fmt.Sprint(i))
			if messages != nil {
				t.Error(messages)
				return
			}
			query[any](b, adminKey, `{ viewer { id } users(query: "c") { edges { node { apiKeys { edges { node { name } } } } } } a: entity(name: "ml") { members { name apiKey } } }`, nil, nil)
			b.log(made.Name, "ml", "team", "shared", nil)
			if ok, messages, _ := b.deleteKey(made.Name, made.ID); !ok {
				t.Error(messages)
			}
			b.Uses()
			b.State()
		})
	}
	group.Wait()
	if n := len(b.Keys("ci")); n != 1 {
		t.Errorf("%d keys are left", n)
	}
}
