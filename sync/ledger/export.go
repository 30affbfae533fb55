package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// exportVersion is the newest form of exports. One is written in the oldest form
// that can hold it.
const exportVersion = 2

// line is one line of an export: one of its fields is set. The names never
// change.
type line struct {
	Ledger  *exportedLedger  `json:"ledger,omitempty"` // the first line
	Record  json.RawMessage  `json:"record,omitempty"` // as stored; then Ref, Revision, Updated
	Event   json.RawMessage  `json:"event,omitempty"`  // as stored and hashed; then Hash
	Freeze  *exportedFreeze  `json:"freeze,omitempty"`
	Routine *exportedRoutine `json:"routine,omitempty"`
	Lane    *exportedLane    `json:"lane,omitempty"`
	Cursor  *exportedCursor  `json:"cursor,omitempty"`
	End     *exportedEnd     `json:"end,omitempty"` // the last line

	// Of form 2.
	Usage           json.RawMessage          `json:"usage,omitempty"` // as stored; then Ref, Source
	State           *exportedState           `json:"state,omitempty"`
	Acknowledgement *exportedAcknowledgement `json:"acknowledgement,omitempty"`
	Message         *exportedMessage         `json:"message,omitempty"`
	Source          string                   `json:"source,omitempty"`

	Ref      string    `json:"ref,omitempty"`
	Revision int64     `json:"revision,omitempty"`
	Updated  time.Time `json:"updated,omitzero"`
	Hash     string    `json:"hash,omitempty"`
}

type exportedLedger struct {
	Version  int       `json:"v"`
	ID       string    `json:"id"`
	Instance string    `json:"instance"`
	Created  time.Time `json:"created"`
	HeadSeq  int64     `json:"head_seq"`
	HeadHash string    `json:"head_hash"`
}

type exportedFreeze struct {
	ID     int64     `json:"id"`
	Team   string    `json:"team,omitempty"`
	Ref    string    `json:"ref,omitempty"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty"`
	By     string    `json:"by,omitempty"`
}

type exportedRoutine struct {
	Ref   string `json:"ref"`
	Began int64  `json:"began_us"`
}

type exportedLane struct {
	Lane   string `json:"lane"`
	Canary string `json:"canary"`
	Since  int64  `json:"since_us"`
	Proven int64  `json:"proven_us,omitempty"`
}

type exportedCursor struct {
	Name string `json:"name"`
	Seq  int64  `json:"seq"`
}

type exportedEnd struct {
	Lines int `json:"lines"` // before this one
}

// exporter writes lines.
type exporter struct {
	to    *bufio.Writer
	lines int
}

func (x *exporter) line(v any) error {
	b, err := canonical(v)
	if err != nil {
		return err
	}
	return x.raw(b)
}

func (x *exporter) raw(b []byte) error {
	x.lines++
	if _, err := x.to.Write(b); err != nil {
		return err
	}
	return x.to.WriteByte('\n')
}

// Export writes the whole ledger, as of one moment, as lines of JSON: its id,
// its records, its events with their chain, freezes and what else is on record;
// not who works on what just now. It returns the head of the chain, which it
// has proven: the export of a broken one fails with ErrBroken. There is no
// secret in it.
func (l *Ledger) Export(ctx context.Context, w io.Writer) (Head, error) {
	var head Head
	err := l.snapshot(ctx, "export it", func(ctx context.Context, s session) (err error) {
		x := &exporter{to: bufio.NewWriter(w)}
		if head, err = l.export(ctx, s, x); err != nil {
			return err
		}
		if err := x.line(line{End: &exportedEnd{Lines: x.lines}}); err != nil {
			return err
		}
		return x.to.Flush()
	})
	return head, err
}

