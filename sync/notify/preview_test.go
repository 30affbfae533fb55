package notify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keyrota/keyrota/sync/finding"
	"github.com/keyrota/keyrota/sync/notify"
)

var update = flag.Bool("update", false, "write what the messages are expected to be")

func pageNow() finding.Finding {
	return finding.Finding{
		Code: "destination_failing", Severity: finding.Page, Account: "ml-platform/nightly-eval", Subject: "vault:kv/ml/eval#WANDB_API_KEY",
		Team: "ml-platform", Owner: "ml-platform@acme.example", Since: monday.Add(-50 * time.Hour),
		Title:    "a destination cannot be written to, and holds a key that is about to go",
		Evidence: []string{"vault answers 403 since Sat 28 Feb 2026 06:00 UTC", "it holds edition 6; the others hold edition 7", "last read by airflow/eval_dag on Mon 2 Mar 2026"},
		Broken:   "airflow/eval_dag reads edition 6, whose key was deleted by hand at 07:12",
		Do:       "give keyrota's policy in Vault the capability update on kv/data/ml/eval; the next pass delivers by itself",
		Command:  "keyrota sync ml-platform/nightly-eval", SafeUntil: monday.Add(22 * time.Hour),
	}
}

func quarantine() finding.Finding {
	return finding.Finding{
		Code: "propose_quarantine", Severity: finding.Ticket, Account: "research/ablation-2024", Team: "research", Owner: "r&d <rd@acme.example>",
		Since: monday.AddDate(0, -3, 0), Title: "not used for 97 days: switch it off?",
		Evidence: []string{"runs: the last one began on Tue 25 Nov 2025 (complete since 1 Jan 2025)", "audit log: nothing since"},
		Do:       "ask its owner; then write this below the account, for review:", Change: "state: quarantined\nquarantine_wait: 7d",
		Command: "keyrota status research/ablation-2024",
	}
}

// many are two hundred findings, a few of them with room for little else.
func many() []finding.Finding {
	all := []finding.Finding{pageNow(), quarantine()}
	codes := []finding.Code{"unused", "no_owner", "name_convention", "extra_keys"}
	for i := range 198 {
		f := example(codes[i%len(codes)], finding.Ticket, fmt.Sprintf("batch-%03d", i))
		f.Title = fmt.Sprintf("ml-platform/batch-%03d: <b>%s</b> & more", i, f.Code)
		all = append(all, f)
	}
	return all
}

// The messages as they arrive. To look at them: go test ./sync/notify -run TestPreviews -update,
// and open testdata/*.html.
func TestPreviews(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(w *world)
	}{
		{"page", func(w *world) { w.tell(pageNow()) }},
		{"many", func(w *world) {
			w.n.Attach = attach
			w.tell(many()...)
		}},
		{"healed", func(w *world) {
			w.tell(pageNow(), quarantine())
			w.flush()
			w.tell(quarantine())
		}},
		{"mixed", func(w *world) {
			w.tell(quarantine(), example("no_owner", finding.Ticket, "ci"), example("unused", finding.Ticket, "old"))
			w.flush()
			known := quarantine()
			known.Acknowledged = &finding.Acknowledgement{Until: monday.AddDate(0, 1, 0), Reason: "the paper is <under> review", By: "alice on laptop"}
			w.tell(known, example("no_owner", finding.Ticket, "ci"), pageNow(), example("foreign_key", finding.Page, "ci"))
			w.tell(known, example("no_owner", finding.Ticket, "ci"), pageNow())
		}},
		{"report", func(w *world) {
			err := w.n.Report(w.t.Context(), notify.Report{
				Name: "weekly", Title: "Unused accounts, week 10", Lines: []string{"12 of 214 accounts are unused, 3 more than a week ago", "2 accounts were never used: research/tmp, ml-platform/try"},
				Link: "https://reports.acme.example/keyrota/weekly.html?week=10&year=2026", Files: []notify.File{{Name: "unused.csv", Type: "text/csv", Data: []byte("account\r\nresearch/tmp\r\n")}},
			}, monday, "chat", "mail", "hook")
			if err != nil {
				w.t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := monday
			w := newWorld(t, func() time.Time { return at })
			defer w.ledger.Close()
			c.play(w)
			w.flush()
			w.wellBehaved()
			chats, mails := w.slack.Taken(), w.mail.Taken()
			if len(chats) == 0 || len(mails) == 0 {
				t.Fatal("nothing was told")
			}
			mail := mails[len(mails)-1]
			for _, m := range mails {
				if m.To == "sec@acme.example" {
					mail = m // the last one to those who are told everything
				}
			}
			golden(t, c.name+".slack.json", indented(t, chats[len(chats)-1].Raw))
			golden(t, c.name+".email.html", unix(mail.HTML))
			golden(t, c.name+".email.txt", []byte("Subject: "+mail.Subject+"\n\n"+string(unix(mail.Text))))
			if c.name == "many" && string(mail.Files["findings.csv"]) != "200 findings" {
				t.Errorf("attached: %q", mail.Files)
			}
		})
	}
}

func attach(_ context.Context, all []finding.Finding) ([]notify.File, error) {
	return []notify.File{{Name: "findings.csv", Type: "text/csv", Data: fmt.Appendf(nil, "%d findings", len(all))}}, nil
}

func indented(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unix(s string) []byte { return bytes.ReplaceAll([]byte(s), []byte("\r\n"), []byte("\n")) }

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is another (-want +got); -update writes it anew:\n%s", name, diff)
	}
}
