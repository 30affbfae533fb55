package awssm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/rotation"
)

type calls = map[string]int

func TestFirstDeliveryAndTheNext(t *testing.T) {
	for _, c := range []struct {
		dest      string
		raw       string // with %s for the key
		nextCalls calls
	}{
		{"ci/wandb", "%s", calls{"DescribeSecret": 1, "PutSecretValue": 1, "UpdateSecretVersionStage": 1, "TagResource": 1}},
		{"ci/wandb#KEY", `{"KEY":"%s"}`, calls{"DescribeSecret": 1, "GetSecretValue": 1, "PutSecretValue": 1, "UpdateSecretVersionStage": 1, "TagResource": 1}},
	} {
		t.Run(c.dest, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.open(t, awssm.Config{}), dest(c.dest)
			absent := wantState(t, s, d, rotation.StateAbsent)
			var one, two rotation.Holding
			w.only(t, calls{"DescribeSecret": 1, "CreateSecret": 1}, func() {
				var err error
				one, err = s.Put(t.Context(), d, value(keyOne), mark("a", 1), absent)
				must(t, err)
			})
			if h := wantMarked(t, s, d, mark("a", 1)); h.Version != one.Version || len(h.Older) > 0 {
				t.Errorf("look shows %+v, put %+v", h, one)
			}
			w.only(t, c.nextCalls, func() {
				var err error
				two, err = s.Put(t.Context(), d, value(keyTwo), mark("a", 2), one)
				must(t, err)
			})
			h := wantMarked(t, s, d, mark("a", 2))
			if h.Version != two.Version || len(h.Older) != 1 || h.Older[0] != one.Version || len(two.Older) != 1 || two.Older[0] != one.Version {
				t.Errorf("look shows %+v, put %+v, want the first version as the older one", h, two)
			}
			x := w.secret(t, "ci/wandb")
			for i, want := range []struct{ id, stage, key string }{{"keyrota-1-", "AWSPREVIOUS", keyOne}, {"keyrota-2-", "AWSCURRENT", keyTwo}} {
				v := x.Versions[i]
				if !strings.HasPrefix(v.ID, want.id) || !strings.Contains(strings.Join(v.Stages, " "), want.stage) || v.Value != fmt.Sprintf(c.raw, want.key) {
					t.Errorf("version %d: %s, %v", i, v.ID, v.Stages)
				}
			}
			for v, want := range map[rotation.Version]string{one.Version: keyOne, two.Version: keyTwo, "": keyTwo} {
				if got, err := s.Read(t.Context(), d, v); err != nil || got.Expose() != want {
					t.Errorf("version %q: another value, or %v", v, err)
				}
			}
		})
	}
}

// The mark is one tag that a person can read.
func TestMarkIsLegible(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	put(t, s, dest("ci/wandb#KEY"), value(keyOne), mark("a", 3))
	x := w.secret(t, "ci/wandb")
	want := "instance=prod ledger=5f0c2d9e-ledger account=acct-a edition=3 key=key-a-3 shape=shape-1 version=" + x.Versions[0].ID + " sum="
	if got := x.Tags["keyrota.KEY"]; !strings.HasPrefix(got, want) || len(x.Tags) != 1 {
		t.Errorf("tags %v\nwant %s", x.Tags, want)
	}
}

func TestSecondPassWritesNothing(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{KMSKey: "alias/ours"}), dest("ci/wandb#KEY")
	p := value(keyOne)
	p.Description, p.Tags = "a key", map[string]string{"team": "ml"}
	h := put(t, s, d, p, mark("a", 1))
	w.only(t, calls{"DescribeSecret": 1}, func() {
		again, err := s.Put(t.Context(), d, p, mark("a", 1), h)
		if err != nil || again.Version != h.Version {
			t.Errorf("%+v, %v", again, err)
		}
	})
	w.only(t, calls{"DescribeSecret": 1}, func() { wantMarked(t, s, d, mark("a", 1)) })
}

