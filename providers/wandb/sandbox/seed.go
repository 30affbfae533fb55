package sandbox

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// KeyStorage is how a server keeps API keys, and so what its listings show of them.
type KeyStorage string

// The two kinds of server that W&B's documentation tells apart.
const (
	// KeysHashed servers show a key once, when it is created; listings show its first part.
	KeysHashed KeyStorage = "hashed"
	// KeysShown servers, the older ones, return whole keys in listings, and make a first key with a new service account.
	KeysShown KeyStorage = "shown"
)

// Scope says what a service account may reach.
type Scope string

// The scopes of W&B's service accounts.
const (
	ScopeOrganization Scope = "organization" // every team
	ScopeTeam         Scope = "team"         // its team, by API key
	ScopeExternal     Scope = "external"     // its team, by a JWT of a registered issuer; owns no keys
)

// Visibility says who may see a project.
type Visibility string

// The visibilities of W&B's projects, from widest to narrowest.
const (
	VisibilityOpen       Visibility = "open"       // everyone reads and writes
	VisibilityPublic     Visibility = "public"     // everyone reads, the team writes
	VisibilityTeam       Visibility = "team"       // the team reads and writes
	VisibilityRestricted Visibility = "restricted" // only the accounts added to it
)

// Role is what a person is in a team.
type Role string

// The roles that matter here.
const (
	RoleAdmin   Role = "admin"
	RoleMember  Role = "member"
	RoleInvited Role = "invited" // listed as pending; in the team only once they accept
)

// Seed is everything a sandbox starts from, and everything it saves: a saved state is a seed whose keys are hashes
// and whose ids are filled in. The package documentation shows one.
type Seed struct {
	Organization    string           `yaml:"organization"`
	Settings        Settings         `yaml:"server,omitempty"`
	Teams           []Team           `yaml:"teams,omitempty"`
	People          []Person         `yaml:"people,omitempty"`
	ServiceAccounts []ServiceAccount `yaml:"service_accounts,omitempty"`
	Projects        []Project        `yaml:"projects,omitempty"`
	JWTIssuers      []JWTIssuer      `yaml:"jwt_issuers,omitempty"`
	Faults          []Fault          `yaml:"faults,omitempty"`

	// What follows is written by the server; a seed made by hand leaves it out.
	Runs     []Run        `yaml:"runs,omitempty"`
	AuditLog []AuditEntry `yaml:"audit_log,omitempty"`
	NextID   int          `yaml:"next_id,omitempty"`
}

// Settings are what an administrator of a W&B server can set, as far as it matters here.
type Settings struct {
	Keys      KeyStorage `yaml:"keys,omitempty"`       // default hashed
	KeyPrefix string     `yaml:"key_prefix,omitempty"` // put before new keys, with a dash; "local" on self-managed servers
	// KeyLimit is the number of keys an account may have; 0 means no limit.
	KeyLimit int `yaml:"key_limit,omitempty"`
	// DisableKeyCreation refuses new keys to people and team service accounts, not to organization service accounts.
	DisableKeyCreation bool `yaml:"disable_key_creation,omitempty"`
	// DisableTeamServiceAccounts is W&B's GORILLA_DISABLE_TEAM_SERVICE_ACCOUNT_CREATION.
	DisableTeamServiceAccounts bool `yaml:"disable_team_service_accounts,omitempty"`
	// Deployment limits the audit log to one form: "multi-tenant" or "dedicated". Empty serves both.
	Deployment string `yaml:"deployment,omitempty"`
	// Version is what serverInfo says; default 0.84.0.
	Version   string     `yaml:"version,omitempty"`
	RateLimit *RateLimit `yaml:"rate_limit,omitempty"`
}

// RateLimit allows each account a number of requests in each period. W&B's own limits are not public.
type RateLimit struct {
	Requests int           `yaml:"requests"`
	Per      time.Duration `yaml:"per"`
}

// Team is an entity with members.
type Team struct {
	Name string `yaml:"name"`
	ID   string `yaml:"id,omitempty"`
}

// Person is a human user.
type Person struct {
	Username string          `yaml:"username"`
	Name     string          `yaml:"name,omitempty"` // default the user name
	Email    string          `yaml:"email,omitempty"`
	Admin    bool            `yaml:"admin,omitempty"` // administrator of the organization
	Teams    map[string]Role `yaml:"teams,omitempty"`
	Keys     []Key           `yaml:"keys,omitempty"`
	ID       string          `yaml:"id,omitempty"`
}

