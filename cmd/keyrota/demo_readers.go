package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
)

// readers are jobs: one for each destination, which again and again reads the
// file as it is and logs to a run with the key that it finds there.
type readers struct {
	stage   *stage
	client  *http.Client
	stopped chan struct{}
	group   sync.WaitGroup
	running map[string]*reader // by destination
}

// reader is one job. Its lock is held during each read.
type reader struct {
	lock     sync.Mutex
	reads    int
	failures int
	first    error // the first failure
}

const (
	readEvery   = 100 * time.Millisecond
	readTimeout = 10 * time.Second
)

func newReaders(s *stage) *readers {
	return &readers{
		stage: s, client: &http.Client{Timeout: readTimeout},
		stopped: make(chan struct{}), running: map[string]*reader{},
	}
}

// start starts the reader of a destination, unless it runs already.
func (rs *readers) start(ctx context.Context, account config.Account, d config.Destination) {
	if rs.running[d.String()] != nil {
		return
	}
	r := &reader{}
	rs.running[d.String()] = r
	ctx = context.WithoutCancel(ctx) // a read that has begun is never cut off: that would be no failure of ours
	rs.group.Go(func() {
		tick := time.NewTicker(readEvery)
		defer tick.Stop()
		for {
			r.lock.Lock()
			err := rs.read(ctx, account, d)
			r.reads++
			if err != nil {
				r.failures++
				if r.first == nil {
					r.first = fmt.Errorf("the reader of %s: %w", d, err)
				}
			}
			r.lock.Unlock()
			select {
			case <-tick.C:
			case <-rs.stopped:
				return
			}
		}
	})
}

// pause has the reader of a destination wait until what it returns is called.
func (rs *readers) pause(d config.Destination) (resume func()) {
	r := rs.running[d.String()]
	r.lock.Lock()
	return r.lock.Unlock
}

// stop ends all readers, none of which may be paused.
func (rs *readers) stop() {
	close(rs.stopped)
	rs.group.Wait()
}

// count sums up. Those that are paused are left out.
func (rs *readers) count() (reads, failures int, first error) {
	for _, r := range rs.running {
		if !r.lock.TryLock() {
			continue
		}
		reads += r.reads
		failures += r.failures
		if first == nil {
			first = r.first
		}
		r.lock.Unlock()
	}
	return reads, failures, first
}

// read is what a job does: it knows the file's form, and nothing of keyrota.
func (rs *readers) read(ctx context.Context, account config.Account, d config.Destination) error {
	text, err := os.ReadFile(rs.stage.secret(d))
	if err != nil {
		return err
	}
	key, err := keyIn(d, text)
	if err != nil {
		return err
	}
	return rs.log(ctx, account, d, key)
}

// keyIn finds the key in a file of one of the forms that the quickstart has.
func keyIn(d config.Destination, text []byte) (providers.Secret, error) {
	field := d.Field
	if d.Format == config.FormatJSON {
		field = config.KeyVariable
	}
	switch {
	case field != "":
		var object map[string]string
		if json.Unmarshal(text, &object) != nil || object[field] == "" {
			return providers.Secret{}, errors.New("the file is no JSON object with a key")
		}
		return providers.NewSecret(object[field]), nil
	case d.Format == config.FormatTemplate:
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(line, config.KeyVariable+"="); ok {
				return providers.NewSecret(strings.TrimSpace(value)), nil
			}
		}
		return providers.Secret{}, errors.New("the file sets no " + config.KeyVariable)
	}
	return providers.NewSecret(string(text)), nil
}

// log logs to the job's run (see the sandbox's documentation), which is over then: a
// run that goes on would keep the key that it began with.
func (rs *readers) log(ctx context.Context, account config.Account, d config.Destination, key providers.Secret) error {
	body, err := json.Marshal(map[string]any{
		"query": `mutation ($entity: String!, $run: String!) {
			upsertBucket(input: {entityName: $entity, modelName: "quickstart", name: $run, state: "finished"}) { inserted } }`,
		"variables": map[string]string{
			"entity": account.Env["WANDB_ENTITY"], "run": strings.NewReplacer("/", "-", ".", "-").Replace(d.Path),
		},
	})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, rs.stage.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.SetBasicAuth("api", key.Expose())
	request.Header.Set("Content-Type", "application/json")
	response, err := rs.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	const longest = 1 << 20
	answer, err := io.ReadAll(io.LimitReader(response.Body, longest))
	if err != nil {
		return err
	}
	var outcome struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(answer, &outcome); err != nil {
		return fmt.Errorf("W&B answered %s and no JSON", response.Status)
	}
	if response.StatusCode != http.StatusOK || len(outcome.Errors) > 0 {
		words := ""
		if len(outcome.Errors) > 0 {
			words = ": " + outcome.Errors[0].Message
		}
		return fmt.Errorf("W&B answered %s%s", response.Status, words)
	}
	return nil
}
