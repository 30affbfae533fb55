package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/keyrota/keyrota/providers/pace"
)

// app is what every command needs of the process.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)
	now            func() time.Time
	paces          *pace.Paces // outlive a reload of the configuration

	configPath string
	output     outputFormat
	logLevel   string
	logJSON    bool
}

func newApp() *app {
	return &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv, now: wallClock, paces: &pace.Paces{}}
}

// wallClock is the time without Go's monotonic reading, which stands still while
// a machine is suspended: a deadline passes all the same.
func wallClock() time.Time { return time.Now().Round(0) }

// Exit codes, part of what scripts rely on.
const (
	exitFailed  = 1 // the command could not do what it was asked for
	exitChanges = 2 // plan --detailed-exitcode: something would be done
	exitPartly  = 3 // some accounts failed, wait or are parked; the others are done
)

// exitError ends the program with a code other than 1.
type exitError struct {
	code int
	err  error // nil: nothing more to say
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// run executes one command line and returns the exit code.
func run(args []string, a *app) int {
	noDumps()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	root := newRoot(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := exitFailed
	var exit *exitError
	if errors.As(err, &exit) {
		code = exit.code
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted: what was begun is on record, and the next pass goes on with it")
	}
	if err.Error() != "" {
		a.warn("keyrota: %s", withoutKeys(err.Error(), args))
	}
	return code
}

// withoutKeys takes arguments out of an error's words that may be keys: what
// repeats an argument cannot know.
func withoutKeys(words string, args []string) string {
	clean := words
	for _, arg := range args {
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			arg = value
		}
		if keyText.MatchString(arg) && strings.ContainsAny(arg, "0123456789") {
			clean = strings.ReplaceAll(clean, arg, "[removed]")
		}
	}
	if clean != words {
		clean += "\nIf what was removed is a key: it is in the shell's history now, and every process here could see it, so take it for leaked"
	}
	return clean
}

var keyText = regexp.MustCompile(`^[A-Za-z0-9_-]{40,}$`)

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "keyrota",
		Short: "Rotates the API keys of W&B service accounts and delivers them to secrets managers",
		Long: `keyrota provisions W&B service accounts, rotates their API keys on schedule, and
delivers each key to the secrets managers that its readers use.

Exit codes: 0 done; 1 failed; 2 changes pending (plan --detailed-exitcode);
3 done in part (some accounts failed, wait or are parked).

Not affiliated with Weights & Biases.`,
		Args:          cobra.ArbitraryArgs,
		RunE:          command,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.output == outputMarkdown && !cmd.Flags().Changed("since") {
				return errors.New("--output markdown is for plan --since: write table, json or yaml")
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(flagError)
	// The program alone runs nothing, it only answers for what is no command.
	usage := strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable .HasParent}}", 1)
	root.SetUsageTemplate(strings.ReplaceAll(usage, ".FlagUsages ", ".FlagUsagesWrapped 80 "))
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	flags := root.PersistentFlags()
	flags.StringVarP(&a.configPath, "config", "c", "", "configuration `FILE`; without it, ./keyrota.yaml, then keyrota/keyrota.yaml in your configuration directory")
	flags.VarP(&a.output, "output", "o", "how data is printed: table, json or yaml")
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]cobra.Completion{string(outputTable), string(outputJSON), string(outputYAML)}, cobra.ShellCompDirectiveNoFileComp))
	for _, group := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"try", "Try:", []*cobra.Command{newDemo(a), newInit(a), newValidate(a), newPlan(a), newSandbox(a)}},
		{"operate", "Operate:", []*cobra.Command{newSync(a), newRun(a), newStatus(a), newHistory(a), newDiscover(a), newAdopt(a), newRelease(a), newPrune(a), newForget(a), newLedger(a)}},
		{"know", "Know:", []*cobra.Command{newReport(a), newObserve(a), newDoctor(a), newAcknowledge(a), newUnacknowledge(a), newNotify(a)}},
		{"emergency", "Emergency:", []*cobra.Command{newWhose(a), newRotate(a), newRollback(a), newRetire(a), newRetry(a), newFreeze(a), newUnfreeze(a)}},
		{"about", "About:", []*cobra.Command{newVersion(a)}},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, c := range group.commands {
			c.GroupID = group.id
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID("about")
	root.SetCompletionCommandGroupID("about")
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		c.Args, c.RunE = cobra.ArbitraryArgs, completion
	}
	return root
}
