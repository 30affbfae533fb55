package awstest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The labels that Secrets Manager moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
)

// secret is one secret at one moment. It never changes once it is in an entry:
// a change makes a clone, so that old states stay readable for lag.
type secret struct {
	name        string
	arn         string
	description string
	kmsKeyID    string
	primary     string // the Region of the primary secret
	replica     bool
	created     time.Time
	changed     time.Time
	accessed    time.Time // the day; zero if never read
	deleted     time.Time // when its deletion was asked for
	gone        time.Time // when the deletion is final
	forced      bool
	tags        []tag
	versions    []*version // in the order of their creation
	replicas    []replica
}

// version is one version of a secret. It never changes either.
type version struct {
	id       string
	text     *string
	binary   []byte
	created  time.Time
	accessed time.Time
	stages   []string
	kmsKeyID string
}

type tag struct {
	Key   string
	Value string
}

type replica struct {
	region   string
	kmsKeyID string
	status   string
	message  string
}

func (s *secret) clone() *secret {
	c := *s
	c.tags = slices.Clone(s.tags)
	c.versions = slices.Clone(s.versions)
	c.replicas = slices.Clone(s.replicas)
	return &c
}

func (s *secret) version(id string) *version {
	for _, v := range s.versions {
		if v.id == id {
			return v
		}
	}
	return nil
}

// labelled is the version with a staging label, or nil.
func (s *secret) labelled(stage string) *version {
	for _, v := range s.versions {
		if slices.Contains(v.stages, stage) {
			return v
		}
	}
	return nil
}

func (s *secret) replace(id string, change func(*version)) {
	for i, v := range s.versions {
		if v.id == id {
			c := *v
			c.stages = slices.Clone(v.stages)
			change(&c)
			s.versions[i] = &c
			return
		}
	}
}

func (s *secret) tag(key string) int {
	return slices.IndexFunc(s.tags, func(t tag) bool { return t.Key == key })
}

func (v *version) same(text *string, binary []byte) bool {
	if (v.text == nil) != (text == nil) {
		return false
	}
	return (text == nil || *v.text == *text) && slices.Equal(v.binary, binary)
}

// entry is a secret through time.
type entry struct {
	name  string
	seq   uint64 // the order of creation in its region
	now   *secret
	past  []past
	older *entry // what bore the name before
}

// region is the secrets of one account in one Region.
type region struct {
	account string
	name    string
	byName  map[string]*entry
	order   []*entry       // by seq
	made    map[string]int // how often a name was given
}

func (r *region) arn(name, suffix string) string {
	return "arn:" + partition(r.name) + ":secretsmanager:" + r.name + ":" + r.account + ":secret:" + name + suffix
}

// suffix is the random end of the ARN of the next secret of a name. It depends
// on the seed and the name alone, however many clients there are at once.
func (r *region) suffix(seed uint64, name string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s %s %d", seed, r.account, r.name, name, r.made[name]))
	end := []byte{'-'}
	for _, b := range sum[:suffixLength-1] {
		end = append(end, alphanumeric[int(b)%len(alphanumeric)])
	}
	return string(end)
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// find returns the entry that a name, an ARN, or an ARN without its suffix
// means, whether or not there is still a secret in it.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
func (r *region) find(id string) *entry {
	rest, isARN := strings.CutPrefix(id, r.arn("", ""))
	if !isARN {
		return r.byName[id]
	}
	if cut := len(rest) - suffixLength; cut > 0 {
		for e := r.byName[rest[:cut]]; e != nil; e = e.older {
			if e.arn() == id {
				return e
			}
		}
	}
	return r.byName[rest]
}

func (e *entry) arn() string {
	if e.now != nil {
		return e.now.arn
	}
	if len(e.past) > 0 && e.past[len(e.past)-1].was != nil {
		return e.past[len(e.past)-1].was.arn
	}
	return ""
}

func (r *region) position(seq uint64) int {
	at, _ := slices.BinarySearchFunc(r.order, seq, func(e *entry, seq uint64) int {
		switch {
		case e.seq < seq:
			return -1
		case e.seq > seq:
			return 1
		}
		return 0
	})
	return at
}

// remove forgets an entry that nobody can see any more.
func (r *region) remove(e *entry) {
	if at := r.position(e.seq); at < len(r.order) && r.order[at] == e {
		r.order = slices.Delete(r.order, at, at+1)
	}
	for at := r.byName[e.name]; at != nil; at = at.older {
		if at == e {
			r.byName[e.name] = e.older
			if e.older == nil {
				delete(r.byName, e.name)
			}
			return
		}
		if at.older == e {
			at.older = e.older
			return
		}
	}
}
