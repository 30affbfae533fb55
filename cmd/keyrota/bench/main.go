// Command bench measures keyrota as calls and ratios: a steady pass and a full
// rotation over many accounts, delivered to one, two and three stores. It runs
// the real program against test servers on loopback, each behind a chosen
// round-trip time and held to the published quotas, and prints for each run the
// calls by kind, the wall time, the peak memory, and how the wall time compares
// to what quota and round trip allow.
//
//	go run ./cmd/keyrota/bench -accounts 100,1000 -stores 1,3 -rtt 30ms
//
// The servers are those of the tests: the sandbox for W&B, our emulator of AWS
// Secrets Manager, Microsoft's fake of Azure Key Vault with our state behind
// it, and a real Vault where one is built (make vault); without it, what needs
// three stores is left out and said to be.
//
// "bench findings" measures another thing: how often findings are right (package
// findings).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyrota/keyrota/cmd/keyrota/bench/findings"
)

// options is what a person chose to measure.
type options struct {
	accounts []int
	stores   []int
	passes   []string
	rtt      time.Duration
	workers  int
	binary   string
	dir      string // for everything that is written
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context) (err error) {
	if len(os.Args) > 1 && os.Args[1] == "findings" {
		return findings.Run(ctx, os.Stdout, os.Args[2:])
	}
	accounts := flag.String("accounts", "100,1000,10000", "how many accounts, a run for each")
	stores := flag.String("stores", "1,2,3", "on how many stores: AWS; and Azure; and Vault")
	passes := flag.String("passes", "steady,rotation", "what to measure")
	var o options
	flag.DurationVar(&o.rtt, "rtt", 30*time.Millisecond, "round trip of each call")
	flag.IntVar(&o.workers, "workers", 64, "accounts that keyrota works on at a time")
	flag.StringVar(&o.binary, "keyrota", "", "the program; built if not given")
	flag.Parse()
	if o.accounts, err = numbers(*accounts); err != nil {
		return fmt.Errorf("-accounts: %w", err)
	}
	if o.stores, err = numbers(*stores); err != nil {
		return fmt.Errorf("-stores: %w", err)
	}
	if slices.Max(o.stores) > 3 {
		return errors.New("-stores: there are three at most")
	}
	o.passes = strings.Split(*passes, ",")
	if o.dir, err = os.MkdirTemp("", "keyrota-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	if o.binary == "" {
		o.binary = filepath.Join(o.dir, "keyrota")
		build := exec.CommandContext(ctx, "go", "build", "-o", o.binary, "github.com/keyrota/keyrota/cmd/keyrota")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building keyrota: %w", err)
		}
	}
	var rows []row
	for _, n := range o.stores {
		for _, accounts := range o.accounts {
			measured, err := measure(ctx, o, accounts, n)
			rows = append(rows, measured...)
			if errors.Is(err, errNoVault) {
				fmt.Fprintf(os.Stderr, "left out: %d accounts on %d stores: %v\n", accounts, n, err)
				continue
			}
			if err != nil {
				return fmt.Errorf("%d accounts on %d stores: %w", accounts, n, err)
			}
		}
	}
	printTable(os.Stdout, o, rows)
	return nil
}

func numbers(list string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number from 1", part)
		}
		all = append(all, n)
	}
	return all, nil
}
