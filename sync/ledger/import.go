package ledger

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/keyrota/keyrota/rotation"
)

// ErrExists: there is a ledger already.
var ErrExists = errors.New("there is one already")

const hintImport = "nothing was imported; use a whole export, as `keyrota ledger export` wrote it"

// Import makes a ledger of an export where there is none, whole or not at all,
// and returns the head of its chain, which it has proven. It goes on as the
// ledger that was exported, under the same id: that one must not be used any
// more. It refuses with ErrExists, ErrInstance, ErrNewer, ErrBroken and
// ErrDamaged.
func Import(ctx context.Context, at string, r io.Reader, o Options) (Head, error) {
	o = o.filled()
	back, err := locate(at)
	if err != nil {
		return Head{}, err
	}
	var head Head
	made, err := back.create(ctx, func(ctx context.Context, s session) (err error) {
		m := importer{s: s, back: back, from: bufio.NewReader(r), instance: o.Instance}
		head, err = m.all(ctx)
		return err
	})
	if err != nil {
		return Head{}, err
	}
	if !made {
		return Head{}, fmt.Errorf("ledger %s: %w: an export becomes a ledger only where there is none: name another place under ledger:, or move this one away", back.name(), ErrExists)
	}
	return head, nil
}

type importer struct {
	s        session
	back     backend
	from     *bufio.Reader
	instance string
	lines    int // read so far
	ended    bool
	proof    proof
}

func (m *importer) all(ctx context.Context) (Head, error) {
	for {
		body, err := m.from.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(body) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Head{}, fmt.Errorf("read the export: %w", err)
		}
		if err := m.take(ctx, body); err != nil {
			return Head{}, fmt.Errorf("line %d: %w", m.lines+1, err)
		}
		m.lines++
	}
	if !m.ended {
		return Head{}, fmt.Errorf("%w: the export ends early, at line %d: %s", ErrDamaged, m.lines, hintImport)
	}
	if err := m.proof.end(); err != nil {
		return Head{}, err
	}
	return m.proof.head, nil
}

func (m *importer) take(ctx context.Context, body []byte) error {
	if m.lines == 0 {
		if err := knownExport(body); err != nil {
			return err
		}
	}
	var v line
	if err := strict(body, &v); err != nil {
		return err
	}
	switch {
	case m.ended:
		return fmt.Errorf("%w: something comes after the end: %s", ErrDamaged, hintImport)
	case (m.lines == 0) != (v.Ledger != nil):
		return fmt.Errorf("%w: the ledger it is of is named in the first line, and only there: %s", ErrDamaged, hintImport)
	case v.Ledger != nil:
		return m.first(ctx, *v.Ledger)
	case v.Record != nil:
		return m.record(ctx, v)
	case v.Event != nil:
		return m.event(ctx, v)
	case v.Freeze != nil:
		return m.freeze(ctx, *v.Freeze)
	case v.Routine != nil:
		return m.put(ctx, `INSERT INTO ledger_routine (ref, began) VALUES (?, ?)`, v.Routine.Ref, v.Routine.Began)
	case v.Lane != nil:
		return m.put(ctx, `INSERT INTO ledger_lane (lane, canary, since, proven) VALUES (?, ?, ?, ?)`,
			v.Lane.Lane, v.Lane.Canary, v.Lane.Since, v.Lane.Proven)
	case v.Cursor != nil:
		return m.put(ctx, `INSERT INTO ledger_cursor (name, seq) VALUES (?, ?)`, v.Cursor.Name, v.Cursor.Seq)
	case v.Usage != nil:
		return m.use(ctx, v)
	case v.State != nil:
		return saveState(ctx, m.s, v.State.Name, v.State.Body)
	case v.Acknowledgement != nil:
		return m.acknowledgement(ctx, *v.Acknowledgement)
	case v.Message != nil:
		return m.message(ctx, *v.Message)
	case v.End != nil:
		m.ended = true
		if v.End.Lines != m.lines {
			return fmt.Errorf("%w: %d lines of %d are there: %s", ErrDamaged, m.lines, v.End.Lines, hintImport)
		}
		return nil
	}
	return fmt.Errorf("%w: nothing is in it: %s", ErrDamaged, hintImport)
}

