package awstest

type secretID struct {
	SecretID string `json:"SecretId"`
}

type described struct {
	ARN                    string
	Name                   string
	Description            string              `json:",omitempty"`
	KmsKeyID               string              `json:"KmsKeyId,omitempty"`
	LastChangedDate        *stamp              `json:",omitempty"`
	LastAccessedDate       *stamp              `json:",omitempty"`
	DeletedDate            *stamp              `json:",omitempty"`
	Tags                   []tag               `json:",omitempty"`
	VersionIDsToStages     map[string][]string `json:"VersionIdsToStages,omitempty"`
	SecretVersionsToStages map[string][]string `json:",omitempty"` // the same, in a list
	CreatedDate            *stamp              `json:",omitempty"`
	PrimaryRegion          string              `json:",omitempty"`
	ReplicationStatus      []replicationStatus `json:",omitempty"`
}

func (c *request) describeSecret(in secretID) (any, *Error) {
	e, failure := c.entry(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	s := e.as(c.sight(c.lags.Describe, c.now))
	if s == nil {
		return nil, notFound()
	}
	d := s.describe()
	d.VersionIDsToStages = s.stagesByVersion()
	d.ReplicationStatus = s.replicationStatus()
	d.DeletedDate = when(s.gone) // "the date the secret is scheduled for deletion"
	return d, nil
}

func (s *secret) describe() described {
	d := described{
		ARN: s.arn, Name: s.name, Description: s.description, KmsKeyID: s.kmsKeyID, LastChangedDate: when(s.changed),
		LastAccessedDate: when(s.accessed), Tags: s.tags, CreatedDate: when(s.created),
	}
	if s.replica || len(s.replicas) > 0 {
		d.PrimaryRegion = s.primary
	}
	return d
}

type getSecretValueInput struct {
	SecretID     string  `json:"SecretId"`
	VersionID    *string `json:"VersionId"`
	VersionStage *string
}

type secretValue struct {
	ARN           string
	Name          string
	VersionID     string   `json:"VersionId"`
	SecretString  *string  `json:",omitempty"`
	SecretBinary  []byte   `json:",omitempty"`
	VersionStages []string `json:",omitempty"`
	CreatedDate   *stamp
}

func (c *request) getSecretValue(in getSecretValueInput) (any, *Error) {
	for _, failure := range []*Error{
		optional("versionId", in.VersionID, minToken, maxToken), optional("versionStage", in.VersionStage, 1, maxStage),
	} {
		if failure != nil {
			return nil, failure
		}
	}
	e, failure := c.entry(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	return c.valueOf(e, e.as(c.sight(c.lags.Get, c.now)), in.VersionID, in.VersionStage)
}

func (c *request) valueOf(e *entry, s *secret, id, stage *string) (any, *Error) {
	switch {
	case s == nil:
		return nil, notFound()
	case !s.deleted.IsZero():
		return nil, markedForDeletion()
	}
	v, failure := s.choose(id, stage)
	if failure != nil {
		return nil, failure
	}
	c.touch(e, v.id)
	return secretValue{
		ARN: s.arn, Name: s.name, VersionID: v.id, SecretString: v.text, SecretBinary: v.binary, VersionStages: v.stages, CreatedDate: when(v.created),
	}, nil
}

// choose is the version that has both an id and a label, where they are given.
func (s *secret) choose(id, stage *string) (*version, *Error) {
	label := current
	if stage != nil {
		label = *stage
	}
	if id == nil {
		if v := s.labelled(label); v != nil {
			return v, nil
		}
		return nil, noSuchVersion("staging label", label)
	}
	v := s.version(*id)
	switch {
	case v == nil:
		return nil, noSuchVersion("VersionId", *id)
	case stage != nil && s.labelled(label) != v:
		return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	return v, nil
}

// touch notes the day on which a version was read.
func (c *request) touch(e *entry, id string) {
	today := day(c.now)
	if e.now == nil {
		return
	}
	v := e.now.version(id)
	if v == nil || v.accessed.Equal(today) {
		return
	}
	next := e.now.clone()
	next.accessed = today
	next.replace(id, func(v *version) { v.accessed = today })
	e.now = next // not a change: LastChangedDate stays, and no lag hides it
}

type batchGetSecretValueInput struct {
	SecretIDList []string `json:"SecretIdList"`
	Filters      []filter
	MaxResults   *int
	NextToken    *string
}

type batchGetSecretValueOutput struct {
	SecretValues []any
	Errors       []batchError
	NextToken    string `json:",omitempty"`
}

type batchError struct {
	SecretID  string `json:"SecretId"`
	ErrorCode string
	Message   string
}

const maxBatch = 20

func (c *request) batchGetSecretValue(in batchGetSecretValueInput) (any, *Error) {
	if failure := c.who.may(c.operation, "*"); failure != nil {
		return nil, failure
	}
	byID := in.SecretIDList != nil
	switch {
	case byID == (in.Filters != nil):
		return nil, invalidParameter("You must include Filters or SecretIdList, but not both.")
	case byID && (len(in.SecretIDList) == 0 || len(in.SecretIDList) > maxBatch):
		return nil, constraint("secretIdList", "have between 1 and 20 members")
	case byID && (in.MaxResults != nil || in.NextToken != nil):
		return nil, invalidParameter("To use MaxResults or NextToken, you must also use Filters.")
	}
	for _, id := range in.SecretIDList {
		if failure := checkSecretID(id); failure != nil {
			return nil, failure
		}
	}
	c.operation = "GetSecretValue" // of each secret, that right is needed
	answer := batchGetSecretValueOutput{SecretValues: []any{}, Errors: []batchError{}}
	take := func(e *entry, id string, seen func(*entry) *secret, failure *Error) {
		if failure == nil {
			var one any
			if one, failure = c.valueOf(e, seen(e), nil, nil); failure == nil {
				answer.SecretValues = append(answer.SecretValues, one)
				return
			}
		}
		answer.Errors = append(answer.Errors, batchError{id, failure.Code, failure.Message})
	}
	if byID {
		sight := c.sight(c.lags.Get, c.now)
		for _, id := range in.SecretIDList {
			e, failure := c.entry(id)
			take(e, id, func(e *entry) *secret { return e.as(sight) }, failure)
		}
		return answer, nil
	}
	if failure := c.who.may("ListSecrets", "*"); failure != nil {
		return nil, failure
	}
	p, failure := c.page("BatchGetSecretValue", listSecretsInput{Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken}, maxBatch)
	if failure != nil {
		return nil, failure
	}
	for i, e := range p.entries {
		take(e, p.secrets[i].arn, func(*entry) *secret { return p.secrets[i] }, c.who.may(c.operation, p.secrets[i].arn))
	}
	answer.NextToken = p.next
	return answer, nil
}
