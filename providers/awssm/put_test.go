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
	"github.com/keyrota/keyrota/providers/providertest"
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
			absent := providertest.WantState(t, s, d, rotation.StateAbsent)
			var one, two rotation.Holding
			w.only(t, calls{"DescribeSecret": 1, "CreateSecret": 1}, func() {
				var err error
				one, err = s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), absent)
				must(t, err)
			})
			if h := providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1)); h.Version != one.Version || len(h.Older) > 0 {
				t.Errorf("look shows %+v, put %+v", h, one)
			}
			w.only(t, c.nextCalls, func() {
				var err error
				two, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), one)
				must(t, err)
			})
			h := providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
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
	providertest.Put(t, s, dest("ci/wandb#KEY"), providertest.Value(keyOne), providertest.MarkOf("a", 3))
	x := w.secret(t, "ci/wandb")
	want := "instance=prod ledger=5f0c2d9e-ledger account=acct-a edition=3 key=key-a-3 shape=shape-1 version=" + x.Versions[0].ID + " sum="
	if got := x.Tags["keyrota.KEY"]; !strings.HasPrefix(got, want) || len(x.Tags) != 1 {
		t.Errorf("tags %v\nwant %s", x.Tags, want)
	}
}

func TestSecondPassWritesNothing(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{KMSKey: "alias/ours"}), dest("ci/wandb#KEY")
	p := providertest.Value(keyOne)
	p.Description, p.Tags = "a key", map[string]string{"team": "ml"}
	h := providertest.Put(t, s, d, p, providertest.MarkOf("a", 1))
	w.only(t, calls{"DescribeSecret": 1}, func() {
		again, err := s.Put(t.Context(), d, p, providertest.MarkOf("a", 1), h)
		if err != nil || again.Version != h.Version {
			t.Errorf("%+v, %v", again, err)
		}
	})
	w.only(t, calls{"DescribeSecret": 1}, func() { providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1)) })
}

func TestCurrentMovedByHandIsPutRight(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	must(t, w.Label(d.Path, "AWSCURRENT", w.secret(t, d.Path).Versions[0].ID))
	h := providertest.WantState(t, s, d, rotation.StateEdited)
	if h.Mark != providertest.MarkOf("a", 2) {
		t.Errorf("marked %+v", h.Mark)
	}
	providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
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
	seen := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	must(t, w.Label(d.Path, "AWSCURRENT", w.secret(t, d.Path).Versions[0].ID))
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 3), seen)
	providertest.WantKind(t, err, providers.Conflict)
	wantRaw(t, w.Console, d.Path, keyOne)
}

// The writer that loses leaves a version behind that no reader asks for.
func TestLoserLeavesNothingThatCounts(t *testing.T) {
	for _, name := range []string{"ci/wandb", "ci/wandb#KEY"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.open(t, awssm.Config{}), dest(name)
			other := w.open(t, awssm.Config{}) // another process
			seen := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			w.Inject(awstest.Fault{Operation: "UpdateSecretVersionStage", Before: func(awstest.Call) error {
				_, err := other.Put(context.Background(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
				return err
			}})
			_, err := s.Put(t.Context(), d, providertest.Value("loser"), providertest.MarkOf("a", 9), seen)
			providertest.WantKind(t, err, providers.Conflict)
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
			h := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 3))
			if len(h.Older) != 1 {
				t.Errorf("older versions %v, want the one before", h.Older)
			}
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 3))
		})
	}
}

