package awstest

type createSecretInput struct {
	Name                        string
	ClientRequestToken          *string
	Description                 *string
	KmsKeyID                    *string `json:"KmsKeyId"`
	SecretString                *string
	SecretBinary                []byte
	Tags                        []tag
	AddReplicaRegions           []replicaRegion
	ForceOverwriteReplicaSecret bool
}

type createSecretOutput struct {
	identified
	ReplicationStatus []replicationStatus `json:",omitempty"`
}

func (in createSecretInput) check() *Error {
	for _, failure := range []*Error{
		checkName(in.Name),
		optional("description", in.Description, 0, maxDescription),
		optional("kmsKeyId", in.KmsKeyID, 0, maxKMSKeyID),
		checkToken(in.ClientRequestToken),
		checkValue(in.SecretString, in.SecretBinary, false),
		checkTags(in.Tags),
		checkReplicas(in.AddReplicaRegions, false),
	} {
		if failure != nil {
			return failure
		}
	}
	if len(in.Tags) > maxTags {
		return tooManyTags()
	}
	return nil
}

func (c *request) createSecret(in createSecretInput) (any, *Error) {
	if failure := in.check(); failure != nil {
		return nil, failure
	}
	arn := c.store.arn(in.Name, c.store.suffix(c.options.Seed, in.Name))
	needed := []string{"CreateSecret"}
	if len(in.Tags) > 0 {
		needed = append(needed, "TagResource")
	}
	if len(in.AddReplicaRegions) > 0 {
		needed = append(needed, "ReplicateSecretToRegions")
	}
	for _, action := range needed {
		if failure := c.who.may(action, arn); failure != nil {
			return nil, failure
		}
	}
	if e := c.store.byName[in.Name]; e != nil && e.now != nil {
		return c.createAgain(e.now, in)
	}
	s := &secret{
		name: in.Name, arn: arn, description: value(in.Description), kmsKeyID: value(in.KmsKeyID), primary: c.store.name,
		created: c.now, changed: c.now, tags: in.Tags,
	}
	if in.SecretString != nil || in.SecretBinary != nil {
		s.versions = []*version{{
			id: *in.ClientRequestToken, text: in.SecretString, binary: in.SecretBinary, created: c.now, stages: []string{current}, kmsKeyID: s.kmsKeyID,
		}}
	}
	e := c.add(c.store, s, c.now)
	answer := createSecretOutput{identified: identified{ARN: s.arn, Name: s.name}}
	if len(s.versions) > 0 {
		answer.VersionID = s.versions[0].id
	}
	if len(in.AddReplicaRegions) > 0 {
		next := s.clone()
		c.replicate(c.store, e, next, in.AddReplicaRegions, in.ForceOverwriteReplicaSecret, c.now)
		answer.ReplicationStatus = e.now.replicationStatus()
	}
	return answer, nil
}

// createAgain answers for a name that is taken: the same token with the same
// data is the same request, which had its effect already.
func (c *request) createAgain(s *secret, in createSecretInput) (any, *Error) {
	if !s.deleted.IsZero() {
		return nil, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
	}
	if v := s.version(*in.ClientRequestToken); v != nil && !s.replica && v.same(in.SecretString, in.SecretBinary) {
		return createSecretOutput{identified: identified{ARN: s.arn, Name: s.name, VersionID: v.id}, ReplicationStatus: s.replicationStatus()}, nil
	}
	return nil, fail("ResourceExistsException", "The operation failed because the secret %s already exists.", in.Name)
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
