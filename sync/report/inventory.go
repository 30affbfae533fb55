package report

import (
	"cmp"
	"slices"
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/finding"
)

// inventoryView is the part of accounts: those of the configuration, and what
// there is besides.
type inventoryView struct {
	Accounts   []accountView   `json:"accounts"`
	NotManaged []unmanagedView `json:"not_managed,omitempty"`
	Left       []leftView      `json:"left,omitempty"`
	Exceptions []findingView   `json:"exceptions,omitempty"` // findings that a person acknowledged
}

type accountView struct {
	Account      string     `json:"account"`
	ID           string     `json:"id,omitempty"`
	Scope        string     `json:"scope"`
	Team         string     `json:"team,omitempty"`
	Manage       string     `json:"manage"` // rotate or observe
	Purpose      string     `json:"purpose,omitempty"`
	Reason       string     `json:"reason,omitempty"` // of organization scope
	State        string     `json:"state"`            // active, quarantined or removed: as it is wanted
	Off          *time.Time `json:"off,omitempty"`    // since when it has no key, or when its keys go
	Owner        string     `json:"owner,omitempty"`
	UsedBy       []string   `json:"used_by,omitempty"`
	Destinations []string   `json:"destinations,omitempty"`
	Phase        string     `json:"phase"`
	Key          string     `json:"key,omitempty"`
	Issued       *time.Time `json:"issued,omitempty"`
	Due          *time.Time `json:"due,omitempty"`
	Use          string     `json:"use"`
	LastUsed     *time.Time `json:"last_used,omitempty"`
	Reviewed     *time.Time `json:"reviewed,omitempty"`
	Findings     int        `json:"findings"` // without those that are acknowledged
	Position     string     `json:"position,omitempty"`

	name string
	off  bool // it has no key any more
	used useView
	key  keyAge
}

type unmanagedView struct {
	Account  string     `json:"account"`
	ID       string     `json:"id"`
	Scope    string     `json:"scope"`
	Team     string     `json:"team,omitempty"`
	Keys     int        `json:"keys"`
	Use      string     `json:"use"`
	LastUsed *time.Time `json:"last_used,omitempty"`

	used useView
}

type leftView struct {
	Account string     `json:"account"`
	Since   *time.Time `json:"since,omitempty"`
	Key     string     `json:"key,omitempty"`
}

func (doc *document) inventory() *inventoryView {
	d := doc.data
	uses, ages, open := map[string]useView{}, map[rotation.Ref]keyAge{}, map[rotation.Ref]int{}
	for _, u := range doc.uses {
		uses[u.Account] = u
	}
	for _, k := range doc.keys {
		ages[k.account] = k
	}
	for _, f := range d.Findings {
		if f.Acknowledged == nil {
			open[f.Account]++
		}
	}
	v := &inventoryView{Accounts: []accountView{}, Exceptions: doc.acknowledgedFindings()}
	for _, a := range d.Accounts {
		ref := a.Spec.Account.Ref
		v.Accounts = append(v.Accounts, d.account(a, uses[string(ref)], ages[ref], open[ref]))
	}
	slices.SortFunc(v.Accounts, func(a, b accountView) int {
		return cmp.Or(cmp.Compare(a.Team, b.Team), cmp.Compare(a.Account, b.Account))
	})
	for _, p := range d.Unmanaged() {
		u := uses[string(p.Account.Ref)]
		v.NotManaged = append(v.NotManaged, unmanagedView{
			Account: string(p.Account.Ref), ID: string(p.Account.ID), Scope: string(p.Account.Scope), Team: p.Account.Team,
			Keys: len(p.Keys), Use: u.Use, LastUsed: u.LastUsed, used: u,
		})
	}
	for _, l := range d.Left {
		v.Left = append(v.Left, leftView{Account: string(l.Account), Since: moment(l.Record.Left), Key: string(l.Record.Offer.Key)})
	}
	slices.SortFunc(v.Left, func(a, b leftView) int { return cmp.Compare(a.Account, b.Account) })
	slices.SortFunc(v.NotManaged, func(a, b unmanagedView) int { return cmp.Compare(a.Account, b.Account) })
	return v
}

func (d Data) account(a finding.Account, u useView, k keyAge, findings int) accountView {
	v := accountView{
		Account: string(a.Spec.Account.Ref), ID: string(a.Record.Account), Scope: string(a.Spec.Account.Scope), Team: teamOf(a),
		Manage: "rotate", State: "active", Purpose: a.Purpose, Reason: a.Reason, Owner: a.Owner, UsedBy: a.UsedBy, Phase: string(a.Record.Phase()),
		Key: string(a.Record.Offer.Key), Issued: moment(k.issued), Due: moment(k.due), Use: u.Use, LastUsed: u.LastUsed,
		Reviewed: moment(a.Reviewed), Findings: findings, Position: a.Position, name: a.Spec.Account.Name, used: u, key: k,
	}
	if a.Spec.Policy.Observe {
		v.Manage = "observe"
	}
	if wanted, off := a.Spec.State, a.Record.Off; wanted == rotation.Quarantined || wanted == rotation.Removed {
		v.State, v.off = string(wanted), !off.Done.IsZero()
		switch {
		case v.off:
			v.Off = moment(off.Done)
		case !off.Warned.IsZero():
			v.Off = moment(off.Warned.Add(a.Spec.QuarantineWait))
		}
	}
	for _, dest := range a.Spec.Destinations(a.Record) {
		v.Destinations = append(v.Destinations, dest.String())
	}
	return v
}
