package vault

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/rotation"
)

// versionAnswer is what Vault says of the version that it read or wrote.
type versionAnswer struct {
	Version int    `json:"version"`
	Created string `json:"created_time"`
}

func (a versionAnswer) is(v version) bool { return version{a.Version, a.Created} == v }

// Read returns a field's value, or the whole secret as a JSON object, whose
// members Vault orders by name.
func (s *Store) Read(ctx context.Context, d rotation.Destination, at rotation.Version) (providers.Secret, error) {
	const op = "read"
	gone := func() (providers.Secret, error) {
		return providers.Secret{}, problemf(op, d.String(), providers.NotFound, "", "there is no value at this version")
	}
	var wanted version
	if at != "" {
		var err error
		if wanted, err = parseVersion(at); err != nil {
			return providers.Secret{}, problemf(op, d.String(), providers.Invalid, "", "%w", err)
		}
	}
	p, err := s.locate(ctx, op, d)
	if err != nil {
		return providers.Secret{}, err
	}
	fields, same, err := s.fields(ctx, p, wanted)
	switch {
	case err != nil:
		return providers.Secret{}, problem(op, d.String(), err)
	case !same:
		return gone()
	case d.Field == "":
		object, err := json.Marshal(fields)
		if err != nil {
			return gone()
		}
		return providers.NewSecret(string(object)), nil
	}
	raw, ok := fields[d.Field]
	if !ok {
		return gone()
	}
	var text string
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return providers.Secret{}, problemf(op, d.String(), providers.Invalid, "repair it, or deliver to another field", "the field is not a string")
	}
	return providers.NewSecret(text), nil
}

// fields reads the fields of one version, the zero version being the current
// one, each as the server wrote it. same is false if there is no such version,
// or a number was used again by a secret that was made anew.
func (s *Store) fields(ctx context.Context, p place, v version) (fields map[string]json.RawMessage, same bool, err error) {
	var a struct {
		Data struct {
			Data     map[string]json.RawMessage `json:"data"`
			Metadata versionAnswer              `json:"metadata"`
		} `json:"data"`
	}
	r := request{method: http.MethodGet, path: p.data(), values: true}
	if v.number > 0 {
		r.query = url.Values{"version": {strconv.Itoa(v.number)}}
	}
	err = s.call(ctx, r, &a)
	if statusOf(err) == http.StatusNotFound {
		return nil, false, s.missing(ctx, p, err)
	}
	if err != nil {
		return nil, false, err
	}
	return a.Data.Data, a.Data.Data != nil && (v.number == 0 || a.Data.Metadata.is(v)), nil
}

// missing returns nil if a 404 on data means that there is none: the answer
// bears the metadata of a version that was deleted, or the token may read
// there.
func (s *Store) missing(ctx context.Context, p place, err error) error {
	if said(err, saidNoRoute) {
		s.mounts.forget(p.mount)
		return err
	}
	if answered(err).ofVersion {
		return nil
	}
	return s.mustSee(ctx, p.data())
}

var errNoObject = errors.New("the value is not a JSON object")

// members takes a JSON object apart, without looking into its members.
func members(s providers.Secret) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	if json.Unmarshal([]byte(s.Expose()), &all) != nil || all == nil {
		return nil, errNoObject
	}
	return all, nil
}
