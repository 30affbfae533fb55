package graph

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"

	"github.com/keyrota/keyrota/providers"
)

// Fingerprint is what is kept of a key's name in a listing. Servers that hash
// keys list the first part of a key there, older ones the whole key (W&B docs,
// API keys), so the text itself is dropped while decoding.
type Fingerprint struct {
	length int
	sum    [sha256.Size]byte
}

// UnmarshalJSON hashes the name and drops it.
func (f *Fingerprint) UnmarshalJSON(data []byte) error {
	var name string
	if err := json.Unmarshal(data, &name); err != nil {
		return errNotText // the decoder's words could quote the value
	}
	*f = Fingerprint{}
	if name != "" {
		*f = Fingerprint{length: len(name), sum: sha256.Sum256([]byte(name))}
	}
	return nil
}

// Begins reports whether the listed name is the first part of s, or all of it.
func (f Fingerprint) Begins(s providers.Secret) bool {
	value := s.Expose()
	return f.length > 0 && f.length <= len(value) && sha256.Sum256([]byte(value[:f.length])) == f.sum
}

// Is reports whether the listed name is the whole of s.
func (f Fingerprint) Is(s providers.Secret) bool {
	return f.length == len(s.Expose()) && f.Begins(s)
}

// Revealed is a key's value in an answer that is meant to show it.
type Revealed struct{ providers.Secret }

// UnmarshalJSON puts the value where nothing prints it.
func (r *Revealed) UnmarshalJSON(data []byte) error {
	var value string
	if err := json.Unmarshal(data, &value); err != nil {
		return errNotText
	}
	r.Secret = providers.NewSecret(value)
	return nil
}

// MemberKey is a service account in a team's member listing, with the key
// that older servers show. Of everybody else the key is dropped.
type MemberKey struct {
	ID      string
	Name    string
	Service bool
	Key     providers.Secret
}

// UnmarshalJSON keeps the keys of service accounts only.
func (m *MemberKey) UnmarshalJSON(data []byte) error {
	var member struct {
		ID, Name, AccountType string
		APIKey                Revealed
	}
	if err := json.Unmarshal(data, &member); err != nil {
		return errNotMember
	}
	*m = MemberKey{ID: member.ID, Name: member.Name, Service: IsService(member.AccountType)}
	if m.Service {
		m.Key = member.APIKey.Secret
	}
	return nil
}

// IsService reports whether a member's account type is one of a service
// account. W&B publishes no list of its values; those of service accounts
// contain the word.
func IsService(accountType string) bool {
	return strings.Contains(strings.ToLower(accountType), "service")
}

// IsExternal reports whether the account type is one of a service account that
// authenticates by a JWT and owns no keys.
func IsExternal(accountType string) bool {
	return IsService(accountType) && strings.Contains(strings.ToLower(accountType), "external")
}

var (
	errNotText   = errors.New("a name or a key is not text")
	errNotMember = errors.New("a member is not what the schema says")
)

// Keys are the account's keys, and whether the answer shows them completely.
func (a *Account) Keys() (keys []AccountApiKeysApiKeyConnectionEdgesApiKeyEdgeNodeApiKey, shown bool) {
	if a.ApiKeys == nil || a.ApiKeys.Edges == nil {
		return nil, false
	}
	for _, e := range a.ApiKeys.Edges {
		if e.Node.Id == "" {
			return nil, false
		}
		keys = append(keys, e.Node)
	}
	return keys, true
}

// InTeam reports whether the account works in the team.
func (a *Account) InTeam(team string) bool {
	for _, e := range a.Teams.Edges {
		if e.Node.Name == team {
			return true
		}
	}
	return a.Entity == team
}
