package auditlog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/keyrota/keyrota/providers"
)

// Answer is what a log says of itself, and what was read of it.
type Answer struct {
	providers.AuditCount
	// Page reports whether it was one JSON object: only then are the others set. Of
	// several, one behind the other, they are the last one's.
	Page       bool
	Start, End time.Time // the range of time that it is of
	Next       string    // where the next page is; empty: this is the last one
}

var (
	// ErrSyntax is of a log in one object that is not JSON.
	ErrSyntax = errors.New("the log is not the JSON that it begins as")
	// ErrNoPage is of a log that is no page, where one was to be read.
	ErrNoPage = errors.New("the log is no JSON object with the entries in an array")

	errLong = fmt.Errorf("a value beside the entries is longer than %d KiB", longest>>10)
)

// Read yields the entries of a log. One that cannot be read, or is longer than
// 1 MiB, is counted as broken and passed over; a log in one object that breaks
// off, or is not JSON, is an error, since its entries cannot be told apart. An
// error of yield ends the reading and comes back as it is.
func Read(r io.Reader, yield func(providers.AuditEntry) error) (Answer, error) {
	d, err := open(r, yield)
	for err == nil && d.begins() {
		if d.isPage() {
			err = d.page()
		} else {
			err = d.lines()
		}
	}
	if err == nil {
		err = d.failed()
	}
	return d.answer, err
}

// ReadPage is Read for a log that must be one JSON object: anything else is
// ErrNoPage, and nothing of it is yielded.
func ReadPage(r io.Reader, yield func(providers.AuditEntry) error) (Answer, error) {
	d, err := open(r, yield)
	if err == nil && d.begins() && d.isPage() {
		err = d.page()
	} else if err == nil {
		err = d.failed()
	}
	if err == nil && !d.answer.Page {
		err = ErrNoPage
	}
	return d.answer, err
}

func open(r io.Reader, yield func(providers.AuditEntry) error) (*decoder, error) {
	plain, err := decompressed(r)
	return &decoder{input: newInput(plain), yield: yield}, err
}

func decompressed(r io.Reader) (io.Reader, error) {
	peeked := bufio.NewReaderSize(r, 4<<10)
	if magic, _ := peeked.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return peeked, nil // what stopped the peek is met again
	}
	plain, err := gzip.NewReader(peeked)
	if err != nil {
		return nil, fmt.Errorf("reading a gzip-compressed log: %w", err)
	}
	return plain, nil
}

type decoder struct {
	*input
	yield  func(providers.AuditEntry) error
	names  names
	answer Answer
}

// isPage reports whether the object that comes next has the entries in an
// array. An entry has no such field.
func (d *decoder) isPage() bool {
	for {
		short := false
		tokens := json.NewDecoder(bytes.NewReader(d.rest()))
		if token, err := tokens.Token(); err != nil || token != json.Delim('{') {
			return false
		}
		for !short && tokens.More() {
			key, err := tokens.Token()
			if key == "audit_logs" {
				return true
			}
			var value json.RawMessage
			if err == nil {
				err = tokens.Decode(&value)
			}
			short = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
			if err != nil && !short {
				return false
			}
		}
		if _, err := tokens.Token(); !short && err == nil || !d.fill() {
			return false
		}
	}
}

// lines reads entries one a line, to the end.
func (d *decoder) lines() error {
	for {
		line, long, more := d.line()
		switch line = bytes.TrimSpace(line); {
		case long:
			d.answer.Broken++
		case len(line) > 0:
			if err := d.entry(line); err != nil {
				return err
			}
		}
		if !more {
			return d.failed()
		}
	}
}

// page reads one object with its entries in an array.
func (d *decoder) page() error {
	d.answer.Page, d.answer.Next, d.answer.Start, d.answer.End = true, "", time.Time{}, time.Time{}
	if err := d.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		switch c, err := d.peek(); {
		case err != nil:
			return err
		case c == '}':
			d.from++
			return nil
		case !first:
			if err := d.expect(','); err != nil {
				return err
			}
		}
		var key string
		if err := d.value(&key); err != nil {
			return err
		}
		if err := d.expect(':'); err != nil {
			return err
		}
		if err := d.field(key); err != nil {
			return err
		}
	}
}

func (d *decoder) field(key string) error {
	switch key {
	case "audit_logs":
		if c, err := d.peek(); err != nil || c == '[' {
			return errors.Join(err, d.array())
		}
		return d.value(new(json.RawMessage)) // null: no entries
	case "range_start_time":
		return d.optional(&d.answer.Start)
	case "range_end_time":
		return d.optional(&d.answer.End)
	case "next_cursor":
		return d.value(&d.answer.Next)
	}
	return d.value(new(json.RawMessage))
}

// optional decodes a time; one in another form is one that is not told.
func (d *decoder) optional(at *time.Time) error {
	var text json.RawMessage
	if err := d.value(&text); err != nil {
		return err
	}
	if json.Unmarshal(text, at) != nil {
		*at = time.Time{}
	}
	return nil
}

func (d *decoder) array() error {
	if err := d.expect('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		switch c, err := d.peek(); {
		case err != nil:
			return err
		case c == ']':
			d.from++
			return nil
		case !first:
			if err := d.expect(','); err != nil {
				return err
			}
			if _, err := d.peek(); err != nil {
				return err
			}
		}
		if err := d.element(); err != nil {
			return err
		}
	}
}

// element reads one entry of an array, which may be in the input in part only.
func (d *decoder) element() error {
	var e providers.AuditEntry
	if n := quick(d.rest(), &e, &d.names); n > 0 {
		d.from += n
		return d.tell(e)
	}
	element, err := d.raw()
	switch {
	case errors.Is(err, errLong):
		d.answer.Broken++
		return nil
	case err != nil:
		return err
	}
	return d.entry(element)
}

// entry yields the entry that b is.
func (d *decoder) entry(b []byte) error {
	var e providers.AuditEntry
	if quick(b, &e, &d.names) == len(b) {
		return d.tell(e)
	}
	e, ok := exact(b)
	if !ok {
		d.answer.Broken++
		return nil
	}
	return d.tell(e)
}

func (d *decoder) tell(e providers.AuditEntry) error {
	d.answer.Entries++
	return d.yield(e)
}