// A version that was staged and whose move failed is found among the older
// ones, and the next try moves it without another.
func TestStagedAndNotMoved(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	seen := providertest.Put(t, s, d, providertest.Value("between"), providertest.MarkOf("a", 2))
	w.Inject(awstest.Fault{Operation: "UpdateSecretVersionStage", Refuse: true})
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 3), seen)
	providertest.WantKind(t, err, providers.Transient)
	h := providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
	if len(h.Older) != 2 || !strings.HasPrefix(string(h.Older[0]), "keyrota-1-") || !strings.HasPrefix(string(h.Older[1]), "keyrota-3-") {
		t.Errorf("older versions %v, want the previous one and the staged one", h.Older)
	}
	if got, err := s.Read(t.Context(), d, h.Older[1]); err != nil || got.Expose() != keyTwo {
		t.Errorf("the staged value does not read, or %v", err)
	}
	h = providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 3))
	if n := len(w.secret(t, d.Path).Versions); n != 3 || len(h.Older) != 1 {
		t.Errorf("%d versions, want 3; older %v", n, h.Older)
	}
	if again := providertest.Look(t, s, d); fmt.Sprint(again) != fmt.Sprint(h) {
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
					providertest.Put(t, s, d, providertest.Value("old"), providertest.MarkOf("a", 1))
					edition, versions = 2, 2
				}
				if lag {
					w.SetLags(awstest.Lags{Describe: awstest.Lag{Hold: true}})
				}
				w.Inject(awstest.Fault{Operation: op, Drop: true})
				_, err := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", edition), providertest.Look(t, s, d))
				providertest.WantKind(t, err, providers.Transient)
				_, err = s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", edition), providertest.Look(t, s, d))
				if err != nil {
					providertest.WantKind(t, err, providers.Conflict)
				}
				w.Release()
				if h := providertest.Look(t, s, d); h.State != rotation.StateMarked || h.Mark != providertest.MarkOf("a", edition) {
					providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", edition))
				}
				providertest.WantMarked(t, s, d, providertest.MarkOf("a", edition))
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
			if h := providertest.WantState(t, s, d, rotation.StateAbsent); h.Version == "" {
				t.Error("no version")
			}
			w.only(t, calls{"DescribeSecret": 2, "TagResource": 2, "PutSecretValue": 1}, func() {
				providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
			})
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
			if x := w.secret(t, d.Path); x.Tags["managed-by"] != "terraform" || len(x.Versions) != 1 {
				t.Errorf("%+v", x)
			}
			must(t, w.Label(d.Path, "AWSCURRENT", ""))
			providertest.WantState(t, s, d, rotation.StateAbsent)
			providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
			providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
		})
	}
}

func TestRecoveryWindow(t *testing.T) {
	w := newWorld(t)
	s := w.open(t, awssm.Config{})
	t.Run("ours", func(t *testing.T) {
		d := dest("ci/ours#KEY")
		must(t, w.Create(d.Path, `{"theirs":1.50}`, nil))
		seen := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
		must(t, w.Delete(d.Path))
		h := providertest.WantState(t, s, d, rotation.StateAbsent)
		if h.Version == seen.Version || len(h.Older) > 0 {
			t.Errorf("%+v, before %+v", h, seen)
		}
		_, err := s.Read(t.Context(), d, "")
		providertest.WantKind(t, err, providers.NotFound)
		_, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
		providertest.WantKind(t, err, providers.Conflict)
		stranger := providertest.MarkOf("a", 2)
		stranger.Instance = "staging"
		_, err = s.Put(t.Context(), d, providertest.Value(keyTwo), stranger, h)
		providertest.WantKind(t, err, providers.Conflict, "keyrota prod", "untag-resource")
		must(t, w.Restore(d.Path))
		_, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), h)
		providertest.WantKind(t, err, providers.Conflict)
		must(t, w.Delete(d.Path))
		providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
		providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
		wantRaw(t, w.Console, d.Path, `{"theirs":1.50,"KEY":"`+keyTwo+`"}`)
	})
	t.Run("not ours", func(t *testing.T) {
		d := dest("ci/theirs")
		must(t, w.Create(d.Path, "theirs", map[string]string{"Owner": "billing"}))
		must(t, w.Delete(d.Path))
		h := providertest.WantState(t, s, d, rotation.StateBare)
		for _, words := range []string{"scheduled for deletion on 20", "not ours", "billing"} {
			if !strings.Contains(h.Owner, words) {
				t.Errorf("owner %q does not say %q", h.Owner, words)
			}
		}
		if _, err := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), h); err != nil { // adopted by name
			t.Fatal(err)
		}
		providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
		wantRaw(t, w.Console, d.Path, keyOne)
	})
	t.Run("deleted without one", func(t *testing.T) {
		w := newWorld(t, awstest.Options{ForceDeleteAfter: time.Hour})
		s, d := w.open(t, awssm.Config{}), dest("ci/forced")
		providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
		sdk := secretsmanager.NewFromConfig(w.Config(w.User, awstest.DefaultRegion))
		_, err := sdk.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: aws.String(d.Path), ForceDeleteWithoutRecovery: aws.Bool(true)})
		must(t, err)
		_, err = s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), providertest.WantState(t, s, d, rotation.StateAbsent))
		providertest.WantKind(t, err, providers.Transient, "deleted for good")
	})
}

