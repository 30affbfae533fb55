package awstest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
)

// pageToken is a NextToken. It is good for the same request only.
type pageToken struct {
	Operation string
	After     uint64 // the last one that the page before looked at
	Of        string // what is asked for
}

func (p pageToken) String() string {
	raw, _ := json.Marshal(p) // strings and numbers cannot fail
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseToken(token *string, operation, of string) (uint64, *Error) {
	if token == nil {
		return 0, nil
	}
	var p pageToken
	raw, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || json.Unmarshal(raw, &p) != nil || p.Operation != operation || p.Of != of {
		return 0, fail("InvalidNextTokenException", "Invalid pagination token")
	}
	return p.After, nil
}

func fingerprint(of any) string {
	raw, _ := json.Marshal(of) // parameters that were JSON before
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// page is some of the secrets of a region.
type page struct {
	entries []*entry
	secrets []*secret
	next    string
}

// page looks through the secrets in the order of their creation, from where the
// last page ended.
func (c *request) page(operation string, in listSecretsInput, most int) (page, *Error) {
	size, failure := pageSize(in.MaxResults, most)
	if failure != nil {
		return page{}, failure
	}
	matches, failure := compile(in.Filters)
	if failure != nil {
		return page{}, failure
	}
	descending := in.SortOrder != nil && *in.SortOrder == "desc"
	if in.SortOrder != nil && !descending && *in.SortOrder != "asc" {
		return page{}, constraint("sortOrder", "satisfy enum value set: [asc, desc]")
	}
	of := fingerprint([]any{in.Filters, descending, in.IncludePlannedDeletion})
	after, failure := parseToken(in.NextToken, operation, of)
	if failure != nil {
		return page{}, failure
	}
	step, at := 1, 0
	switch {
	case descending && in.NextToken == nil:
		step, at = -1, len(c.store.order)-1
	case descending:
		step, at = -1, c.store.position(after)-1
	case in.NextToken != nil:
		at = c.store.position(after + 1)
	}
	var p page
	sight := c.sight(c.lags.List, c.now)
	looked := 0
	for ; at >= 0 && at < len(c.store.order); at += step {
		scanned := len(in.Filters) > 0 && c.options.FilterScan > 0 && looked >= c.options.FilterScan
		if len(p.entries) == size || scanned {
			p.next = pageToken{operation, c.store.order[at-step].seq, of}.String()
			break
		}
		looked++
		e := c.store.order[at]
		s := e.alone(sight)
		if s != nil && (s.deleted.IsZero() || in.IncludePlannedDeletion) && matches(s) {
			p.entries, p.secrets = append(p.entries, e), append(p.secrets, s)
		}
	}
	return p, nil
}

func pageSize(asked *int, most int) (int, *Error) {
	switch {
	case asked == nil:
		return most, nil
	case *asked < 1:
		return 0, constraint("maxResults", "have value greater than or equal to 1")
	case *asked > most:
		return 0, constraint("maxResults", "have value less than or equal to "+itoa(most))
	}
	return *asked, nil
}
