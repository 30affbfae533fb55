package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
)

// people are those who change by hand what the clouds hold. They act while no
// process runs and no server is at a request, so that it is certain what they
// saw; what they broke is told from what the program broke.
type people struct {
	clouds  *clouds
	pending int // acts that were not seen to be healed yet
	left    int // rounds until healing is waited for
	typed   int // values made up so far

	acts    map[string]int
	live    int           // acts that offered an old key while it was alive
	longest time.Duration // until all was healed, undisturbed
	passes  int           // the most that it took

	copied bool // tags were taken along: Observe cannot tell (package azurekv)
	alive  bool // an old key that is alive was offered

	mu         sync.Mutex
	killedKeys map[string]map[string]bool // dead keys that a person put there, by place
	away       map[string]bool            // places without a key because of a person
}

func newPeople(w *clouds) *people {
	return &people{clouds: w, acts: map[string]int{}, killedKeys: map[string]map[string]bool{}, away: map[string]bool{}}
}

func (p *people) String() string {
	return fmt.Sprintf("people: %v, %d with an old key that was alive; healed within %s, at most %d passes",
		p.acts, p.live, p.longest.Round(time.Millisecond), p.passes)
}

// killed says whether a person put a dead key into a place.
func (p *people) killed(at place, key string) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killedKeys[at.secret][key]
}

// emptied says whether a person took away the key of a place.
func (p *people) emptied(at place) bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away[at.secret]
}

// puts tells what the readers of a secret find once a person has done
// something; no text: nothing. A live key is no excuse: the program has to see
// that it is held.
func (p *people) puts(k *killer, secret string, text *string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range k.places {
		if at.secret != secret && !strings.HasPrefix(at.secret, secret+" ") {
			continue
		}
		if text == nil {
			p.away[at.secret] = true
			continue
		}
		now, err := k.finds(at)
		switch key := at.parse(*text); {
		case !p.clouds.platform.IsLive(key):
			if p.killedKeys[at.secret] == nil {
				p.killedKeys[at.secret] = map[string]bool{}
			}
			p.killedKeys[at.secret][key] = true
		case err == nil && key != now:
			p.live++
			p.alive = true
		}
	}
}

// back forgets who took away what is there again.
func (p *people) back(k *killer) {
	for _, at := range k.places {
		if key, err := k.finds(at); err == nil && key != "" {
			p.mu.Lock()
			delete(p.away, at.secret)
			p.mu.Unlock()
		}
	}
}

// between lets people act now and then, and some rounds later sees that the
// program, undisturbed, heals what they did.
func (p *people) between(k *killer) {
	p.back(k)
	often := 3
	if k.command == "run" {
		often = 2
	}
	switch {
	case p.pending == 0:
		if k.random.IntN(often) > 0 {
			return
		}
		p.left = k.random.IntN(3)
	case p.left == 0:
		p.heal(k)
		return
	default:
		p.left--
		if k.random.IntN(2) > 0 {
			return
		}
	}
	k.try("status") // as they would, before
	k.idle()
	if what := p.act(k); what != "" {
		p.acts[what]++
		p.pending++
	}
}

// heal lets the program work undisturbed until every place has a live key. It
// must not take a rotation, except where tags were taken along. Where an old key
// was offered that was alive, it goes on until that key is deleted: the readers,
// and who watches deletions, see that it was put right before.
func (p *people) heal(k *killer) {
	k.calm()
	if p.copied && len(p.sick(k)) > 0 {
		p.longest = max(p.longest, k.work(func() []string { return p.unwell(k) }))
	}
	k.settings("overlap: 1s, every: 90d", k.accounts)
	defer k.settings("overlap: 1s, every: 1s", k.accounts)
	passes := 0
	if len(p.sick(k)) > 0 {
		p.longest = max(p.longest, k.work(func() []string { passes++; return p.unwell(k) }))
	}
	if p.alive {
		k.work(k.wrong)
	}
	if k.command == "sync" {
		p.passes = max(p.passes, passes)
	}
	if p.passes > 3 {
		k.t.Errorf("%d passes, undisturbed, until what people did was healed", p.passes)
	}
	p.pending, p.copied, p.alive = 0, false, false
}

// unwell are the places without a live key, after a pass; what is parked is
// taken up again.
func (p *people) unwell(k *killer) []string {
	sick := p.sick(k)
	if len(sick) > 0 {
		k.resume()
	}
	return sick
}