// knownExport refuses what is no export, and one of a newer form.
func knownExport(body []byte) error {
	var v struct {
		Ledger struct {
			Version int `json:"v"`
		} `json:"ledger"`
	}
	if err := json.Unmarshal(body, &v); err != nil || v.Ledger.Version < 1 {
		return fmt.Errorf("%w: not the beginning of an export: %s", ErrDamaged, hintImport)
	}
	if v.Ledger.Version > exportVersion {
		return fmt.Errorf("%w: the export has form %d, this program knows %d: import it with the version of keyrota that wrote it, or a later one",
			ErrNewer, v.Ledger.Version, exportVersion)
	}
	return nil
}

func (m *importer) put(ctx context.Context, query string, args ...any) error {
	_, err := m.s.exec(ctx, query, args...)
	return err
}

func (m *importer) first(ctx context.Context, e exportedLedger) error {
	if err := sameInstance(m.back, e.Instance, m.instance); err != nil {
		return err
	}
	sum, ok := parseHash(e.HeadHash)
	if !ok {
		return fmt.Errorf("%w: the head is not a hash: %s", ErrDamaged, hintImport)
	}
	head := Head{Seq: e.HeadSeq, Hash: sum}
	m.proof = proof{head: Head{Hash: genesis(e.ID)}, noted: head}
	if err := begin(ctx, m.s, e.ID, e.Instance, e.Created); err != nil {
		return err
	}
	return m.put(ctx, `UPDATE ledger_meta SET head_seq = ?, head_hash = ?`, head.Seq, head.Hash[:])
}

func (m *importer) record(ctx context.Context, v line) error {
	if v.Ref == "" || v.Revision < 1 {
		return fmt.Errorf("%w: a record without a name or a revision: %s", ErrDamaged, hintImport)
	}
	if _, err := decodeRecord(v.Record); err != nil {
		return fmt.Errorf("the record of %s: %w", v.Ref, err)
	}
	return m.put(ctx, `INSERT INTO ledger_record (ref, revision, updated, body) VALUES (?, ?, ?, ?)`,
		v.Ref, v.Revision, stamp(v.Updated), string(v.Record))
}

func (m *importer) event(ctx context.Context, v line) error {
	var says struct {
		Seq int64  `json:"seq"`
		Ref string `json:"ref"`
	}
	if err := json.Unmarshal(v.Event, &says); err != nil {
		return fmt.Errorf("%w: %w: %s", ErrDamaged, err, hintImport)
	}
	sum, ok := parseHash(v.Hash)
	if !ok {
		return broken(m.proof.head.Seq+1, "its hash is none")
	}
	k := link{seq: says.Seq, ref: says.Ref, body: v.Event, sum: sum[:]}
	if err := m.proof.next(k); err != nil {
		return err
	}
	return m.put(ctx, `INSERT INTO ledger_event (seq, ref, body, hash) VALUES (?, ?, ?, ?)`, k.seq, k.ref, string(k.body), k.sum)
}

func (m *importer) use(ctx context.Context, v line) error {
	if _, err := decodeUse(v.Usage); err != nil {
		return fmt.Errorf("the use of %s by %s: %w", v.Ref, v.Source, err)
	}
	return m.put(ctx, `INSERT INTO ledger_usage (ref, source, body) VALUES (?, ?, ?)`, v.Ref, v.Source, string(v.Usage))
}

func (m *importer) acknowledgement(ctx context.Context, e exportedAcknowledgement) error {
	return saveAcknowledgement(ctx, m.s, Acknowledgement{
		ID: e.ID, Code: e.Code, Ref: rotation.Ref(e.Ref), Subject: e.Subject, From: e.From, Until: e.Until, Reason: e.Reason, By: e.By,
	})
}

func (m *importer) message(ctx context.Context, e exportedMessage) error {
	return saveMessage(ctx, m.s, Message(e))
}

func (m *importer) freeze(ctx context.Context, e exportedFreeze) error {
	return saveFreeze(ctx, m.s, Freeze{
		ID: e.ID, Team: e.Team, Ref: rotation.Ref(e.Ref), From: e.From, Until: e.Until, Reason: e.Reason, By: e.By,
	})
}
