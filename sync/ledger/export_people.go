package ledger

import (
	"context"
	"fmt"
	"time"
)

type exportedState struct {
	Name string `json:"name"`
	Body []byte `json:"body"`
}

type exportedAcknowledgement struct {
	ID      int64     `json:"id"`
	Code    string    `json:"code"`
	Ref     string    `json:"ref,omitempty"`
	Subject string    `json:"subject,omitempty"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
	By      string    `json:"by,omitempty"`
}

type exportedMessage struct {
	ID        int64     `json:"id"`
	Sink      string    `json:"sink"`
	Key       string    `json:"key,omitempty"`
	Body      []byte    `json:"body,omitempty"`
	Queued    time.Time `json:"queued"`
	NotBefore time.Time `json:"not_before,omitzero"`
	Tries     int       `json:"tries,omitempty"`
	Words     string    `json:"words,omitempty"`
}

// exportForm returns the oldest form that can hold the ledger.
func exportForm(ctx context.Context, s session) (int, error) {
	var second bool
	err := s.row(ctx, `SELECT EXISTS (SELECT 1 FROM ledger_usage) OR EXISTS (SELECT 1 FROM ledger_state)
		OR EXISTS (SELECT 1 FROM ledger_acknowledgement) OR EXISTS (SELECT 1 FROM ledger_message)`).Scan(&second)
	if second {
		return 2, err
	}
	return 1, err
}

// exportUse writes what is known of use, what is noted and acknowledged, and
// what waits to be sent.
func exportUse(ctx context.Context, s session, x *exporter) error {
	err := s.each(ctx, func(scan func(...any) error) error {
		var v line
		var body []byte
		if err := scan(&v.Ref, &v.Source, &body); err != nil {
			return err
		}
		if _, err := decodeUse(body); err != nil {
			return fmt.Errorf("the use of %s by %s: %w", v.Ref, v.Source, err)
		}
		about, err := canonical(v)
		if err != nil {
			return err
		}
		return x.embed(`{"usage":`, body, ","+string(about[1:]))
	}, `SELECT ref, source, body FROM ledger_usage ORDER BY ref, source`)
	if err != nil {
		return err
	}
	err = s.each(ctx, func(scan func(...any) error) error {
		var e exportedState
		if err := scan(&e.Name, &e.Body); err != nil {
			return err
		}
		return x.line(line{State: &e})
	}, `SELECT name, body FROM ledger_state ORDER BY name`)
	if err != nil {
		return err
	}
	all, err := readAcknowledgements(ctx, s)
	if err != nil {
		return err
	}
	for _, a := range all {
		e := exportedAcknowledgement{a.ID, a.Code, string(a.Ref), a.Subject, a.From, a.Until, a.Reason, a.By}
		if err := x.line(line{Acknowledgement: &e}); err != nil {
			return err
		}
	}
	return s.each(ctx, func(scan func(...any) error) error {
		m, err := readMessage(scan)
		if err != nil {
			return err
		}
		e := exportedMessage(m)
		return x.line(line{Message: &e})
	}, `SELECT id, sink, key, body, queued, not_before, tries, words FROM ledger_message ORDER BY id`)
}
