package awstest

import "slices"

type putSecretValueInput struct {
	SecretID           string `json:"SecretId"`
	ClientRequestToken *string
	SecretString       *string
	SecretBinary       []byte
	VersionStages      []string
	RotationToken      *string // of a rotation function in another account; nothing here has one
}

type putSecretValueOutput struct {
	identified
	VersionStages []string `json:",omitempty"`
}

func (c *request) putSecretValue(in putSecretValueInput) (any, *Error) {
	for _, failure := range []*Error{
		checkToken(in.ClientRequestToken), checkValue(in.SecretString, in.SecretBinary, true), checkStages(in.VersionStages),
		checkRotationToken(in.RotationToken),
	} {
		if failure != nil {
			return nil, failure
		}
	}
	e, s, failure := c.writable(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	token := *in.ClientRequestToken
	if v := s.version(token); v != nil {
		if !v.same(in.SecretString, in.SecretBinary) {
			return nil, versionExists(token)
		}
		return putSecretValueOutput{identified{s.arn, s.name, token}, v.stages}, nil
	}
	stages := in.VersionStages
	if stages == nil {
		stages = []string{current}
	}
	s.put(&version{id: token, text: in.SecretString, binary: in.SecretBinary, created: c.now, kmsKeyID: s.kmsKeyID}, stages, c.options.PutDropsLabels)
	if s.labels() > maxStages {
		return nil, fail("LimitExceededException", "You can't attach more than %d staging labels to the versions of a secret.", maxStages)
	}
	s.prune(c.now)
	if failure := c.checkVersions(s); failure != nil {
		return nil, failure
	}
	c.save(e, s)
	return putSecretValueOutput{identified{s.arn, s.name, token}, s.version(token).stages}, nil
}

// put adds a version. The first version of a secret is the current one whatever
// labels are asked for: "If this operation creates the first version for the
// secret, then Secrets Manager automatically attaches the staging label
// AWSCURRENT to it." Where AWSCURRENT moves, AWSPENDING does not stay behind on
// the version that had both, which recorded answers of AWS show and its
// documentation does not say.
func (s *secret) put(v *version, stages []string, dropsAll bool) {
	from := s.labelled(current)
	s.versions = append(s.versions, v)
	for _, stage := range stages {
		s.move(stage, v.id)
	}
	switch {
	case from == nil && !slices.Contains(stages, current):
		s.move(current, v.id)
	case from != nil && slices.Contains(stages, current):
		s.replace(from.id, func(v *version) {
			v.stages = slices.DeleteFunc(v.stages, func(x string) bool { return x == pending || dropsAll && x != previous })
		})
	}
}

func (c *request) checkVersions(s *secret) *Error {
	if quota := c.options.VersionQuota; quota > 0 && len(s.versions) > quota {
		return fail("LimitExceededException", "You have reached the quota of %d versions of a secret.", quota)
	}
	return nil
}

func versionExists(token string) *Error {
	return fail("ResourceExistsException", "You can't use ClientRequestToken %s because that value is already in use for a version of this secret.", token)
}

func checkStages(stages []string) *Error {
	if stages != nil && (len(stages) == 0 || len(stages) > maxStages) {
		return constraint("versionStages", "have between 1 and 20 members")
	}
	for _, stage := range stages {
		if failure := length("versionStages.member", stage, 1, maxStage); failure != nil {
			return failure
		}
	}
	return nil
}
