package e2e

import (
	"bytes"
	"sync"

	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
)

// commitToxic is a toxic of ours: it cuts the connection to a PostgreSQL server
// at a COMMIT, before the server has it or after.
type commitToxic struct {
	After bool `json:"after"` // the server has it, and its answer is lost
	Skip  int  `json:"skip"`  // so many commits pass before
	mu    sync.Mutex
}

// registerToxics makes ours known. Once is enough: TestMain does it.
func registerToxics() { toxics.Register("commit", new(commitToxic)) }

// Pipe is part of toxics.Toxic.
func (x *commitToxic) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case c := <-stub.Input:
			if c == nil {
				stub.Close()
				return
			}
			cut := x.cuts(c)
			if !cut || x.After {
				stub.Output <- c
			}
			if cut {
				stub.Close()
				return
			}
		}
	}
}

// cuts says whether what is sent holds the commit that is to be cut.
func (x *commitToxic) cuts(c *stream.StreamChunk) bool {
	if !bytes.Contains(c.Data, []byte("commit\x00")) { // as a simple query
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.Skip--
	return x.Skip < 0
}