func TestCurrentMovedByHandIsPutRight(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	put(t, s, d, value(keyOne), mark("a", 1))
	put(t, s, d, value(keyTwo), mark("a", 2))
	must(t, w.Label(d.Path, "AWSCURRENT", w.secret(t, d.Path).Versions[0].ID))
	h := wantState(t, s, d, rotation.StateEdited)
	if h.Mark != mark("a", 2) {
		t.Errorf("marked %+v", h.Mark)
	}
	put(t, s, d, value(keyTwo), mark("a", 2))
	wantMarked(t, s, d, mark("a", 2))
	wantRaw(t, w.Console, d.Path, keyTwo)
	if n := len(w.secret(t, d.Path).Versions); n != 2 {
		t.Errorf("%d versions, want 2", n)
	}
}

// AWSCURRENT that went away and came back is another secret than the one seen:
// the mark says that something was delivered in between.
func TestCurrentMovedAwayAndBack(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	seen := put(t, s, d, value(keyOne), mark("a", 1))
	put(t, s, d, value(keyTwo), mark("a", 2))
	must(t, w.Label(d.Path, "AWSCURRENT", w.secret(t, d.Path).Versions[0].ID))
	_, err := s.Put(t.Context(), d, value(keyTwo), mark("a", 3), seen)
	wantKind(t, err, providers.Conflict)
	wantRaw(t, w.Console, d.Path, keyOne)
}

// The writer that loses leaves a version behind that no reader asks for.
func TestLoserLeavesNothingThatCounts(t *testing.T) {
	for _, name := range []string{"ci/wandb", "ci/wandb#KEY"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.open(t, awssm.Config{}), dest(name)
			other := w.open(t, awssm.Config{}) // another process
			seen := put(t, s, d, value(keyOne), mark("a", 1))
			w.Inject(awstest.Fault{Operation: "UpdateSecretVersionStage", Before: func(awstest.Call) error {
				_, err := other.Put(context.Background(), d, value(keyTwo), mark("a", 2), seen)
				return err
			}})
			_, err := s.Put(t.Context(), d, value("loser"), mark("a", 9), seen)
			wantKind(t, err, providers.Conflict)
			wantMarked(t, s, d, mark("a", 2))
			h := put(t, s, d, value(keyOne), mark("a", 3))
			if len(h.Older) != 1 {
				t.Errorf("older versions %v, want the one before", h.Older)
			}
			wantMarked(t, s, d, mark("a", 3))
		})
	}
}

// A version that was staged and whose move failed is found among the older
// ones, and the next try moves it without another.
func TestStagedAndNotMoved(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	put(t, s, d, value(keyOne), mark("a", 1))
	seen := put(t, s, d, value("between"), mark("a", 2))
	w.Inject(awstest.Fault{Operation: "UpdateSecretVersionStage", Refuse: true})
	_, err := s.Put(t.Context(), d, value(keyTwo), mark("a", 3), seen)
	wantKind(t, err, providers.Transient)
	h := wantMarked(t, s, d, mark("a", 2))
	if len(h.Older) != 2 || !strings.HasPrefix(string(h.Older[0]), "keyrota-1-") || !strings.HasPrefix(string(h.Older[1]), "keyrota-3-") {
		t.Errorf("older versions %v, want the previous one and the staged one", h.Older)
	}
	if got, err := s.Read(t.Context(), d, h.Older[1]); err != nil || got.Expose() != keyTwo {
		t.Errorf("the staged value does not read, or %v", err)
	}
	h = put(t, s, d, value(keyTwo), mark("a", 3))
	if n := len(w.secret(t, d.Path).Versions); n != 3 || len(h.Older) != 1 {
		t.Errorf("%d versions, want 3; older %v", n, h.Older)
	}
	if again := look(t, s, d); fmt.Sprint(again) != fmt.Sprint(h) {
		t.Errorf("look shows %+v, put %+v", again, h)
	}
}

