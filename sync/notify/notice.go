package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/keyrota/keyrota/sync/finding"
)

// What says what became of a finding.
type What string

// What can become of a finding.
const (
	Raised       What = "raised"       // it is there
	Changed      What = "changed"      // it is more urgent, or something else is broken
	Reminded     What = "reminded"     // it is there still
	Healed       What = "healed"       // it is over
	Acknowledged What = "acknowledged" // a person said that it is known
	Withdrawn    What = "withdrawn"    // it is there, and is not told here any more
)

// Change is what became of one finding.
type Change struct {
	What What `json:"what"`
	Item Item `json:"finding"`
}

// Counts says how many findings are open, by severity.
type Counts struct {
	Page   int `json:"page"`
	Ticket int `json:"ticket"`
	Report int `json:"report"`
}

func (c *Counts) add(s finding.Severity) {
	switch s {
	case finding.Page:
		c.Page++
	case finding.Ticket:
		c.Ticket++
	default:
		c.Report++
	}
}

// Total counts all of them.
func (c Counts) Total() int { return c.Page + c.Ticket + c.Report }

// Event is an event of the ledger as it is told.
type Event struct {
	ID       string          `json:"id"`
	Time     time.Time       `json:"time"`
	Kind     string          `json:"kind"`
	Account  string          `json:"account,omitempty"`
	Text     string          `json:"text"`     // for people
	Document json.RawMessage `json:"document"` // a CloudEvent
}

// Report is a document that was made, as it is told.
type Report struct {
	Name  string   `json:"name"`            // of its schedule
	Title string   `json:"title"`           // one line
	Lines []string `json:"lines,omitempty"` // the top of it
	Link  string   `json:"link,omitempty"`  // where the whole of it is, as an address
	Files []File   `json:"files,omitempty"` // the whole of it, for sinks that take files
}

// File is one that is attached.
type File struct {
	Name string `json:"name"`
	Type string `json:"type"` // media type, such as "text/html"
	Data []byte `json:"data"`
}

// Notice is one entry of the outbox: what became known at one moment, for one
// lane of a sink.
type Notice struct {
	Version int       `json:"v"`
	ID      string    `json:"id"` // the same however often it is sent
	At      time.Time `json:"at"`
	Changes []Change  `json:"changes,omitempty"`
	Open    Counts    `json:"open,omitzero"`  // for the sink, after the changes
	Link    string    `json:"link,omitempty"` // where the whole report is
	Files   []File    `json:"files,omitempty"`
	Event   *Event    `json:"event,omitempty"`
	Report  *Report   `json:"report,omitempty"`
	Sample  bool      `json:"sample,omitempty"` // made up, to try the sink out
}

const (
	// noticeVersion is the form that notices have in the outbox.
	noticeVersion = 1
	// mostChanges bounds a notice. What is more goes into further ones, which a
	// sink folds into one message again.
	mostChanges = 100
)

// encode gives the notice its id and returns it as it waits in the outbox. The
// id is that of its content, and of the sink and the lane it goes to.
func (n *Notice) encode(sink, lane string) ([]byte, error) {
	n.Version, n.ID, n.At = noticeVersion, "", n.At.UTC()
	body, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("writing a message for %s: %w", sink, err)
	}
	sum := sha256.Sum256([]byte(sink + "\n" + lane + "\n" + string(body)))
	n.ID = hex.EncodeToString(sum[:12])
	return json.Marshal(n)
}

var errNewerNotice = errors.New("it was put there by a newer version of keyrota, which will send it")

func decodeNotice(body []byte) (Notice, error) {
	var n Notice
	if err := json.Unmarshal(body, &n); err != nil {
		return Notice{}, err
	}
	if n.Version > noticeVersion {
		return Notice{}, errNewerNotice
	}
	return n, nil
}
