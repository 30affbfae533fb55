package auditlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

const (
	// common is how much is read at a time, and longest how long an entry may be.
	common  = 256 << 10
	longest = 1 << 20
)

// input is what was read and not yet used.
type input struct {
	r        io.Reader
	buf      []byte
	from, to int
	err      error // why there is no more
}

func newInput(r io.Reader) *input { return &input{r: r, buf: make([]byte, common)} }

func (in *input) rest() []byte { return in.buf[in.from:in.to] }

// failed is what ended the input, unless it was its end.
func (in *input) failed() error {
	if errors.Is(in.err, io.EOF) {
		return nil
	}
	return in.err
}

// fill reads more behind what there is. It reports false at the end, and where
// there is no more room for a longer entry.
func (in *input) fill() bool {
	if in.err != nil || in.to-in.from == longest {
		return false
	}
	if in.from > 0 {
		in.to = copy(in.buf, in.rest())
		in.from = 0
	}
	if in.to == len(in.buf) {
		in.buf = append(in.buf, make([]byte, min(len(in.buf), longest-len(in.buf)))...)
	}
	for range 100 { // a reader may return nothing, without being at its end
		n, err := in.r.Read(in.buf[in.to:])
		in.to += n
		in.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	in.err = io.ErrNoProgress
	return false
}

// begins skips white space and reports whether anything follows.
func (in *input) begins() bool {
	_, err := in.peek()
	return err == nil
}

// peek skips white space and returns the byte that follows.
func (in *input) peek() (byte, error) {
	for {
		for ; in.from < in.to; in.from++ {
			switch c := in.buf[in.from]; c {
			case ' ', '\t', '\r', '\n':
			default:
				return c, nil
			}
		}
		if !in.fill() {
			if err := in.failed(); err != nil {
				return 0, err
			}
			return 0, io.ErrUnexpectedEOF
		}
	}
}

func (in *input) expect(want byte) error {
	c, err := in.peek()
	switch {
	case err != nil:
		return err
	case c != want:
		return ErrSyntax
	}
	in.from++
	return nil
}

// line returns the next line; long: it was too long to be kept. more reports
// whether another may follow. The line is valid until the next call.
func (in *input) line() (line []byte, long, more bool) {
	seen := 0
	for {
		if n := bytes.IndexByte(in.rest()[seen:], '\n'); n >= 0 {
			line = in.rest()[:seen+n]
			in.from += seen + n + 1
			return line, long, true
		}
		seen = in.to - in.from
		if in.fill() {
			continue
		}
		if in.err == nil { // full
			long, seen, in.from = true, 0, in.to
			continue
		}
		line = in.rest()
		in.from = in.to
		return line, long, false
	}
}

// value decodes the JSON value that comes next.
func (in *input) value(into any) error {
	b, err := in.raw()
	if err == nil && json.Unmarshal(b, into) != nil {
		err = ErrSyntax // the decoder's words may quote the log
	}
	return err
}

// raw returns the bytes of the JSON value that comes next, or errLong of one that
// was too long to be kept and was passed over. They are valid until the next
// call.
func (in *input) raw() ([]byte, error) {
	if _, err := in.peek(); err != nil {
		return nil, err
	}
	var s span
	seen, long := 0, false
	for {
		n, ends := s.scan(in.rest()[seen:])
		seen += n
		switch {
		case ends && long:
			in.from += seen
			return nil, errLong
		case ends && seen == 0:
			return nil, ErrSyntax
		case ends:
			b := in.rest()[:seen]
			in.from += seen
			return b, nil
		case in.fill():
		case in.err == nil: // full
			long, seen, in.from = true, 0, in.to
		case in.failed() != nil:
			return nil, in.err
		default:
			return nil, io.ErrUnexpectedEOF
		}
	}
}

// span finds the end of a JSON value, by its quotes and brackets alone.
type span struct {
	depth           int
	quoted, escaped bool
	bare            bool // a number or a word
}

// scan returns how many bytes of b belong to the value, and whether it ends there.
func (s *span) scan(b []byte) (int, bool) {
	for i, c := range b {
		switch {
		case s.escaped:
			s.escaped = false
		case s.quoted && c == '\\':
			s.escaped = true
		case s.quoted && c == '"':
			s.quoted = false
			if s.depth == 0 {
				return i + 1, true
			}
		case s.quoted:
		case c == '"' && s.bare, (c == '}' || c == ']' || c == ',' || c == ':' || c <= ' ') && s.depth == 0:
			return i, true
		case c == '"':
			s.quoted = true
		case c == '{' || c == '[':
			s.depth++
		case c == '}' || c == ']':
			s.depth--
			if s.depth == 0 {
				return i + 1, true
			}
		case s.depth == 0:
			s.bare = true
		}
	}
	return len(b), false
}
