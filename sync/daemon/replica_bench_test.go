package daemon_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/providertest"
)

// BenchmarkReplicas delivers the first key of 200 accounts, by services that
// take a moment to answer, and then sweeps for a while with nothing to do.
func BenchmarkReplicas(b *testing.B) {
	const accounts, answers = 200, 20 * time.Millisecond
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for range b.N {
				w := newWorldAt(b, onServer(b), manyAccounts(accounts, "sweep_every: 5s\nworkers: 4\n"))
				var observed atomic.Int64
				w.platform.Intercept(func(_ context.Context, s providertest.PlatformStep) error {
					if s.Point == providertest.Before {
						time.Sleep(answers)
					}
					return nil
				})
				w.stores["a"].Intercept(func(_ context.Context, s providertest.StoreStep) error {
					if s.Point == providertest.Before {
						if s.Op == "observe" {
							observed.Add(1)
						}
						time.Sleep(answers)
					}
					return nil
				})
				var all []*replica
				for i := range n {
					all = append(all, w.replica(fmt.Sprint(i), &w.yaml))
				}
				beside, begun := w.open(), time.Now()
				for agreed := 0; agreed < accounts; time.Sleep(100 * time.Millisecond) {
					agreed = 0
					entries, err := beside.List(b.Context())
					if err != nil {
						b.Fatal(err)
					}
					for _, e := range entries {
						if !e.Record.Agreed.IsZero() {
							agreed++
						}
					}
					if time.Since(begun) > 5*time.Minute {
						b.Fatal("it takes too long")
					}
				}
				took := time.Since(begun)
				sweeps := func() (total, sweepers int) {
					for _, r := range all {
						total += r.sweeps()
						sweepers += min(r.sweeps(), 1)
					}
					return total, sweepers
				}
				was, _ := sweeps()
				seen, quiet := observed.Load(), time.Now()
				for now := was; now < was+2; now, _ = sweeps() {
					time.Sleep(50 * time.Millisecond)
				}
				total, sweepers := sweeps()
				least, most := accounts, 0
				for _, r := range all {
					did := r.log.count("msg=rotation.agreed")
					least, most = min(least, did), max(most, did)
				}
				b.ReportMetric(took.Seconds(), "s/200accounts")
				b.ReportMetric(float64(least), "least/replica")
				b.ReportMetric(float64(most), "most/replica")
				b.ReportMetric(float64(sweepers), "sweepers")
				b.ReportMetric(float64(total-was)/time.Since(quiet).Seconds(), "sweeps/s")
				b.ReportMetric(float64(observed.Load()-seen)/float64(total-was), "observations/sweep")
				for _, r := range all {
					if err := r.stop(); err != nil {
						b.Error(err)
					}
				}
			}
		})
	}
}
