package awssm_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/awssm"
	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

// Two processes deliver to the fields of one secret and to the whole of
// another, calls fail before and after their effect, reads lag each by itself,
// and a person edits, moves labels, copies and edits tags, deletes, restores
// and makes anew. Whatever is seen as delivered is so: the version named holds
// the value of that mark, and where reads do not lag it is the one that readers
// get. Foreign fields and tags stay. Once all is quiet, it comes to rest.
func TestWhatIsSeenAsDeliveredIs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		server, err := awstest.Launch(awstest.Options{PutDropsLabels: rapid.Bool().Draw(r, "drops"), ForceDeleteAfter: -1})
		must(t, err)
		defer server.Close()
		w := &world{server}
		x := &random{T: r, world: w, stores: []*awssm.Store{w.open(t, awssm.Config{}), w.open(t, awssm.Config{})}}
		x.ds = []rotation.Destination{dest("ci/two#A"), dest("ci/two#B"), dest("ci/one")}
		x.seen = map[rotation.Destination]rotation.Holding{}
		r.Repeat(map[string]func(*rapid.T){
			"look": x.look, "put": x.put, "observe": x.observe, "fail": x.fail, "lag": x.lag,
			"edit": x.edit, "label": x.label, "tag": x.tag, "delete": x.remove, "prune": x.prune,
		})
		w.Reset()
		x.lags = false
		for range 4 { // fields of one secret may undo each other's rest before they find it
			for _, d := range x.ds {
				h := x.see(d)
				if h.State == rotation.StateMarked && h.Mark == worldMark(3) {
					continue
				}
				_, err := x.stores[0].Put(context.Background(), d, providertest.Value(worldKey(d, 3)), worldMark(3), h)
				x.fine(err)
			}
		}
		for _, d := range x.ds {
			if h := x.see(d); h.State != rotation.StateMarked || h.Mark != worldMark(3) {
				r.Fatalf("%s has not come to rest: %+v", d, h)
			}
		}
	})
}

type random struct {
	*rapid.T
	*world
	stores []*awssm.Store
	ds     []rotation.Destination
	seen   map[rotation.Destination]rotation.Holding
	lags   bool
}

func worldKey(d rotation.Destination, e rotation.Edition) string {
	return fmt.Sprintf("CANARY-%s-%d-0123456789-0123456789-0123456789", strings.NewReplacer("#", "-", "aws:", "").Replace(d.String()), e)
}

// worldMark is of one account for all destinations, so that a mark that is
// taken for another's is not told by its account.
func worldMark(e rotation.Edition) rotation.Mark { return providertest.MarkOf("a", e) }

func (x *random) destination() rotation.Destination { return rapid.SampledFrom(x.ds).Draw(x.T, "to") }

func (x *random) fine(err error) {
	if err == nil {
		return
	}
	if strings.Contains(fmt.Sprintf("%+v", err), "CANARY") {
		x.Fatal("an error holds a value")
	}
	switch kind := providers.KindOf(err); kind {
	case providers.Conflict, providers.Transient:
	default:
		x.Fatalf("%s: %v", kind, err)
	}
}

// truth fails the test unless what a holding says is so.
func (x *random) truth(d rotation.Destination, h rotation.Holding) {
	if h.State != rotation.StateMarked {
		return
	}
	s, _ := x.Describe(d.Path)
	id, incarnation, _ := strings.Cut(string(h.Version), "@")
	if !strings.HasSuffix(s.ARN, "-"+incarnation) {
		if !x.lags {
			x.Fatalf("%s: delivered, of a secret that is gone", d)
		}
		return
	}
	at := slices.IndexFunc(s.Versions, func(v awstest.Version) bool { return v.ID == id })
	if at < 0 {
		x.Fatalf("%s: delivered as a version that is not there", d)
	}
	got, want := s.Versions[at].Value, worldKey(d, h.Mark.Edition)
	if d.Field != "" {
		field, _, err := providers.Field(got, d.Field)
		x.must(err)
		got = field.Expose()
	}
	if got != want {
		x.Fatalf("%s: delivered with edition %d, and the version %s holds %q", d, h.Mark.Edition, id, got)
	}
	if !x.lags && !slices.Contains(s.Versions[at].Stages, "AWSCURRENT") {
		x.Fatalf("%s: delivered as %s, which is not what readers get", d, id)
	}
}

func (x *random) must(err error) {
	if err != nil {
		x.Fatal(err)
	}
}

func (x *random) see(d rotation.Destination) rotation.Holding {
	h, err := rapid.SampledFrom(x.stores).Draw(x.T, "by").Look(context.Background(), d)
	x.fine(err)
	if err == nil {
		x.truth(d, h)
	}
	return h
}

func (x *random) look(*rapid.T) {
	d := x.destination()
	x.seen[d] = x.see(d)
}

