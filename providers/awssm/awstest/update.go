package awstest

import "slices"

type updateSecretInput struct {
	SecretID           string `json:"SecretId"`
	ClientRequestToken *string
	Description        *string
	KmsKeyID           *string `json:"KmsKeyId"`
	SecretString       *string
	SecretBinary       []byte
}

func (c *request) updateSecret(in updateSecretInput) (any, *Error) {
	for _, failure := range []*Error{
		checkValue(in.SecretString, in.SecretBinary, false),
		optional("description", in.Description, 0, maxDescription), optional("kmsKeyId", in.KmsKeyID, 0, maxKMSKeyID),
	} {
		if failure != nil {
			return nil, failure
		}
	}
	newValue := in.SecretString != nil || in.SecretBinary != nil
	if newValue || in.ClientRequestToken != nil {
		if failure := checkToken(in.ClientRequestToken); failure != nil {
			return nil, failure
		}
	}
	e, s, failure := c.writable(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	answer := identified{ARN: s.arn, Name: s.name}
	if newValue {
		// Unlike PutSecretValue, the same token again is an error whatever the data.
		if s.version(*in.ClientRequestToken) != nil {
			return nil, versionExists(*in.ClientRequestToken)
		}
		answer.VersionID = *in.ClientRequestToken
	}
	if in.Description != nil {
		s.description = *in.Description
	}
	if in.KmsKeyID != nil {
		s.kmsKeyID = *in.KmsKeyID
		for _, v := range slices.Clone(s.versions) {
			if slices.ContainsFunc(v.stages, func(x string) bool { return x == current || x == previous || x == pending }) {
				s.replace(v.id, func(v *version) { v.kmsKeyID = s.kmsKeyID })
			}
		}
	}
	if newValue {
		s.put(&version{id: answer.VersionID, text: in.SecretString, binary: in.SecretBinary, created: c.now, kmsKeyID: s.kmsKeyID}, []string{current}, c.options.PutDropsLabels)
		s.prune(c.now)
		if failure := c.checkVersions(s); failure != nil {
			return nil, failure
		}
	}
	c.save(e, s)
	return answer, nil
}

type updateSecretVersionStageInput struct {
	SecretID            string `json:"SecretId"`
	VersionStage        string
	RemoveFromVersionID *string `json:"RemoveFromVersionId"`
	MoveToVersionID     *string `json:"MoveToVersionId"`
}

func (c *request) updateSecretVersionStage(in updateSecretVersionStageInput) (any, *Error) {
	for _, failure := range []*Error{
		length("versionStage", in.VersionStage, 1, maxStage),
		optional("removeFromVersionId", in.RemoveFromVersionID, minToken, maxToken),
		optional("moveToVersionId", in.MoveToVersionID, minToken, maxToken),
	} {
		if failure != nil {
			return nil, failure
		}
	}
	e, s, failure := c.writable(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	if failure := s.relabel(in.VersionStage, in.RemoveFromVersionID, in.MoveToVersionID); failure != nil {
		return nil, failure
	}
	if s.labels() > maxStages {
		return nil, fail("LimitExceededException", "You can't attach more than %d staging labels to the versions of a secret.", maxStages)
	}
	s.prune(c.now)
	c.save(e, s)
	return identified{ARN: s.arn, Name: s.name}, nil
}

// relabel moves or removes a label. "If the staging label is already attached to
// a different version of the secret, then you must also specify the
// RemoveFromVersionId parameter", and "if the version ID does not match, then
// the operation fails": so it is a compare-and-set.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
func (s *secret) relabel(stage string, from, to *string) *Error {
	if from == nil && to == nil {
		return invalidParameter("You must specify MoveToVersionId, RemoveFromVersionId, or both.")
	}
	for _, id := range []*string{from, to} {
		if id != nil && s.version(*id) == nil {
			return noSuchVersion("VersionId", *id)
		}
	}
	holder := s.labelled(stage)
	switch {
	case to == nil && stage == current:
		return invalidParameter("You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.")
	case from != nil && (holder == nil || holder.id != *from):
		return invalidParameter("RemoveFromVersionId %s does not have the staging label %s.", *from, stage)
	case from == nil && holder != nil && holder.id != *to:
		return invalidParameter("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, holder.id)
	case to == nil:
		s.detach(stage)
	case holder == nil || holder.id != *to:
		s.move(stage, *to)
	}
	return nil
}
