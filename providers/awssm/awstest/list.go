package awstest

const maxPage = 100

type listSecretsInput struct {
	IncludePlannedDeletion bool
	MaxResults             *int
	NextToken              *string
	Filters                []filter
	SortOrder              *string
}

type listSecretsOutput struct {
	SecretList []described
	NextToken  string `json:",omitempty"`
}

func (c *request) listSecrets(in listSecretsInput) (any, *Error) {
	if failure := c.who.may(c.operation, "*"); failure != nil {
		return nil, failure
	}
	p, failure := c.page("ListSecrets", in, maxPage)
	if failure != nil {
		return nil, failure
	}
	answer := listSecretsOutput{SecretList: make([]described, 0, len(p.secrets)), NextToken: p.next}
	for _, s := range p.secrets {
		d := s.describe()
		d.SecretVersionsToStages = s.stagesByVersion()
		d.DeletedDate = when(s.deleted) // "the date and time the deletion of the secret occurred"
		answer.SecretList = append(answer.SecretList, d)
	}
	return answer, nil
}

type listSecretVersionIDsInput struct {
	SecretID          string `json:"SecretId"`
	MaxResults        *int
	NextToken         *string
	IncludeDeprecated bool
}

type listSecretVersionIDsOutput struct {
	Versions  []listedVersion
	NextToken string `json:",omitempty"`
	ARN       string
	Name      string
}

type listedVersion struct {
	VersionID        string   `json:"VersionId"`
	VersionStages    []string `json:",omitempty"`
	LastAccessedDate *stamp   `json:",omitempty"`
	CreatedDate      *stamp
	KmsKeyIDs        []string `json:"KmsKeyIds,omitempty"`
}

// A secret that is marked for deletion still lists its versions: the model
// declares no InvalidRequestException for this operation.
func (c *request) listSecretVersionIDs(in listSecretVersionIDsInput) (any, *Error) {
	size, failure := pageSize(in.MaxResults, maxPage)
	if failure != nil {
		return nil, failure
	}
	e, failure := c.entry(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	s := e.as(c.sight(c.lags.Get, c.now))
	if s == nil {
		return nil, notFound()
	}
	of := fingerprint([]any{s.arn, in.IncludeDeprecated})
	after, failure := parseToken(in.NextToken, c.operation, of)
	if failure != nil {
		return nil, failure
	}
	answer := listSecretVersionIDsOutput{Versions: []listedVersion{}, ARN: s.arn, Name: s.name}
	for at := int(after); at < len(s.versions); at++ {
		v := s.versions[at]
		if len(v.stages) == 0 && !in.IncludeDeprecated {
			continue
		}
		if len(answer.Versions) == size {
			answer.NextToken = pageToken{c.operation, uint64(at), of}.String()
			break
		}
		answer.Versions = append(answer.Versions, v.listed())
	}
	return answer, nil
}

func (v *version) listed() listedVersion {
	key := v.kmsKeyID
	if key == "" {
		key = "DefaultEncryptionKey"
	}
	return listedVersion{v.id, v.stages, when(v.accessed), when(v.created), []string{key}}
}