func (x *random) put(*rapid.T) {
	d, e := x.destination(), rapid.Uint64Range(1, 3).Draw(x.T, "edition")
	seen := x.seen[d]
	if rapid.Bool().Draw(x.T, "freshly") {
		seen = x.see(d)
	}
	before, was := x.Describe(d.Path)
	h, err := rapid.SampledFrom(x.stores).Draw(x.T, "by").Put(context.Background(), d, providertest.Value(worldKey(d, rotation.Edition(e))), worldMark(rotation.Edition(e)), seen)
	x.fine(err)
	if err == nil {
		x.truth(d, h)
	}
	after, is := x.Describe(d.Path)
	if was && is && before.ARN == after.ARN {
		for key, text := range before.Tags {
			if !providers.IsNoteKey(key) && after.Tags[key] != text {
				x.Fatalf("the tag %s changed", key)
			}
		}
		if a, b := foreign(before), foreign(after); d.Field != "" && a != b {
			x.Fatalf("the foreign field was %q, and is %q", a, b)
		}
	}
}

// prune takes away what is there, from a look that may be old.
func (x *random) prune(*rapid.T) {
	d := x.destination()
	seen := x.seen[d]
	if rapid.Bool().Draw(x.T, "freshly") {
		seen = x.see(d)
	}
	before, was := x.Describe(d.Path)
	err := rapid.SampledFrom(x.stores).Draw(x.T, "by").Remove(context.Background(), d, seen)
	if providers.KindOf(err) != providers.Invalid {
		x.fine(err)
	}
	after, is := x.Describe(d.Path)
	if was && !is {
		x.Fatalf("%s is gone for good", d)
	}
	if a, b := foreign(before), foreign(after); a != b {
		x.Fatalf("the foreign field was %q, and is %q", a, b)
	}
	deleted := was && before.Deleted.IsZero() && !after.Deleted.IsZero()
	if deleted && foreign(before) != "" && (d.Field != "" || !x.lags) {
		x.Fatalf("%s is deleted, with what was foreign in it", d)
	}
}

func foreign(s awstest.Secret) string {
	v, _ := s.Labelled("AWSCURRENT")
	text, _, _ := providers.Field(v.Value, "theirs")
	return text.Expose()
}

func (x *random) observe(*rapid.T) {
	err := x.stores[0].Observe(context.Background(), x.ds, func(d rotation.Destination, h rotation.Holding) error {
		x.truth(d, h)
		return nil
	})
	x.fine(err)
}

func (x *random) fail(*rapid.T) {
	op := rapid.SampledFrom([]string{"CreateSecret", "PutSecretValue", "UpdateSecretVersionStage", "TagResource", "RestoreSecret", "DeleteSecret", "UntagResource"}).Draw(x.T, "operation")
	drop := rapid.Bool().Draw(x.T, "after")
	x.Inject(awstest.Fault{Operation: op, Drop: drop, Refuse: !drop})
}

func (x *random) lag(*rapid.T) {
	lag := func(name string) awstest.Lag { return awstest.Lag{Hold: rapid.Bool().Draw(x.T, name)} }
	l := awstest.Lags{Get: lag("get"), Describe: lag("describe"), List: lag("list")}
	x.SetLags(l)
	x.lags = l != awstest.Lags{}
}

func (x *random) edit(*rapid.T) {
	d := x.destination()
	text := fmt.Sprintf(`{"A":"by hand","theirs":"%d"}`, rapid.IntRange(0, 99).Draw(x.T, "theirs"))
	if _, there := x.Describe(d.Path); !there {
		x.must(x.Create(d.Path, text, map[string]string{"owner": "them"}))
		return
	}
	_ = x.Edit(d.Path, text) // unless it is being deleted
}

func (x *random) label(*rapid.T) {
	d := x.destination()
	if s, there := x.Describe(d.Path); there && len(s.Versions) > 0 {
		_ = x.Label(d.Path, "AWSCURRENT", rapid.SampledFrom(s.Versions).Draw(x.T, "version").ID)
	}
}

// tag copies a tag to another destination's, or edits it.
func (x *random) tag(*rapid.T) {
	from, to := x.destination(), x.destination()
	s, _ := x.Describe(from.Path)
	key := func(d rotation.Destination) string { return strings.TrimSuffix("keyrota."+d.Field, ".") }
	text := s.Tags[key(from)]
	if from == to {
		text = strings.Replace(text, "edition=1 key=key-a-1", "edition=2 key=key-a-2", 1)
	}
	if _, there := x.Describe(to.Path); there && text != "" {
		_ = x.SetTags(to.Path, map[string]string{key(to): text})
	}
}

func (x *random) remove(*rapid.T) {
	d := x.destination()
	s, there := x.Describe(d.Path)
	switch how := rapid.SampledFrom([]string{"delete", "restore", "for good"}).Draw(x.T, "how"); {
	case !there:
	case how == "for good":
		x.must(x.ForceDelete(d.Path))
	case how == "delete" && s.Deleted.IsZero():
		x.must(x.Delete(d.Path))
	case how == "restore" && !s.Deleted.IsZero():
		x.must(x.Restore(d.Path))
	}
}