// A secret that is deleted for good and made anew with the same edition has the
// same version id, and is not the one that was seen.
func TestMadeAnewWithTheSameVersionID(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	seen := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	id := w.secret(t, d.Path).Versions[0].ID
	must(t, w.ForceDelete(d.Path))
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	if again := w.secret(t, d.Path).Versions[0].ID; again != id {
		t.Fatalf("version %s, then %s", id, again)
	}
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
	providertest.WantKind(t, err, providers.Conflict)
	_, err = s.Read(t.Context(), d, seen.Version)
	providertest.WantKind(t, err, providers.NotFound)
}

func TestKMSKeyAndDescription(t *testing.T) {
	const key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	w := newWorld(t)
	d := dest("ci/wandb")
	p := providertest.Value(keyOne)
	p.Description = "first"
	providertest.Put(t, w.open(t, awssm.Config{KMSKey: key}), d, p, providertest.MarkOf("a", 1))
	if x := w.secret(t, d.Path); x.KMSKeyID != key || x.Description != "first" {
		t.Errorf("%+v", x)
	}
	ours := w.open(t, awssm.Config{KMSKey: "1234abcd-12ab-34cd-56ef-1234567890ab"})
	next := calls{"DescribeSecret": 2, "PutSecretValue": 1, "UpdateSecretVersionStage": 1, "TagResource": 1}
	w.only(t, next, func() { providertest.Put(t, ours, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2)) }) // the same key, and no description wanted
	p.Description = "second"
	next["UpdateSecret"] = 1
	w.only(t, next, func() {
		providertest.Put(t, w.open(t, awssm.Config{KMSKey: "alias/other"}), d, p, providertest.MarkOf("a", 3))
	})
	if x := w.secret(t, d.Path); x.KMSKeyID != "alias/other" || x.Description != "second" || len(x.Versions) != 3 {
		t.Errorf("%+v", x)
	}
}

func TestMarkThatDoesNotFit(t *testing.T) {
	w := newWorld(t)
	s, m := w.open(t, awssm.Config{}), providertest.MarkOf("a", 1)
	m.Instance = strings.Repeat("long", 40)
	w.only(t, calls{}, func() {
		_, err := s.Put(t.Context(), dest("ci/wandb"), providertest.Value(keyOne), m, rotation.Holding{State: rotation.StateAbsent, Fresh: true})
		providertest.WantKind(t, err, providers.Invalid, "a shorter instance name helps")
	})
}

// A policy that forbids tags is met before the data is written; one that ends
// meanwhile leaves data whose mark follows later.
func TestTagsForbidden(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	must(t, w.Create(d.Path, "theirs", nil))
	seen := providertest.Look(t, s, d)
	w.Deny(w.User, awstest.Denial{Action: "TagResource"})
	_, err := s.Put(t.Context(), d, providertest.Value(keyOne), providertest.MarkOf("a", 1), seen)
	providertest.WantKind(t, err, providers.Denied, "secretsmanager:TagResource on arn:aws:secretsmanager:us-east-1:*:secret:ci/wandb*")
	wantRaw(t, w.Console, d.Path, "theirs")
	w.Allow(w.User)
	seen = providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	w.Deny(w.User, awstest.Denial{Action: "TagResource"})
	_, err = s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
	providertest.WantKind(t, err, providers.Transient, "the data was written", "secretsmanager:TagResource")
	providertest.WantState(t, s, d, rotation.StateEdited)
	w.Allow(w.User)
	w.only(t, calls{"DescribeSecret": 2, "TagResource": 1}, func() { providertest.Put(t, s, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2)) })
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 2))
}

