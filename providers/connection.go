package providers

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
)

// Unanswered tells anew why a request has no answer, in words of our own or of
// the network's: it holds neither an address, nor anything that the other side
// sent, which may be what it was sent. net/http quotes an answer that it cannot
// read. What is left to unwrap is context.DeadlineExceeded, context.Canceled,
// ErrTooLong, or nothing.
func Unanswered(err error) error {
	for _, cause := range []struct {
		err   error
		words string
	}{
		{context.DeadlineExceeded, "the deadline passed"}, {context.Canceled, "canceled"}, {ErrTooLong, ErrTooLong.Error()},
	} {
		if errors.Is(err, cause.err) {
			return &unanswered{cause.words, cause.err}
		}
	}
	return &unanswered{words: networkWords(err)}
}

type unanswered struct {
	words string
	cause error
}

func (u *unanswered) Error() string { return u.words }
func (u *unanswered) Unwrap() error { return u.cause }

func networkWords(err error) string {
	var certificate *tls.CertificateVerificationError
	var operation *net.OpError
	var name *net.DNSError
	var slow net.Error
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return "what answers there speaks no TLS"
	case errors.As(err, &certificate):
		return OneLine(certificate.Error())
	case errors.As(err, &operation):
		return OneLine(operation.Error())
	case errors.As(err, &name):
		return OneLine(name.Error())
	case errors.As(err, &slow) && slow.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended"
	}
	return "the connection failed"
}

// OneLine puts what others say on one line and bounds it.
func OneLine(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
