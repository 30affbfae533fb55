package wandb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
)

// What an answer says about limits.
const (
	headerRetry     = "Retry-After"
	headerRemaining = "RateLimit-Remaining"
	headerReset     = "RateLimit-Reset"
)

// nothingLeft is how long to wait where the server says that no call is left,
// and not until when.
const nothingLeft = time.Second

// pace returns the pace of the call's credential: W&B's limits are per user or
// per key, and unpublished (W&B docs, rate limits), so each begins without a rate
// and learns from the answers. Its name is no way to the key: a key is long and
// random.
// JWTs and access tokens, which are new each time, share one: a daemon would
// gather one for each otherwise.
func (c *call) pace() *pace.Pace {
	if c.bearer {
		return c.issuer.paces.Get("wandb/"+c.issuer.host+"/federated", pace.Quota{})
	}
	sum := sha256.Sum256([]byte(c.key.Expose()))
	return c.issuer.paces.Get("wandb/"+c.issuer.host+"/"+hex.EncodeToString(sum[:16]), pace.Quota{})
}

// turn waits until the credential may be used again. Where that would be too
// late for ctx it returns Limited at once, and when to come back: nothing was
// sent.
func (c *call) turn(ctx context.Context) error {
	err := c.pace().Wait(ctx)
	var held *pace.Held
	switch {
	case err == nil:
		return nil
	case errors.As(err, &held):
		e := c.fail(providers.Limited, held, "")
		e.RetryAfter = held.After()
		return e
	}
	return c.unreached(ctx, err)
}

// heed has the pace know what an answer says about limits, and whether it was
// refused for them.
func (c *call) heed(h http.Header, err error) {
	if err != nil && providers.KindOf(err) == providers.Limited {
		c.pace().Limited(providers.RetryAfterOf(err))
		return
	}
	// W&B scales what is left in a way of its own: only whether it is zero counts.
	if left, err := strconv.ParseFloat(h.Get(headerRemaining), 64); err != nil || left > 0 {
		return
	}
	wait := c.waitOf(h, headerReset)
	if wait == 0 {
		wait = nothingLeft
	}
	c.pace().Pause(wait)
}

// waitOf is how long the server asks to wait, by the first of some headers that
// says so: Retry-After (RFC 9110), in seconds or as a date, or RateLimit-Reset, in
// seconds or as a Unix time. Dates are taken by the server's own clock. At most
// a day.
func (c *call) waitOf(h http.Header, names ...string) time.Duration {
	const longest, unixFrom = 24 * time.Hour, 1_000_000_000
	for _, name := range names {
		var wait time.Duration
		text := h.Get(name)
		if seconds, err := strconv.ParseFloat(text, 64); err == nil {
			if seconds >= unixFrom {
				if c.date.IsZero() {
					continue
				}
				seconds -= float64(c.date.Unix())
			}
			wait = time.Duration(min(seconds, longest.Seconds()) * float64(time.Second))
		} else if at, err := http.ParseTime(text); err == nil && !c.date.IsZero() {
			wait = at.Sub(c.date)
		}
		if wait > 0 {
			return min(wait, longest)
		}
	}
	return 0
}
