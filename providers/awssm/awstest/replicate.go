package awstest

import (
	"slices"
	"strings"
	"time"
)

type replicaRegion struct {
	Region   string
	KmsKeyID string `json:"KmsKeyId"`
}

type replicationStatus struct {
	Region           string
	KmsKeyID         string `json:"KmsKeyId,omitempty"`
	Status           string
	StatusMessage    string `json:",omitempty"`
	LastAccessedDate *stamp `json:",omitempty"`
}

const (
	inSync     = "InSync"
	inProgress = "InProgress"
	failed     = "Failed"
	defaultKey = "alias/aws/secretsmanager"
)

// Replication is how replicas in a Region follow.
type Replication struct {
	After time.Duration // on top of Options.ReplicateAfter
	Hold  bool          // nothing arrives until this is set anew
	Fail  string        // a message: nothing arrives, and the status is Failed
}

// SetReplication decides how replicas in a Region follow from now on.
func (s *Server) SetReplication(region string, r Replication) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replication[region] = r
}

// replicaCopy is a replica that has to follow.
type replicaCopy struct {
	from  *region
	entry *entry
	to    string
	since time.Time
	force bool
}

func checkReplicas(replicas []replicaRegion, required bool) *Error {
	if replicas == nil && required {
		return constraint("addReplicaRegions", "not be null")
	}
	if replicas != nil && len(replicas) == 0 {
		return constraint("addReplicaRegions", "have length greater than or equal to 1")
	}
	for _, r := range replicas {
		if failure := checkRegion("addReplicaRegions.member.region", r.Region); failure != nil {
			return failure
		}
		if failure := length("addReplicaRegions.member.kmsKeyId", r.KmsKeyID, 0, maxKMSKeyID); failure != nil {
			return failure
		}
	}
	return nil
}

func checkRegion(member, region string) *Error {
	if failure := length(member, region, 1, 128); failure != nil {
		return failure
	}
	if !regionForm.MatchString(region) {
		return constraint(member, `satisfy regular expression pattern: ^([a-z]+-)+\d+$`)
	}
	return nil
}

func (s *secret) replicationStatus() []replicationStatus {
	var all []replicationStatus
	for _, r := range s.replicas {
		all = append(all, replicationStatus{Region: r.region, KmsKeyID: r.kmsKeyID, Status: r.status, StatusMessage: r.message})
	}
	return all
}

func (s *secret) replicaRegions() []string {
	var names []string
	for _, r := range s.replicas {
		names = append(names, r.region)
	}
	return names
}

func (s *secret) replicaIn(region string) int {
	return slices.IndexFunc(s.replicas, func(r replica) bool { return r.region == region })
}

// replicate adds replicas to a secret. They are there once they have followed.
func (s *Server) replicate(r *region, e *entry, next *secret, to []replicaRegion, force bool, now time.Time) {
	for _, one := range to {
		key := one.KmsKeyID
		if key == "" {
			key = defaultKey
		}
		add := replica{region: one.Region, kmsKeyID: key, status: inProgress}
		if at := next.replicaIn(one.Region); at >= 0 {
			next.replicas[at] = add
		} else {
			next.replicas = append(next.replicas, add)
		}
		s.copies = append(s.copies, replicaCopy{from: r, entry: e, to: one.Region, since: now, force: force})
	}
	s.set(r, e, next, now)
}

// follow has the replicas of a changed secret follow.
func (s *Server) follow(r *region, e *entry, now time.Time) {
	if e.now == nil || len(e.now.replicas) == 0 {
		return
	}
	next := e.now.clone()
	for i, one := range next.replicas {
		if one.status == failed && !s.hasReplica(r.account, one.region, next) {
			continue // it has to be added anew
		}
		next.replicas[i].status = inProgress
		s.copies = append(s.copies, replicaCopy{from: r, entry: e, to: one.region, since: now})
	}
	e.now = next // the replicas' status alone
}

func (s *Server) hasReplica(account, region string, primary *secret) bool {
	e := s.region(account, region).byName[primary.name]
	return e != nil && e.now != nil && e.now.replica && e.now.primary == primary.primary
}

// settle lets happen what happens by itself: replicas follow, and what was
// deleted ends.
func (s *Server) settle(now time.Time) {
	s.bury(now)
	if len(s.copies) == 0 {
		return
	}
	waiting := s.copies
	s.copies = nil
	for _, c := range waiting {
		control := s.replication[c.to]
		switch {
		case control.Hold, control.Fail == "" && now.Before(c.since.Add(s.options.ReplicateAfter+control.After)):
			s.copies = append(s.copies, c)
		default:
			s.arrive(c, control.Fail, now)
		}
	}
}

