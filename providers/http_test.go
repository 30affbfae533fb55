package providers_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/keyrota/keyrota/providers"
)

func TestAnswersAreBounded(t *testing.T) {
	for _, c := range []struct {
		length int
		want   error
	}{{0, nil}, {1, nil}, {providers.AnswerMax, nil}, {providers.AnswerMax + 1, providers.ErrTooLong}, {2 * providers.AnswerMax, providers.ErrTooLong}} {
		body := strings.NewReader(strings.Repeat("x", c.length))
		text, err := io.ReadAll(providers.BoundedBody(io.NopCloser(iotest.DataErrReader(body))))
		if !errors.Is(err, c.want) || len(text) != min(c.length, providers.AnswerMax) {
			t.Errorf("%d bytes: read %d, %v", c.length, len(text), err)
		}
		if c.want != nil && body.Len() < c.length-providers.AnswerMax-4<<10 {
			t.Errorf("%d bytes: %d were left unread", c.length, body.Len())
		}
	}
}
