package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/examples"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/file"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
	"github.com/keyrota/keyrota/sync/ledger"
)

// stage is what the demo plays on: a directory made from examples/quickstart,
// the sandbox, the daemon and the ledger.
type stage struct {
	dir     string
	address string // of the sandbox, host:port
	url     string
	app     *app // as if started in dir, with its own words going to daemon.log
	config  *config.Config
	roots   map[string]string // directories of the stores, by name
	sandbox *sandbox.Server
	ledger  *ledger.Ledger
	log     *os.File

	server, daemon *process
}

const (
	demoConfig   = config.Name
	demoSandbox  = "sandbox.yaml"
	demoAdminKey = "admin.key"
	demoLog      = "daemon.log"
)

// openStage makes the directory and starts the sandbox. Close the result.
func openStage(ctx context.Context, a *app, dir, keyMarker string) (_ *stage, err error) {
	s := &stage{roots: map[string]string{}, server: &process{}, daemon: &process{}}
	defer func() {
		if err != nil {
			_ = s.close()
		}
	}()
	if s.dir, err = emptyDir(dir); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the sandbox cannot listen: %w", err)
	}
	s.address = listener.Addr().String()
	s.url = "http://" + s.address
	if err = errors.Join(s.startSandbox(ctx, listener, a, keyMarker), s.writeConfig()); err != nil {
		return nil, err
	}
	if s.log, err = os.OpenFile(s.path(demoLog), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	s.app = &app{
		stdin: strings.NewReader(""), stdout: io.Discard, stderr: s.log,
		env: a.env, now: a.now, configPath: s.path(demoConfig),
	}
	if s.config, err = s.app.loadConfig(); err != nil {
		return nil, err
	}
	for name, store := range s.config.Stores {
		block, ok := store.Config.(*file.Config)
		if !ok {
			return nil, fmt.Errorf("the demo reads files alone, and store %s has none", name)
		}
		s.roots[name] = block.Path
	}
	s.ledger, err = ledger.Open(ctx, s.config.Ledger, ledger.Options{Instance: s.config.Instance, By: actor(), Now: a.now})
	return s, err
}

// emptyDir returns a directory with nothing in it, made if need be.
func emptyDir(dir string) (string, error) {
	if dir == "" {
		made, err := os.MkdirTemp("", "keyrota-demo-")
		if err != nil {
			return "", fmt.Errorf("making a temporary directory: %w: name one with --dir", err)
		}
		return made, nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	there, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err = os.MkdirAll(dir, 0o700); err != nil {
			err = fmt.Errorf("making %s: %w: name another one with --dir", dir, err)
		}
	case err == nil && len(there) > 0:
		err = fmt.Errorf("%s is not empty: name a directory that is, or that is not there yet", dir)
	}
	return dir, err
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// startSandbox makes the sandbox of the quickstart's seed. What it saves is a
// seed with hashes in place of keys, so it stands where the seed stood.
func (s *stage) startSandbox(ctx context.Context, l net.Listener, a *app, keyMarker string) error {
	text, err := examples.Quickstart.ReadFile("quickstart/" + demoSandbox)
	if err != nil {
		return err
	}
	seed, err := sandbox.ParseSeed(text)
	if err != nil {
		return err
	}
	s.sandbox, err = sandbox.New(seed, sandbox.Options{Now: a.now, StatePath: s.path(demoSandbox), KeyMarker: keyMarker})
	if err != nil {
		return err
	}
	s.server = begin(ctx, func(ctx context.Context) error { return s.sandbox.Serve(ctx, l) })
	for _, p := range seed.People {
		if key, ok := s.sandbox.Generated(p.Username); ok && p.Admin {
			return os.WriteFile(s.path(demoAdminKey), []byte(key+"\n"), 0o600)
		}
	}
	return errors.New("the sandbox has no admin")
}

func (s *stage) writeConfig() error {
	text, err := examples.Quickstart.ReadFile("quickstart/" + demoConfig)
	if err != nil {
		return err
	}
	there := strings.ReplaceAll(string(text), examples.QuickstartServer, s.address)
	return os.WriteFile(s.path(demoConfig), []byte(there), 0o600)
}

// command runs one command line of keyrota, as a person would in another
// terminal.
func (s *stage) command(ctx context.Context, args ...string) error {
	typed := *s.app
	root := newRoot(&typed)
	root.SetArgs(append([]string{"--config", s.app.configPath}, args...))
	err := root.ExecuteContext(ctx)
	if err != nil {
		return fmt.Errorf("keyrota %s: %w", args[0], err)
	}
	return nil
}

// commandLine is how arguments are typed in a shell.
func commandLine(args ...string) string {
	typed := make([]string, len(args))
	for i, arg := range args {
		typed[i] = arg
		if strings.ContainsAny(arg, " \t'\"\\$&;()<>|*?#") {
			typed[i] = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
	}
	return strings.Join(typed, " ")
}

// startDaemon runs keyrota run until the stage is left.
func (s *stage) startDaemon(ctx context.Context) {
	s.daemon = begin(ctx, func(ctx context.Context) error { return s.command(ctx, "run") })
}

// split returns the accounts that can be provisioned, and those that a person
// must create.
func (s *stage) split() (provisioned, byHand []config.Account) {
	for _, account := range s.config.Accounts {
		if account.Scope == config.ScopeTeam {
			provisioned = append(provisioned, account)
		} else {
			byHand = append(byHand, account)
		}
	}
	return provisioned, byHand
}

// clickKey makes an account and a key of it, as an admin does in W&B's pages.
func (s *stage) clickKey(account config.Account) (providers.Secret, error) {
	made, err := s.sandbox.CreateServiceAccount(account.Name, sandbox.Scope(account.Scope), account.DefaultTeam, "")
	if err != nil {
		return providers.Secret{}, err
	}
	_, value, err := s.sandbox.CreateKey(made.Username, "first key, made by hand")
	return providers.NewSecret(value), err
}

// secret is the file of a destination.
func (s *stage) secret(d config.Destination) string {
	return filepath.Join(s.roots[d.Store], filepath.FromSlash(d.Path))
}

// typeIn writes a key to a destination as a person with an editor does.
func (s *stage) typeIn(d config.Destination, key providers.Secret) error {
	text := key.Expose()
	switch {
	case d.Format == config.FormatJSON:
		text = fmt.Sprintf("{%q: %q}\n", config.KeyVariable, text)
	case d.Format == config.FormatTemplate:
		text = config.KeyVariable + "=" + text + "\n"
	case d.Field != "":
		text = fmt.Sprintf("{%q: %q}\n", d.Field, text)
	}
	path := s.secret(d)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// stop ends the daemon, then the sandbox.
func (s *stage) stop() error {
	return errors.Join(s.daemon.end(), s.server.end())
}

// close stops everything and lets go of the files, which stay.
func (s *stage) close() error {
	err := s.stop()
	if s.ledger != nil {
		err = errors.Join(err, s.ledger.Close())
	}
	if s.log != nil {
		err = errors.Join(err, s.log.Close())
	}
	return err
}

// process is something that runs until it is ended. The zero process has never
// begun.
type process struct {
	cancel func()
	ended  chan struct{} // closed once err is set
	err    error
}

func begin(ctx context.Context, run func(context.Context) error) *process {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &process{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		p.err = run(ctx)
	}()
	return p
}

// end stops it and returns why it failed, if it did. It may be called again.
func (p *process) end() error {
	if p.cancel == nil {
		return nil
	}
	p.cancel()
	<-p.ended
	p.cancel = nil
	if errors.Is(p.err, context.Canceled) {
		return nil
	}
	return p.err
}