func (l *Ledger) export(ctx context.Context, s session, x *exporter) (Head, error) {
	head, err := readHead(ctx, s)
	if err != nil {
		return Head{}, err
	}
	var created string
	if err := s.row(ctx, `SELECT created FROM ledger_meta`).Scan(&created); err != nil {
		return Head{}, err
	}
	form, err := exportForm(ctx, s)
	if err != nil {
		return Head{}, err
	}
	first := exportedLedger{Version: form, ID: l.id, Instance: l.instance, HeadSeq: head.Seq, HeadHash: head.Hash.String()}
	if first.Created, err = time.Parse(time.RFC3339Nano, created); err != nil {
		return Head{}, err
	}
	if err := x.line(line{Ledger: &first}); err != nil {
		return Head{}, err
	}
	if err := exportRecords(ctx, s, x); err != nil {
		return Head{}, err
	}
	proof := proof{head: Head{Hash: genesis(l.id)}, noted: head}
	for more := true; more; {
		links, err := readLinks(ctx, s, proof.head.Seq)
		if err != nil {
			return Head{}, err
		}
		for _, k := range links {
			if err := proof.next(k); err != nil {
				return Head{}, err
			}
			if err := x.embed(`{"event":`, k.body, `,"hash":"`+proof.head.Hash.String()+`"}`); err != nil {
				return Head{}, err
			}
		}
		more = len(links) == linksAtOnce
	}
	if err := proof.end(); err != nil {
		return Head{}, err
	}
	if err := exportRest(ctx, s, x); err != nil {
		return Head{}, err
	}
	return head, exportUse(ctx, s, x)
}

// embed writes a line around JSON as it is stored, byte for byte.
func (x *exporter) embed(before string, body []byte, after string) error {
	if !json.Valid(body) || bytes.ContainsAny(body, "\r\n") {
		return fmt.Errorf("%w: what is stored is not one line of JSON: %s", ErrDamaged, hintDamaged)
	}
	return x.raw(append(append([]byte(before), body...), after...))
}

func exportRecords(ctx context.Context, s session, x *exporter) error {
	return s.each(ctx, func(scan func(...any) error) error {
		var r line
		var updated string
		var body []byte
		err := scan(&r.Ref, &r.Revision, &updated, &body)
		if err != nil {
			return err
		}
		if _, err := decodeRecord(body); err != nil {
			return fmt.Errorf("the record of %s: %w", r.Ref, err)
		}
		if r.Updated, err = time.Parse(time.RFC3339Nano, updated); err != nil {
			return fmt.Errorf("the record of %s: %w", r.Ref, err)
		}
		about, err := canonical(r)
		if err != nil {
			return err
		}
		return x.embed(`{"record":`, body, ","+string(about[1:]))
	}, `SELECT ref, revision, updated, body FROM ledger_record ORDER BY ref`)
}

// exportRest writes what belongs to no chain.
func exportRest(ctx context.Context, s session, x *exporter) error {
	freezes, err := readFreezes(ctx, s)
	if err != nil {
		return err
	}
	for _, f := range freezes {
		e := exportedFreeze{f.ID, f.Team, string(f.Ref), f.From, f.Until, f.Reason, f.By}
		if err := x.line(line{Freeze: &e}); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		query string
		read  func(scan func(...any) error) (line, error)
	}{
		{`SELECT ref, began FROM ledger_routine ORDER BY ref`, func(scan func(...any) error) (line, error) {
			var e exportedRoutine
			return line{Routine: &e}, scan(&e.Ref, &e.Began)
		}},
		{`SELECT lane, canary, since, proven FROM ledger_lane ORDER BY lane`, func(scan func(...any) error) (line, error) {
			var e exportedLane
			return line{Lane: &e}, scan(&e.Lane, &e.Canary, &e.Since, &e.Proven)
		}},
		{`SELECT name, seq FROM ledger_cursor ORDER BY name`, func(scan func(...any) error) (line, error) {
			var e exportedCursor
			return line{Cursor: &e}, scan(&e.Name, &e.Seq)
		}},
	} {
		err := s.each(ctx, func(scan func(...any) error) error {
			v, err := part.read(scan)
			if err != nil {
				return err
			}
			return x.line(v)
		}, part.query)
		if err != nil {
			return err
		}
	}
	return nil
}

// snapshot runs f on the ledger as it is at one moment, however long f takes.
func (l *Ledger) snapshot(ctx context.Context, doing string, f func(context.Context, session) error) error {
	options, first := l.back.snapshot()
	tx, err := l.db.BeginTx(ctx, options)
	if err != nil {
		return explain(l.back, doing, err)
	}
	defer tx.Rollback()
	if first != "" {
		if _, err := tx.ExecContext(ctx, first); err != nil {
			return explain(l.back, doing, err)
		}
	}
	return explain(l.back, doing, f(ctx, session{tx, l.back}))
}
