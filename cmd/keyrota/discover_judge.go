package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// discoveryView is what was found: see OUTPUT.md.
type discoveryView struct {
	Sources  []sourceView     `json:"sources"`
	Accounts []discoveredView `json:"accounts"`
	Dead     []placeView      `json:"dead"`
	Unknown  []placeView      `json:"unknown"`
	Unread   []unreadView     `json:"unread"`
}

type sourceView struct {
	Store   string `json:"store"`
	Prefix  string `json:"prefix"`
	Secrets int    `json:"secrets"`
	Why     string `json:"why,omitempty"` // it is not complete
}

// discoveredView is one account of which there are keys.
type discoveredView struct {
	Result string    `json:"result"`
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Team   string    `json:"team,omitempty"`
	Scope  string    `json:"scope,omitempty"`
	Ref    string    `json:"account,omitempty"` // as the configuration names it
	Keys   []keyView `json:"keys"`
	Why    string    `json:"why,omitempty"`

	found []*foundKey // in the order of their places
	lines []line      // of found, one each
	owner rotation.Account
}

// What becomes of an account.
const (
	resultProposed   = "proposed"
	resultConfigured = "configured" // it is in the configuration already
	resultPersonal   = "personal"   // it is a person's: never proposed
	resultUndecided  = "undecided"  // the platform does not say what it is, or the configuration cannot name it
)

// keyView is one key and where it is.
type keyView struct {
	Key    string      `json:"key,omitempty"`
	Label  string      `json:"label,omitempty"`
	Places []placeView `json:"places"`
}

// placeView is one place.
type placeView struct {
	Destination string `json:"destination"`
	Form        string `json:"form"`
	Name        string `json:"name,omitempty"`
	KeptBy      string `json:"kept_by,omitempty"`
	LastRead    string `json:"last_read,omitempty"`
	Deliver     string `json:"deliver,omitempty"` // the line that is proposed
	Why         string `json:"why,omitempty"`
}

type unreadView struct {
	Secret string `json:"secret"`
	Why    string `json:"why"`
}

// judge groups what was found by account, and says what is to become of each.
func (d *discovery) judge(s sight) discoveryView {
	v := discoveryView{
		Sources: s.sources, Accounts: []discoveredView{}, Dead: []placeView{}, Unknown: []placeView{}, Unread: append([]unreadView{}, s.unread...),
	}
	var values []string
	for _, f := range s.found {
		values = append(values, f.value.Expose(), "[removed]")
	}
	d.hide = strings.NewReplacer(values...)
	byAccount := map[rotation.AccountID][]*foundKey{}
	for _, f := range s.found {
		switch {
		case f.err == nil:
			byAccount[f.identity.Owner.ID] = append(byAccount[f.identity.Owner.ID], f)
		case providers.KindOf(f.err) == providers.Denied:
			p := d.view(f)
			p.Why = "no key of this server: dead, or of something else"
			if f.named {
				p.Why = "a dead key: whoever reads it has failed since it was deleted"
			}
			v.Dead = append(v.Dead, p)
		default:
			p := d.view(f)
			p.Why = f.err.Error()
			v.Unknown = append(v.Unknown, p)
		}
	}
	for _, found := range byAccount {
		v.Accounts = append(v.Accounts, d.account(found))
	}
	slices.SortFunc(v.Accounts, func(a, b discoveredView) int {
		return cmp.Or(cmp.Compare(a.Team, b.Team), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return v
}

// account judges one account by what was found of it.
func (d *discovery) account(found []*foundKey) discoveredView {
	id := found[0].identity
	v := discoveredView{
		ID: string(id.Owner.ID), Name: id.Owner.Name, Team: id.Owner.Team, Scope: string(id.Owner.Scope),
		found: found, owner: id.Owner,
	}
	for _, f := range found {
		key := string(f.identity.Key)
		if !slices.ContainsFunc(v.Keys, func(k keyView) bool { return k.Key == key }) {
			v.Keys = append(v.Keys, keyView{Key: key, Label: label(f.identity.Label)})
		}
	}
	known := configured(d.config, id)
	switch {
	case known != nil:
		v.Result, v.Ref = resultConfigured, known.Ref
	case id.Person:
		v.Result = resultPersonal
		v.Why = "a job that works as a person has the person's rights, and stops when the person leaves: give it a service account"
	case !id.Service:
		v.Result = resultUndecided
		v.Why = "the platform does not say whether this is a service account of the organization or a person"
	case id.Owner.Scope == "":
		v.Result = resultUndecided
		v.Why = "it is in several teams, so it may be of organization scope: the platform does not say"
	default:
		v.Result = resultProposed
		v.Ref = id.Owner.Team + "/" + id.Owner.Name
	}
	if v.Result == resultProposed || v.Result == resultUndecided {
		d.propose(&v)
	}
	for i, f := range found {
		place := d.view(f)
		if known != nil && !d.delivers(*known, f.at) {
			place.Why = "the account is not delivered to here: who reads this holds a dead key once it has rotated"
		}
		if v.lines != nil {
			place.Why = v.lines[i].why
			if place.Why == "" {
				place.Deliver = v.lines[i].text
			}
		}
		n := slices.IndexFunc(v.Keys, func(k keyView) bool { return k.Key == string(f.identity.Key) })
		v.Keys[n].Places = append(v.Keys[n].Places, place)
	}
	return v
}

// label is a key's description, without what might be a key: people paste
// them there too.
func label(l rotation.Label) string {
	return pastedKey.ReplaceAllString(string(l), "[removed]")
}

var pastedKey = regexp.MustCompile(`[A-Za-z0-9_-]{40,}`)

// configured returns the account of the configuration that a key belongs to.
// Where the platform does not say of which scope it is, the name must do.
func configured(c *config.Config, id providers.Identity) *config.Account {
	for i, a := range c.Accounts {
		if a.Name != id.Owner.Name {
			continue
		}
		if a.Scope == config.ScopeOrganization && id.Owner.Scope == "" && !id.Person || a.Team != "" && a.Team == id.Owner.Team {
			return &c.Accounts[i]
		}
	}
	return nil
}

// delivers reports whether an account of the configuration is delivered to a
// place.
func (d *discovery) delivers(a config.Account, at rotation.Destination) bool {
	return slices.ContainsFunc(a.Deliver, func(to config.Destination) bool { return d.covers(to, at) })
}

// covers reports whether a destination of the configuration is a place, or has
// it inside.
func (d *discovery) covers(to config.Destination, at rotation.Destination) bool {
	store, ok := d.providers.Stores[to.Store]
	if !ok || d.providers.Stores[at.Store] == nil {
		return false
	}
	same := store.Identity(rotation.Destination{Store: to.Store, Path: to.Path, Field: to.Field}) == d.providers.Stores[at.Store].Identity(at)
	return same && (to.Field == "" || at.Field == "" || to.Field == at.Field)
}

// view is a place for the document.
func (d *discovery) view(f *foundKey) placeView {
	p := placeView{Destination: d.hide.Replace(f.at.String()), Form: string(f.form), LastRead: f.lastRead(), KeptBy: d.hide.Replace(f.owner)}
	if f.name != f.at.Field {
		p.Name = d.hide.Replace(f.name)
	}
	if f.mark != (rotation.Mark{}) {
		p.KeptBy = fmt.Sprintf("keyrota %s, account %s, edition %d", f.mark.Instance, f.mark.Account, f.mark.Edition)
	}
	return p
}
