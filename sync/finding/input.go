package finding

import (
	"time"

	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/usage"
)

// Input is all that Find looks at. What is not known is left out, and is never
// taken for its opposite.
type Input struct {
	Now      time.Time
	Accounts []Account
	// Platform is every service account that the platform lists, with its Ref, of the
	// teams that could be listed completely: Listed names those.
	Platform     []PlatformAccount
	Listed       map[string]bool // by team; of the organization "": accounts of its scope
	ListedAt     time.Time       // when they were; zero: not known
	Left         []Left
	Stores       []Store
	Issuer       Issuer
	Sinks        []Part                   // where people are told things
	Sources      []Part                   // of evidence of use, as far as they are asked
	NextMorning  time.Time                // when working hours begin next, for what cannot wait
	NameAllowed  func(name string) string // what is wrong with a name; empty: nothing
	Acknowledged []Acknowledgement
	// FirstSeen is since when findings hold, by ID, as far as was noted. A finding
	// that is not in it is new; nil: nothing is noted anywhere.
	FirstSeen map[string]time.Time
}

// Account is one account of the configuration.
type Account struct {
	Spec     rotation.Spec
	Record   rotation.Record
	Observed rotation.Observed
	Action   rotation.Action // what Next asks for now

	Purpose, Owner, Reason string
	UsedBy                 []string
	Reviewed               time.Time     // zero: not written
	ReviewEvery            time.Duration // 0: none is expected
	Env                    map[string]string
	ReaderNeeds            time.Duration // the overlap that its readers and jobs need
	Rhythm                 time.Duration // how far apart its uses are, as a person says; 0: not said
	UnusedAfter            time.Duration
	ProposeAfter           time.Duration // 0: never
	Weave                  bool          // its jobs log through Weave, as a person says
	Position               string        // where it stands in the configuration: file:line

	Evidence usage.Evidence
	LastRead map[rotation.Destination]time.Time // by others than us; zero: never, as far as the store knows
	// Access is what the account may do with the projects that it is declared for.
	Access map[usage.Project]Access
	// Attribution is the person that its environment credits runs to, and whether
	// they are in its team.
	Attribution  string
	Attributed   Answer
	Federation   Federation
	FailingSince map[rotation.Destination]time.Time // destinations that could not be delivered to
	LastFailure  string
	Held         string    // why a rotation that is due may not begin yet for the sake of other accounts
	DeliveredAt  time.Time // when a key of it was first delivered; zero: none was
	// DeliveredTo is when each destination was first delivered to, as far as is known.
	DeliveredTo map[rotation.Destination]time.Time
	// KnownSince is since when the account is known to exist; zero: not known, and
	// it may be new.
	KnownSince time.Time
	// WatchedSince is since when it is on record which keys it has; zero: not known.
	// What nothing explains and was there already is not an alarm.
	WatchedSince time.Time
}

// Answer is yes, no or not known.
type Answer uint8

// The answers.
const (
	Unknown Answer = iota
	Yes
	No
)

// Access is what an account may do with a project; empty: not known.
type Access string

// What an account may do with a project.
const (
	AccessWrite Access = "write"
	AccessRead  Access = "read"
	AccessNone  Access = "none"
)

// Federation is how the exchange of an external account's JWT went.
type Federation struct {
	At      time.Time // when it was tried; zero: not
	Works   bool
	Unclear bool      // it could not be tried: the platform or the identity provider did not answer
	Words   string    // why not
	Issued  time.Time // of the JWT; zero: it does not say
	Expires time.Time // of the JWT; zero: not known
	Renewed bool      // a fresh JWT is fetched whenever one is needed
}

// PlatformAccount is one service account as the platform lists it.
type PlatformAccount struct {
	Account  rotation.Account
	Keys     []rotation.Key
	Evidence usage.Evidence
}

// Left is an account that left the configuration and is on record.
type Left struct {
	Account  rotation.Ref
	Record   rotation.Record
	Evidence usage.Evidence
}

// Store is how a secrets manager does.
type Store struct {
	Name         string
	FailingSince time.Time // zero: it answers
	Words        string
	TokenEnds    time.Time // of our own login there, where it cannot be renewed; zero: not known
}

// Part is how something does that keyrota talks to.
type Part struct {
	Name         string
	FailingSince time.Time // zero: it answers
	Words        string
}

// Issuer is how the platform does.
type Issuer struct {
	FailingSince time.Time // zero: it answers
	Words        string
	AdminKeys    []Credential
}

// Credential is one of our own, at the platform.
type Credential struct {
	Name  string // how the configuration names it: "wandb.admin_key", "teams.ml.admin_key"
	Works Answer
	Words string
}