// Every answer of a put is lost once; what DescribeSecret shows may lag behind.
// One version of each edition is all that comes of it.
func TestLostAnswers(t *testing.T) {
	for _, lag := range []bool{false, true} {
		for _, op := range []string{"CreateSecret", "PutSecretValue", "UpdateSecretVersionStage", "TagResource"} {
			t.Run(fmt.Sprintf("%s, lag %v", op, lag), func(t *testing.T) {
				w := newWorld(t)
				s, d := w.open(t, awssm.Config{}), dest("ci/wandb#KEY")
				edition, versions := rotation.Edition(1), 1
				if op != "CreateSecret" {
					put(t, s, d, value("old"), mark("a", 1))
					edition, versions = 2, 2
				}
				if lag {
					w.SetLags(awstest.Lags{Describe: awstest.Lag{Hold: true}})
				}
				w.Inject(awstest.Fault{Operation: op, Drop: true})
				_, err := s.Put(t.Context(), d, value(keyOne), mark("a", edition), look(t, s, d))
				wantKind(t, err, providers.Transient)
				_, err = s.Put(t.Context(), d, value(keyOne), mark("a", edition), look(t, s, d))
				if err != nil {
					wantKind(t, err, providers.Conflict)
				}
				w.Release()
				if h := look(t, s, d); h.State != rotation.StateMarked || h.Mark != mark("a", edition) {
					put(t, s, d, value(keyOne), mark("a", edition))
				}
				wantMarked(t, s, d, mark("a", edition))
				wantRaw(t, w.Console, d.Path, `{"KEY":"`+keyOne+`"}`)
				if n := len(w.secret(t, d.Path).Versions); n != versions {
					t.Errorf("%d versions, want %d", n, versions)
				}
			})
		}
	}
}

func TestSecretWithoutAValue(t *testing.T) {
	for _, name := range []string{"ci/wandb", "ci/wandb#KEY"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.open(t, awssm.Config{}), dest(name)
			must(t, w.Create(d.Path, "", map[string]string{"managed-by": "terraform"}))
			if h := wantState(t, s, d, rotation.StateAbsent); h.Version == "" {
				t.Error("no version")
			}
			w.only(t, calls{"DescribeSecret": 2, "TagResource": 2, "PutSecretValue": 1}, func() {
				put(t, s, d, value(keyOne), mark("a", 1))
			})
			wantMarked(t, s, d, mark("a", 1))
			if x := w.secret(t, d.Path); x.Tags["managed-by"] != "terraform" || len(x.Versions) != 1 {
				t.Errorf("%+v", x)
			}
			must(t, w.Label(d.Path, "AWSCURRENT", ""))
			wantState(t, s, d, rotation.StateAbsent)
			put(t, s, d, value(keyTwo), mark("a", 2))
			wantMarked(t, s, d, mark("a", 2))
		})
	}
}

func TestRecoveryWindow(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	t.Run("ours", func(t *testing.T) {
		d := dest("ci/ours#KEY")
		must(t, w.Create(d.Path, `{"theirs":1.50}`, nil))
		seen := put(t, s, d, value(keyOne), mark("a", 1))
		must(t, w.Delete(d.Path))
		h := wantState(t, s, d, rotation.StateAbsent)
		if h.Version == seen.Version || len(h.Older) > 0 {
			t.Errorf("%+v, before %+v", h, seen)
		}
		_, err := s.Read(t.Context(), d, "")
		wantKind(t, err, providers.NotFound)
		_, err = s.Put(t.Context(), d, value(keyTwo), mark("a", 2), seen)
		wantKind(t, err, providers.Conflict)
		stranger := mark("a", 2)
		stranger.Instance = "staging"
		_, err = s.Put(t.Context(), d, value(keyTwo), stranger, h)
		wantKind(t, err, providers.Conflict, "keyrota prod", "untag-resource")
		must(t, w.Restore(d.Path))
		_, err = s.Put(t.Context(), d, value(keyTwo), mark("a", 2), h)
		wantKind(t, err, providers.Conflict)
		must(t, w.Delete(d.Path))
		put(t, s, d, value(keyTwo), mark("a", 2))
		wantMarked(t, s, d, mark("a", 2))
		wantRaw(t, w.Console, d.Path, `{"theirs":1.50,"KEY":"`+keyTwo+`"}`)
	})
	t.Run("not ours", func(t *testing.T) {
		d := dest("ci/theirs")
		must(t, w.Create(d.Path, "theirs", map[string]string{"Owner": "billing"}))
		must(t, w.Delete(d.Path))
		h := wantState(t, s, d, rotation.StateBare)
		for _, words := range []string{"scheduled for deletion on 20", "not ours", "billing"} {
			if !strings.Contains(h.Owner, words) {
				t.Errorf("owner %q does not say %q", h.Owner, words)
			}
		}
		if _, err := s.Put(t.Context(), d, value(keyOne), mark("a", 1), h); err != nil { // adopted by name
			t.Fatal(err)
		}
		wantMarked(t, s, d, mark("a", 1))
		wantRaw(t, w.Console, d.Path, keyOne)
	})
	t.Run("deleted without one", func(t *testing.T) {
		w := newWorld(t, awstest.Options{ForceDeleteAfter: time.Hour})
		s, d := w.open(t, awssm.Config{}), dest("ci/forced")
		put(t, s, d, value(keyOne), mark("a", 1))
		sdk := secretsmanager.NewFromConfig(w.Config(w.User, awstest.DefaultRegion))
		_, err := sdk.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(d.Path), ForceDeleteWithoutRecovery: aws.Bool(true)})
		must(t, err)
		_, err = s.Put(t.Context(), d, value(keyOne), mark("a", 1), wantState(t, s, d, rotation.StateAbsent))
		wantKind(t, err, providers.Transient, "deleted for good")
	})
}

