package awstest

import "time"

// operation is one operation of the API.
type operation struct {
	run func(*request, []byte) (any, *Error)
}

// request is a call under way. The server is locked.
type request struct {
	*Server
	who       *principal
	operation string
	now       time.Time
	store     *region
}

// takes makes an operation of a function and the parameters it takes.
func takes[In any](do func(*request, In) (any, *Error)) *operation {
	return &operation{run: func(c *request, body []byte) (any, *Error) {
		var in In
		if failure := decode(body, &in); failure != nil {
			return nil, failure
		}
		return do(c, in)
	}}
}

func operations() map[string]*operation {
	return map[string]*operation{
		"BatchGetSecretValue":          takes((*request).batchGetSecretValue),
		"CancelRotateSecret":           takes((*request).rotateSecret),
		"CreateSecret":                 takes((*request).createSecret),
		"DeleteSecret":                 takes((*request).deleteSecret),
		"DescribeSecret":               takes((*request).describeSecret),
		"GetSecretValue":               takes((*request).getSecretValue),
		"ListSecretVersionIds":         takes((*request).listSecretVersionIDs),
		"ListSecrets":                  takes((*request).listSecrets),
		"PutSecretValue":               takes((*request).putSecretValue),
		"RemoveRegionsFromReplication": takes((*request).removeRegionsFromReplication),
		"ReplicateSecretToRegions":     takes((*request).replicateSecretToRegions),
		"RestoreSecret":                takes((*request).restoreSecret),
		"RotateSecret":                 takes((*request).rotateSecret),
		"StopReplicationToReplica":     takes((*request).stopReplicationToReplica),
		"TagResource":                  takes((*request).tagResource),
		"UntagResource":                takes((*request).untagResource),
		"UpdateSecret":                 takes((*request).updateSecret),
		"UpdateSecretVersionStage":     takes((*request).updateSecretVersionStage),
	}
}

// identified is what most operations answer.
type identified struct {
	ARN       string
	Name      string
	VersionID string `json:"VersionId,omitempty"`
}

// entry finds the secret that an id means, and checks that the caller may do
// what it asks for. The entry may hold no secret any more; nil is not found.
func (c *request) entry(id string) (*entry, *Error) {
	if failure := checkSecretID(id); failure != nil {
		return nil, failure
	}
	e := c.store.find(id)
	resource := id
	switch {
	case e != nil && e.arn() != "":
		resource = e.arn()
	case accountOf(id) == "":
		resource = c.store.arn(id, "")
	}
	if account := accountOf(id); account != "" && account != c.store.account {
		return nil, accessDenied(c.who.ARN, service+":"+c.operation, id, "because no resource-based policy allows the "+service+":"+c.operation+" action")
	}
	return e, c.who.may(c.operation, resource)
}

// writable finds a secret for an operation that changes it.
func (c *request) writable(id string) (*entry, *secret, *Error) {
	e, failure := c.entry(id)
	switch {
	case failure != nil:
		return nil, nil, failure
	case e == nil || e.now == nil:
		return nil, nil, notFound()
	case !e.now.deleted.IsZero():
		return nil, nil, markedForDeletion()
	case e.now.replica:
		return nil, nil, onReplica()
	}
	return e, e.now.clone(), nil
}

// save makes a changed secret the present one, and has its replicas follow.
func (c *request) save(e *entry, next *secret) {
	next.changed = c.now
	c.set(c.store, e, next, c.now)
	c.follow(c.store, e, c.now)
}

func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