// sick are the places without a live key.
func (p *people) sick(k *killer) (sick []string) {
	p.back(k)
	for _, at := range k.places {
		if key, err := k.finds(at); err != nil || !k.platform.IsLive(key) {
			sick = append(sick, fmt.Sprintf("%s has no live key, %v", at.secret, err))
		}
	}
	return sick
}

// act does one thing by hand, and says what: "" if it is not possible now.
func (p *people) act(k *killer) string {
	if k.random.IntN(2) == 0 {
		return p.actOnAWS(k)
	}
	return p.actOnAzure(k, k.pick(azureText, azureJSON))
}

// key makes up what a person types who believes it is a key.
func (p *people) key() string {
	p.typed++
	return fmt.Sprintf("typed-%d-CANARY-0123456789-0123456789-0123456789", p.typed)
}

// with is a JSON object with another string in one of its fields.
func with(text, field, value string) string {
	fields := map[string]json.RawMessage{}
	_ = json.Unmarshal([]byte(text), &fields) // what is no object is replaced
	fields[field], _ = json.Marshal(value)
	made, _ := json.Marshal(fields)
	return string(made)
}

// rare says, often, that an earlier value is to be put back because it holds a
// key that is still alive, and another than the current one: the program is about
// to delete it.
func (p *people) rare(k *killer, secret, before, now string) bool {
	for _, at := range k.places {
		if at.parse == nil || !strings.Contains(at.secret, secret) {
			continue
		}
		if key := at.parse(before); key != at.parse(now) && p.clouds.platform.IsLive(key) {
			return k.random.IntN(2) > 0
		}
	}
	return false
}

// both says whether the secret on AWS has a key in each of our fields.
func both(text string) bool {
	return fieldOf("EVAL_KEY")(text) != "" && fieldOf("TRAINING_KEY")(text) != ""
}

func (p *people) actOnAWS(k *killer) string {
	s, there := p.clouds.aws.Describe(onAWS)
	now, current := s.Labelled("AWSCURRENT")
	if !there || !current || !s.Deleted.IsZero() || !both(now.Value) { // what bears no mark yet is theirs
		return ""
	}
	var err error
	const back = "AWSCURRENT moved back"
	what := k.pick("console edit", back, "scheduled for deletion")
	before, ok := s.Labelled("AWSPREVIOUS")
	if ok = ok && both(before.Value); ok && p.rare(k, onAWS, before.Value, now.Value) {
		what = back
	}
	switch what {
	case "console edit":
		text := with(now.Value, k.pick("TRAINING_KEY", "EVAL_KEY"), p.key())
		p.puts(k, "aws "+onAWS, &text)
		err = p.clouds.aws.Edit(onAWS, text)
	case back:
		if !ok {
			return ""
		}
		p.puts(k, "aws "+onAWS, &before.Value)
		err = p.clouds.aws.Label(onAWS, "AWSCURRENT", before.ID)
	default:
		p.puts(k, "aws "+onAWS, nil)
		err = p.clouds.aws.Delete(onAWS)
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return "AWS: " + what
}

func (p *people) actOnAzure(k *killer, name string) string {
	text, there := p.clouds.azure.Raw(name)
	ours := len(p.clouds.azure.Tags(name)) > 0
	if !there {
		return ""
	}
	const earlier, along = "an earlier value", ", tags taken along"
	what := k.pick("typed", "typed"+along, earlier, earlier+along, "disabled", "deleted")
	all := p.clouds.azure.Versions(name)
	before := all[max(0, len(all)-2)].Value
	if p.rare(k, name, before, text) {
		what = k.pick(earlier, earlier+along)
	}
	switch what {
	case "disabled":
		p.puts(k, "azure "+name, nil)
		p.clouds.azure.Disable(name)
	case "deleted":
		if !ours { // of what is deleted only the last version is seen: it waits for a person
			return ""
		}
		p.puts(k, "azure "+name, nil)
		p.clouds.azure.Delete(name)
	default:
		made := azuretest.Version{Value: p.key(), Enabled: true}
		if name == azureJSON {
			made.Value = with(text, "api_key", made.Value)
		}
		if strings.HasPrefix(what, earlier) {
			made.Value = before
		}
		if strings.HasSuffix(what, along) {
			made.Tags = maps.Clone(p.clouds.azure.Tags(name))
			p.copied = true
		}
		p.puts(k, "azure "+name, &made.Value)
		p.clouds.azure.EditWith(name, made)
	}
	return "Azure: " + what
}
