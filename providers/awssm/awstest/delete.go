package awstest

import (
	"strings"
	"time"
)

const (
	defaultWindow = 30
	minWindow     = 7
)

type deleteSecretInput struct {
	SecretID                   string `json:"SecretId"`
	RecoveryWindowInDays       *int
	ForceDeleteWithoutRecovery *bool
}

type deleteSecretOutput struct {
	identified
	DeletionDate *stamp
}

func (c *request) deleteSecret(in deleteSecretInput) (any, *Error) {
	force := in.ForceDeleteWithoutRecovery != nil && *in.ForceDeleteWithoutRecovery
	window := defaultWindow
	if in.RecoveryWindowInDays != nil {
		window = *in.RecoveryWindowInDays
		switch {
		case force:
			return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
		case window < minWindow || window > defaultWindow:
			return nil, invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
		}
	}
	e, failure := c.entry(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	if e == nil || e.now == nil {
		if force { // "the operation does not return ResourceNotFoundException"
			name := strings.TrimPrefix(in.SecretID, c.store.arn("", ""))
			return deleteSecretOutput{identified{ARN: c.store.arn(name, c.store.suffix(c.options.Seed, name)), Name: name}, when(c.now)}, nil
		}
		return nil, notFound()
	}
	s := e.now.clone()
	switch {
	case s.replica:
		return nil, onReplica()
	case len(s.replicas) > 0:
		return nil, invalidParameter("You can't delete secret %s that still has replica regions [%s].", s.arn, strings.Join(s.replicaRegions(), ", "))
	case !s.deleted.IsZero() && !force:
		return nil, invalidRequest("You tried to perform the operation on a secret that's currently marked deleted.")
	}
	c.mark(c.store, e, s, force, window, c.now)
	return deleteSecretOutput{identified{ARN: s.arn, Name: s.name}, when(s.gone)}, nil
}

// mark marks a secret as deleted. The value is unreadable from now on; the
// secret ends with its recovery window, or, deleted without one, when AWS gets
// around to it.
func (s *Server) mark(r *region, e *entry, next *secret, force bool, days int, now time.Time) {
	next.deleted, next.gone = now, now.AddDate(0, 0, days)
	if force {
		next.forced, next.gone = true, now
	}
	s.set(r, e, next, now)
	s.doomed = append(s.doomed, doom{r, e})
	s.due = time.Time{}
	s.bury(now)
}

// doom is a secret that ends some time.
type doom struct {
	region *region
	entry  *entry
}

// bury ends the secrets whose time has come.
func (s *Server) bury(now time.Time) {
	if len(s.doomed) == 0 || now.Before(s.due) {
		return
	}
	s.due = time.Time{}
	left := s.doomed[:0]
	for _, d := range s.doomed {
		was := d.entry.now
		if was == nil || was.deleted.IsZero() {
			continue // ended or restored meanwhile
		}
		end := was.gone
		if was.forced && s.options.ForceDeleteAfter > 0 {
			end = end.Add(s.options.ForceDeleteAfter)
		}
		if now.Before(end) {
			left = append(left, d)
			if s.due.IsZero() || end.Before(s.due) {
				s.due = end
			}
			continue
		}
		s.set(d.region, d.entry, nil, end)
	}
	clear(s.doomed[len(left):])
	s.doomed = left
}

func (c *request) restoreSecret(in secretID) (any, *Error) {
	e, failure := c.entry(in.SecretID)
	switch {
	case failure != nil:
		return nil, failure
	case e == nil || e.now == nil:
		return nil, notFound()
	case e.now.forced:
		return nil, invalidRequest("You can't restore a secret that was deleted without a recovery window.")
	}
	s := e.now.clone()
	if !s.deleted.IsZero() {
		s.deleted, s.gone = time.Time{}, time.Time{}
		c.save(e, s)
	}
	return identified{ARN: s.arn, Name: s.name}, nil
}