// A cut write of one account is settled by its next try alone, for the other
// account too, and makes no further version.
func TestCutWriteOfTwoAccounts(t *testing.T) {
	w := newWorld(t)
	s, a, b := w.open(t, awssm.Config{}), dest("ci/two#A"), dest("ci/two#B")
	providertest.Put(t, s, a, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	providertest.Put(t, s, b, providertest.Value(keyOne), providertest.MarkOf("b", 1))
	providertest.WantMarked(t, s, a, providertest.MarkOf("a", 1))
	w.Inject(awstest.Fault{Operation: "TagResource", Refuse: true})
	_, err := s.Put(t.Context(), a, providertest.Value(keyTwo), providertest.MarkOf("a", 2), providertest.Look(t, s, a))
	providertest.WantKind(t, err, providers.Transient)
	providertest.WantState(t, s, a, rotation.StateEdited)
	providertest.WantState(t, s, b, rotation.StateEdited)
	providertest.Put(t, s, a, providertest.Value(keyTwo), providertest.MarkOf("a", 2))
	providertest.WantMarked(t, s, a, providertest.MarkOf("a", 2))
	providertest.WantMarked(t, s, b, providertest.MarkOf("b", 1))
	if n := len(w.secret(t, a.Path).Versions); n != 3 {
		t.Errorf("%d versions, want 3", n)
	}
}

// AWS changes no version: the same mark with another value is nothing that
// trying again could heal.
func TestSameMarkWithAnotherValue(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	must(t, w.Edit(d.Path, "by hand"))
	_, err := s.Put(t.Context(), d, providertest.Value(keyTwo), providertest.MarkOf("a", 1), providertest.Look(t, s, d))
	providertest.WantKind(t, err, providers.Invalid, "rotate the key")
	wantRaw(t, w.Console, d.Path, "by hand")
}

func TestNothingIsSentAfterTheDeadline(t *testing.T) {
	w := newWorld(t)
	s, d := w.open(t, awssm.Config{}), dest("ci/wandb")
	seen := providertest.Put(t, s, d, providertest.Value(keyOne), providertest.MarkOf("a", 1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.Inject(awstest.Fault{Operation: "PutSecretValue", After: func(awstest.Call) error { cancel(); return nil }})
	w.only(t, calls{"DescribeSecret": 1, "PutSecretValue": 1}, func() {
		_, err := s.Put(ctx, d, providertest.Value(keyTwo), providertest.MarkOf("a", 2), seen)
		providertest.WantKind(t, err, providers.Transient)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v does not say that it was canceled", err)
		}
	})
	wantRaw(t, w.Console, d.Path, keyOne)
	providertest.WantMarked(t, s, d, providertest.MarkOf("a", 1))
}

// A secret that is deleted for good in the middle of a put is a change like any
// other.
func TestVanishesWhileItIsPut(t *testing.T) {
	for _, op := range []string{"TagResource", "UpdateSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"} {
		t.Run(op, func(t *testing.T) {
			w := newWorld(t)
			s, d := w.open(t, awssm.Config{}), dest("ci/wandb#KEY")
			must(t, w.Create(d.Path, `{}`, nil))
			seen, p := providertest.Look(t, s, d), providertest.Value(keyOne)
			p.Description = "new"
			w.Inject(awstest.Fault{Operation: op, Before: func(awstest.Call) error { return w.ForceDelete(d.Path) }})
			_, err := s.Put(t.Context(), d, p, providertest.MarkOf("a", 1), seen)
			providertest.WantKind(t, err, providers.Conflict)
			providertest.WantState(t, s, d, rotation.StateAbsent)
		})
	}
}
