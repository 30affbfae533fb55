package wandb

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// doer is what sends requests.
type doer interface {
	Do(r *http.Request) (*http.Response, error)
}

var errStalled = errors.New("nothing came for a minute")

// watch is a client for answers that are as long as they are: what ends a
// request is not how long it takes, but that nothing comes.
type watch struct {
	client http.Client
	cancel context.CancelCauseFunc
	timer  *time.Timer
	body   io.Reader
}

// watched returns a context that ends when nothing comes any more, for requests
// with the client that it returns.
func watched(ctx context.Context, client *http.Client) (context.Context, *watch) {
	w := &watch{client: *client}
	w.client.Timeout = 0
	ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(time.Minute, func() { w.cancel(errStalled) })
	w.timer.Stop()
	return ctx, w
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// Do sends a request.
func (w *watch) Do(r *http.Request) (*http.Response, error) {
	w.timer.Reset(time.Minute)
	defer w.timer.Stop()
	return w.client.Do(r)
}

// reading has the body of the answer watched.
func (w *watch) reading(body io.Reader) io.Reader {
	w.body = body
	return w
}

// Read reads of the body. Time that passes between does not count.
func (w *watch) Read(p []byte) (int, error) {
	w.timer.Reset(time.Minute)
	defer w.timer.Stop()
	return w.body.Read(p)
}