// ServiceAccount is an account that belongs to no person.
type ServiceAccount struct {
	Name  string `yaml:"name"`
	Scope Scope  `yaml:"scope,omitempty"` // default team
	// Team is the parent team; of an organization-scoped account its default team.
	Team string `yaml:"team"`
	// Subject is the `sub` of the JWT by which an external account authenticates.
	Subject  string `yaml:"subject,omitempty"`
	Keys     []Key  `yaml:"keys,omitempty"`
	Username string `yaml:"username,omitempty"` // default made from the name
	ID       string `yaml:"id,omitempty"`
	// DeletedAt is set when the account was removed from its team.
	DeletedAt time.Time `yaml:"deleted_at,omitempty"`
}

// Key is an API key in a seed: a mapping, or in short its value alone.
type Key struct {
	// Value is a key of at least 40 characters, or "sha256:" and the hash of one, or "generate".
	Value       string `yaml:"value"`
	Description string `yaml:"description,omitempty"`
	// Name is the first part of the key, the one that listings of hashed keys show; default the first 8 characters.
	Name      string    `yaml:"name,omitempty"`
	ID        string    `yaml:"id,omitempty"`
	CreatedAt time.Time `yaml:"created_at,omitempty"` // default the server's start
	// ValidFrom is when the key begins to work; before, it is answered 401.
	ValidFrom  time.Time `yaml:"valid_from,omitempty"`
	LastUsedAt time.Time `yaml:"last_used_at,omitempty"`
}

// The special values of a Key.
const (
	generateKey = "generate"
	hashPrefix  = "sha256:"
)

// UnmarshalYAML accepts the value alone in place of the mapping.
func (k *Key) UnmarshalYAML(decode func(any) error) error {
	var value string
	if decode(&value) == nil {
		*k = Key{Value: value}
		return nil
	}
	type mapping Key
	return decode((*mapping)(k))
}

// String hides the value, so that a seed printed by accident shows no key.
func (k Key) String() string { return "key " + k.Name }

// GoString is String.
func (k Key) GoString() string { return k.String() }

// Project is a project of a team.
type Project struct {
	Name       string     `yaml:"name"`
	Team       string     `yaml:"team"`
	Visibility Visibility `yaml:"visibility,omitempty"` // default team
	// Members are the user names, or the names of service accounts, that were added to a restricted project.
	Members   []string  `yaml:"members,omitempty"`
	ID        string    `yaml:"id,omitempty"`
	CreatedAt time.Time `yaml:"created_at,omitempty"`
}

// JWTIssuer is an issuer of JSON Web Tokens that the organization trusts for external accounts and people.
type JWTIssuer struct {
	URL string `yaml:"url"`
	// AnyAudience skips the check of `aud`, as W&B says that dedicated and self-managed servers may.
	AnyAudience bool `yaml:"any_audience,omitempty"`
}

// LoadSeed reads a seed file. Its errors name the file, the line and the column, and quote no line of it, since
// a line may hold a key.
func LoadSeed(path string) (Seed, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Seed{}, fmt.Errorf("reading the sandbox's seed: %w", err)
	}
	seed, err := ParseSeed(data)
	if err != nil {
		return Seed{}, fmt.Errorf("%s: %w", path, err)
	}
	return seed, nil
}

// ParseSeed reads a seed from YAML. An unknown field is an error with its line and column.
func ParseSeed(data []byte) (Seed, error) {
	var seed Seed
	if err := decodeStrict(data, &seed); err != nil {
		return Seed{}, err
	}
	return seed, nil
}

func decodeStrict(data []byte, into any) error {
	err := yaml.NewDecoder(bytes.NewReader(data), yaml.DisallowUnknownField()).Decode(into)
	if err != nil {
		const colored, withSource = false, false
		return errors.New(yaml.FormatError(err, colored, withSource))
	}
	return nil
}

func (k Key) hash() (keyHash, error) {
	text, ok := strings.CutPrefix(k.Value, hashPrefix)
	if !ok {
		if len(k.Value) < minKeyLength {
			return keyHash{}, fmt.Errorf("a key of %d characters is too short: W&B's have at least %d", len(k.Value), minKeyLength)
		}
		return hashKey(k.Value), nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(keyHash{}) {
		return keyHash{}, errors.New("the value after sha256: is not 64 hexadecimal digits")
	}
	return keyHash(raw), nil
}