// A secret that is deleted for good and made anew with the same edition has the
// same version id, and is not the one that was seen.
func TestMadeAnewWithTheSameVersionID(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	seen := put(t, s, d, value(keyOne), mark("a", 1))
	id := w.secret(t, d.Path).Versions[0].ID
	must(t, w.ForceDelete(d.Path))
	put(t, s, d, value(keyOne), mark("a", 1))
	if again := w.secret(t, d.Path).Versions[0].ID; again != id {
		t.Fatalf("version %s, then %s", id, again)
	}
	_, err := s.Put(t.Context(), d, value(keyTwo), mark("a", 2), seen)
	wantKind(t, err, providers.Conflict)
	_, err = s.Read(t.Context(), d, seen.Version)
	wantKind(t, err, providers.NotFound)
}

func TestKMSKeyAndDescription(t *testing.T) {
	const key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	w := newWorld(t)
	d := dest("ci/wandb")
	p := value(keyOne)
	p.Description = "first"
	put(t, w.open(t, awssm.Config{KMSKey: key}), d, p, mark("a", 1))
	if x := w.secret(t, d.Path); x.KMSKeyID != key || x.Description != "first" {
		t.Errorf("%+v", x)
	}
	ours := w.open(t, awssm.Config{KMSKey: "1234abcd-12ab-34cd-56ef-1234567890ab"})
	next := calls{"DescribeSecret": 2, "PutSecretValue": 1, "UpdateSecretVersionStage": 1, "TagResource": 1}
	w.only(t, next, func() { put(t, ours, d, value(keyTwo), mark("a", 2)) }) // the same key, and no description wanted
	p.Description = "second"
	next["UpdateSecret"] = 1
	w.only(t, next, func() { put(t, w.open(t, awssm.Config{KMSKey: "alias/other"}), d, p, mark("a", 3)) })
	if x := w.secret(t, d.Path); x.KMSKeyID != "alias/other" || x.Description != "second" || len(x.Versions) != 3 {
		t.Errorf("%+v", x)
	}
}

func TestMarkThatDoesNotFit(t *testing.T) {
	w := newWorld(t)
	s, m := w.open(t, awssm.Config{}), mark("a", 1)
	m.Instance = strings.Repeat("long", 40)
	w.only(t, calls{}, func() {
		_, err := s.Put(t.Context(), dest("ci/wandb"), value(keyOne), m, rotation.Holding{State: rotation.StateAbsent, Fresh: true})
		wantKind(t, err, providers.Invalid, "a shorter instance name helps")
	})
}