func (s *Server) arrive(c replicaCopy, message string, now time.Time) {
	if c.entry.now == nil {
		return
	}
	primary := c.entry.now.clone()
	at := primary.replicaIn(c.to)
	if at < 0 {
		return // removed meanwhile
	}
	store := s.region(c.from.account, c.to)
	e := store.byName[primary.name]
	taken := e != nil && e.now != nil && !s.hasReplica(c.from.account, c.to, primary)
	switch {
	case message != "":
		primary.replicas[at].status, primary.replicas[at].message = failed, message
	case taken && !c.force:
		primary.replicas[at].status = failed
		primary.replicas[at].message = "Replication failed: Secret name " + primary.name + " already exists in region " + c.to + "."
	default:
		primary.replicas[at].status, primary.replicas[at].message = inSync, ""
		s.deliver(store, e, primary, primary.replicas[at].kmsKeyID, now)
	}
	c.entry.now = primary // the replicas' status alone
}

// deliver makes the replica what the primary is.
func (s *Server) deliver(store *region, e *entry, primary *secret, key string, now time.Time) {
	next := primary.clone()
	next.replica, next.replicas = true, nil
	next.arn = store.arn(primary.name, primary.arn[len(primary.arn)-suffixLength:])
	next.accessed = time.Time{}
	next.kmsKeyID = key
	if key == defaultKey {
		next.kmsKeyID = ""
	}
	if e != nil && e.now != nil {
		next.accessed = e.now.accessed
		s.set(store, e, next, now)
		return
	}
	s.add(store, next, now)
}

type replicateInput struct {
	SecretID                    string `json:"SecretId"`
	AddReplicaRegions           []replicaRegion
	ForceOverwriteReplicaSecret bool
}

type replicateOutput struct {
	ARN               string
	ReplicationStatus []replicationStatus `json:",omitempty"`
}

func (c *request) replicateSecretToRegions(in replicateInput) (any, *Error) {
	if failure := checkReplicas(in.AddReplicaRegions, true); failure != nil {
		return nil, failure
	}
	e, s, failure := c.writable(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	for _, r := range in.AddReplicaRegions {
		if r.Region == c.store.name {
			return nil, invalidParameter("Invalid replica region.")
		}
		if at := s.replicaIn(r.Region); at >= 0 && s.replicas[at].status != failed {
			return nil, invalidParameter("Secret %s is already replicated to %s.", s.name, r.Region)
		}
	}
	s.changed = c.now
	c.replicate(c.store, e, s, in.AddReplicaRegions, in.ForceOverwriteReplicaSecret, c.now)
	return replicateOutput{s.arn, e.now.replicationStatus()}, nil
}

type removeReplicasInput struct {
	SecretID             string `json:"SecretId"`
	RemoveReplicaRegions []string
}

func (c *request) removeRegionsFromReplication(in removeReplicasInput) (any, *Error) {
	if len(in.RemoveReplicaRegions) == 0 {
		return nil, constraint("removeReplicaRegions", "have length greater than or equal to 1")
	}
	for _, name := range in.RemoveReplicaRegions {
		if failure := checkRegion("removeReplicaRegions.member", name); failure != nil {
			return nil, failure
		}
	}
	e, s, failure := c.writable(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	for _, name := range in.RemoveReplicaRegions {
		at := s.replicaIn(name)
		if at < 0 {
			continue
		}
		s.replicas = slices.Delete(s.replicas, at, at+1)
		store := c.region(c.store.account, name)
		// "When you delete a replica, it is deleted immediately."
		if r := store.byName[s.name]; r != nil && r.now != nil && r.now.replica && r.now.primary == c.store.name {
			c.set(store, r, nil, c.now)
		}
	}
	c.save(e, s)
	return replicateOutput{s.arn, e.now.replicationStatus()}, nil
}

// stopReplicationToReplica makes a replica, in its own Region, a secret in its
// own right.
func (c *request) stopReplicationToReplica(in secretID) (any, *Error) {
	id := in.SecretID // "the ARN of the primary secret", which names its own Region
	if parts := strings.SplitN(id, ":", 6); len(parts) == 6 {
		parts[3] = c.store.name
		id = strings.Join(parts, ":")
	}
	e, failure := c.entry(id)
	switch {
	case failure != nil:
		return nil, failure
	case e == nil || e.now == nil:
		return nil, notFound()
	case !e.now.replica:
		return nil, invalidRequest("The secret %s is not a replica.", e.name)
	}
	s := e.now.clone()
	if p := c.region(c.store.account, s.primary).byName[s.name]; p != nil && p.now != nil {
		if at := p.now.replicaIn(c.store.name); at >= 0 {
			primary := p.now.clone()
			primary.replicas = slices.Delete(primary.replicas, at, at+1)
			c.set(c.region(c.store.account, s.primary), p, primary, c.now)
		}
	}
	s.replica, s.primary = false, c.store.name
	c.save(e, s)
	return identifiedARN{s.arn}, nil
}

type identifiedARN struct{ ARN string }