// A policy that forbids tags is met before the data is written; one that ends
// meanwhile leaves data whose mark follows later.
func TestTagsForbidden(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	must(t, w.Create(d.Path, "theirs", nil))
	seen := look(t, s, d)
	w.Deny(w.User, awstest.Denial{Action: "TagResource"})
	_, err := s.Put(t.Context(), d, value(keyOne), mark("a", 1), seen)
	wantKind(t, err, providers.Denied, "secretsmanager:TagResource on arn:aws:secretsmanager:us-east-1:*:secret:ci/wandb*")
	wantRaw(t, w.Console, d.Path, "theirs")
	w.Allow(w.User)
	seen = put(t, s, d, value(keyOne), mark("a", 1))
	w.Deny(w.User, awstest.Denial{Action: "TagResource"})
	_, err = s.Put(t.Context(), d, value(keyTwo), mark("a", 2), seen)
	wantKind(t, err, providers.Transient, "the data was written", "secretsmanager:TagResource")
	wantState(t, s, d, rotation.StateEdited)
	w.Allow(w.User)
	w.only(t, calls{"DescribeSecret": 2, "TagResource": 1}, func() { put(t, s, d, value(keyTwo), mark("a", 2)) })
	wantMarked(t, s, d, mark("a", 2))
}

// A cut write of one account is settled by its next try alone, for the other
// account too, and makes no further version.
func TestCutWriteOfTwoAccounts(t *testing.T) {
	w := newWorld(t)
	s, a, b := w.open(t, awssm.Config{}), dest("ci/two#A"), dest("ci/two#B")
	put(t, s, a, value(keyOne), mark("a", 1))
	put(t, s, b, value(keyOne), mark("b", 1))
	wantMarked(t, s, a, mark("a", 1))
	w.Inject(awstest.Fault{Operation: "TagResource", Refuse: true})
	_, err := s.Put(t.Context(), a, value(keyTwo), mark("a", 2), look(t, s, a))
	wantKind(t, err, providers.Transient)
	wantState(t, s, a, rotation.StateEdited)
	wantState(t, s, b, rotation.StateEdited)
	put(t, s, a, value(keyTwo), mark("a", 2))
	wantMarked(t, s, a, mark("a", 2))
	wantMarked(t, s, b, mark("b", 1))
	if n := len(w.secret(t, a.Path).Versions); n != 3 {
		t.Errorf("%d versions, want 3", n)
	}
}

// AWS changes no version: the same mark with another value is nothing that
// trying again could heal.
func TestSameMarkWithAnotherValue(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	put(t, s, d, value(keyOne), mark("a", 1))
	must(t, w.Edit(d.Path, "by hand"))
	_, err := s.Put(t.Context(), d, value(keyTwo), mark("a", 1), look(t, s, d))
	wantKind(t, err, providers.Invalid, "rotate the key")
	wantRaw(t, w.Console, d.Path, "by hand")
}

func TestNothingIsSentAfterTheDeadline(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	seen := put(t, s, d, value(keyOne), mark("a", 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.Inject(awstest.Fault{Operation: "PutSecretValue", After: func(awstest.Call) error { cancel(); return nil }})
	w.only(t, calls{"DescribeSecret": 1, "PutSecretValue": 1}, func() {
		_, err := s.Put(ctx, d, value(keyTwo), mark("a", 2), seen)
		wantKind(t, err, providers.Transient)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v does not say that it was canceled", err)
		}
	})
	wantRaw(t, w.Console, d.Path, keyOne)
	wantMarked(t, s, d, mark("a", 1))
}

// A secret that is deleted for good in the middle of a put is a change like any
// other.
func TestVanishesWhileItIsPut(t *testing.T) {
	for _, op := range []string{"TagResource", "UpdateSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"} {
		t.Run(op, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.open(t, awssm.Config{}), dest("ci/wandb#KEY")
			must(t, w.Create(d.Path, `{}`, nil))
			seen, p := look(t, s, d), value(keyOne)
			p.Description = "new"
			w.Inject(awstest.Fault{Operation: op, Before: func(awstest.Call) error { return w.ForceDelete(d.Path) }})
			_, err := s.Put(t.Context(), d, p, mark("a", 1), seen)
			wantKind(t, err, providers.Conflict)
			wantState(t, s, d, rotation.StateAbsent)
		})
	}
}
