package azuretest

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets/fake"
)

// pageSize is how much a page of a listing has.
const pageSize = 25

// performance is one call at work.
type performance struct {
	vault   *Vault
	query   url.Values
	refusal *Error
}

func (p *performance) server() *fake.Server {
	return &fake.Server{
		SetSecret: p.set, GetSecret: p.get, UpdateSecretProperties: p.update, DeleteSecret: p.remove,
		GetDeletedSecret: p.getDeleted, RecoverDeletedSecret: p.recover, PurgeDeletedSecret: p.purge,
		NewListSecretPropertiesPager: p.list, NewListSecretPropertiesVersionsPager: p.versions,
		NewListDeletedSecretPropertiesPager: p.listDeleted,
	}
}

// respond makes an answer of what f returns, under the server's lock.
func respond[T any](p *performance, f func() (T, *Error)) (ok azfake.Responder[T], failed azfake.ErrorResponder) {
	p.vault.server.mu.Lock()
	defer p.vault.server.mu.Unlock()
	made, refusal := f()
	if p.refusal = refusal; refusal != nil {
		failed.SetResponseError(refusal.Status, refusal.Code)
		return ok, failed
	}
	ok.SetResponse(http.StatusOK, made, nil)
	return ok, failed
}

func (p *performance) set(_ context.Context, name string, asked azsecrets.SetSecretParameters, _ *azsecrets.SetSecretOptions) (azfake.Responder[azsecrets.SetSecretResponse], azfake.ErrorResponder) {
	return respond(p, func() (a azsecrets.SetSecretResponse, _ *Error) {
		if e := validate(name, asked); e != nil {
			return a, e
		}
		if e := p.vault.entry(name); e.now != nil && (e.now.deleted != nil || e.recovering > 0) {
			return a, conflictOf(e)
		}
		made := version{value: *asked.Value, enabled: true}
		apply(&made, asked.ContentType, asked.SecretAttributes, asked.Tags)
		s, v := p.vault.put(name, made)
		a.Secret = p.vault.bundle(s, v)
		return a, nil
	})
}

func (p *performance) get(_ context.Context, name, id string, _ *azsecrets.GetSecretOptions) (azfake.Responder[azsecrets.GetSecretResponse], azfake.ErrorResponder) {
	return respond(p, func() (a azsecrets.GetSecretResponse, _ *Error) {
		s, v, e := p.readable(name, id, p.vault.server.lags.Get)
		switch {
		case e != nil:
			return a, e
		case !v.enabled:
			return a, &Error{
				Status: http.StatusForbidden, Code: "Forbidden", Inner: "SecretDisabled",
				Message: "Operation get is not allowed on a disabled secret.",
			}
		}
		a.Secret = p.vault.bundle(s, v)
		return a, nil
	})
}

func (p *performance) update(_ context.Context, name, id string, asked azsecrets.UpdateSecretPropertiesParameters, _ *azsecrets.UpdateSecretPropertiesOptions) (azfake.Responder[azsecrets.UpdateSecretPropertiesResponse], azfake.ErrorResponder) {
	return respond(p, func() (a azsecrets.UpdateSecretPropertiesResponse, _ *Error) {
		s, v, e := p.readable(name, id, Lag{})
		if e == nil {
			e = validateProperties(asked.ContentType, asked.Tags)
		}
		if e != nil {
			return a, e
		}
		v = p.vault.update(p.vault.entry(name), v.id, func(now *version) {
			apply(now, asked.ContentType, asked.SecretAttributes, asked.Tags)
		})
		a.Secret = p.vault.bundle(s, v)
		a.Value = nil
		return a, nil
	})
}

func (p *performance) remove(_ context.Context, name string, _ *azsecrets.DeleteSecretOptions) (azfake.Responder[azsecrets.DeleteSecretResponse], azfake.ErrorResponder) {
	return respond(p, func() (a azsecrets.DeleteSecretResponse, _ *Error) {
		if _, _, e := p.readable(name, "", Lag{}); e != nil {
			return a, e
		}
		a.DeletedSecret = p.vault.tombstone(p.vault.remove(p.vault.entry(name)))
		return a, nil
	})
}

func (p *performance) getDeleted(_ context.Context, name string, _ *azsecrets.GetDeletedSecretOptions) (azfake.Responder[azsecrets.GetDeletedSecretResponse], azfake.ErrorResponder) {
	return respond(p, func() (a azsecrets.GetDeletedSecretResponse, _ *Error) {
		s := p.vault.server.as(p.vault.entry(name), p.vault.server.lags.Get)
		if s == nil || s.deleted == nil {
			return a, notFound(name)
		}
		a.DeletedSecret = p.vault.tombstone(s)
		return a, nil
	})
}

func (p *performance) recover(_ context.Context, name string, _ *azsecrets.RecoverDeletedSecretOptions) (azfake.Responder[azsecrets.RecoverDeletedSecretResponse], azfake.ErrorResponder) {
	return respond(p, func() (a azsecrets.RecoverDeletedSecretResponse, _ *Error) {
		e := p.vault.entry(name)
		switch {
		case e.now == nil || e.now.deleted == nil && e.recovering == 0:
			return a, notFound(name)
		case e.recovering > 0:
			return a, conflictOf(e)
		}
		e.recovering = p.vault.server.recovery
		s := p.vault.restore(e)
		a.Secret = p.vault.bundle(s, s.current())
		a.Value = nil
		return a, nil
	})
}

func (p *performance) purge(_ context.Context, name string, _ *azsecrets.PurgeDeletedSecretOptions) (azfake.Responder[azsecrets.PurgeDeletedSecretResponse], azfake.ErrorResponder) {
	ok, failed := respond(p, func() (a azsecrets.PurgeDeletedSecretResponse, _ *Error) {
		e := p.vault.entry(name)
		switch {
		case e.now == nil || e.now.deleted == nil:
			return a, notFound(name)
		case p.vault.options.PurgeProtection:
			return a, &Error{
				Status: http.StatusForbidden, Code: "Forbidden", Inner: "ForbiddenByPurgeProtection",
				Message: "Operation \"purge\" is not allowed because purge protection is enabled for this vault.",
			}
		}
		p.vault.change(e, nil)
		return a, nil
	})
	if p.refusal == nil {
		ok.SetResponse(http.StatusNoContent, azsecrets.PurgeDeletedSecretResponse{}, nil)
	}
	return ok, failed
}

func (p *performance) list(*azsecrets.ListSecretPropertiesOptions) (pager azfake.PagerResponder[azsecrets.ListSecretPropertiesResponse]) {
	p.vault.server.mu.Lock()
	defer p.vault.server.mu.Unlock()
	var page azsecrets.ListSecretPropertiesResponse
	page.Value = []*azsecrets.SecretProperties{}
	last := p.walk(func(s *secret) bool {
		if s.deleted != nil {
			return false
		}
		page.Value = append(page.Value, p.vault.properties(s, s.current(), ""))
		return true
	})
	page.NextLink = p.next("/secrets", last)
	pager.AddPage(http.StatusOK, page, nil)
	return pager
}

func (p *performance) listDeleted(*azsecrets.ListDeletedSecretPropertiesOptions) (pager azfake.PagerResponder[azsecrets.ListDeletedSecretPropertiesResponse]) {
	p.vault.server.mu.Lock()
	defer p.vault.server.mu.Unlock()
	var page azsecrets.ListDeletedSecretPropertiesResponse
	page.Value = []*azsecrets.DeletedSecretProperties{}
	last := p.walk(func(s *secret) bool {
		if s.deleted == nil {
			return false
		}
		t := p.vault.tombstone(s)
		page.Value = append(page.Value, &azsecrets.DeletedSecretProperties{
			Attributes: t.Attributes, ContentType: t.ContentType, ID: p.vault.id(s.name, ""), RecoveryID: t.RecoveryID,
			Tags: t.Tags, DeletedDate: t.DeletedDate, ScheduledPurgeDate: t.ScheduledPurgeDate,
		})
		return true
	})
	page.NextLink = p.next("/deletedsecrets", last)
	pager.AddPage(http.StatusOK, page, nil)
	return pager
}

// walk gives a page of secrets, as a listing sees them, to f, which says
// whether it took them. It returns the key of the last, or "" at the end.
func (p *performance) walk(f func(*secret) bool) (last string) {
	start, found := p.vault.place(p.after())
	if found {
		start++
	}
	taken := 0
	for _, e := range p.vault.order[start:] {
		if taken == pageSize {
			return last
		}
		if s := p.vault.server.as(e, p.vault.server.lags.List); s != nil && f(s) {
			taken, last = taken+1, e.key
		}
	}
	return ""
}

// versions lists in the order of the ids, which says nothing of time.
func (p *performance) versions(name string, _ *azsecrets.ListSecretPropertiesVersionsOptions) (pager azfake.PagerResponder[azsecrets.ListSecretPropertiesVersionsResponse]) {
	p.vault.server.mu.Lock()
	defer p.vault.server.mu.Unlock()
	var page azsecrets.ListSecretPropertiesVersionsResponse
	page.Value = []*azsecrets.SecretProperties{}
	s, _, missing := p.readable(name, "", p.vault.server.lags.Versions)
	if missing != nil && !p.vault.server.options.EmptyForMissing {
		p.refusal = missing
		pager.AddResponseError(missing.Status, missing.Code)
		return pager
	}
	if s != nil {
		sorted := slices.SortedFunc(slices.Values(s.versions), func(a, b *version) int { return strings.Compare(a.id, b.id) })
		after := p.after()
		for i, v := range sorted {
			if v.id <= after {
				continue
			}
			page.Value = append(page.Value, p.vault.properties(s, v, v.id))
			if len(page.Value) == pageSize && i+1 < len(sorted) {
				page.NextLink = p.next("/secrets/"+s.name+"/versions", v.id)
				break
			}
		}
	}
	pager.AddPage(http.StatusOK, page, nil)
	return pager
}

const skipToken = "$skiptoken"

func (p *performance) after() string {
	text, err := base64.RawURLEncoding.DecodeString(p.query.Get(skipToken))
	if err != nil {
		return ""
	}
	return string(text)
}

func (p *performance) next(path, last string) *string {
	if last == "" {
		return nil
	}
	query := url.Values{"api-version": {p.query.Get("api-version")}, skipToken: {base64.RawURLEncoding.EncodeToString([]byte(last))}}
	return to.Ptr(p.vault.URL + path + "?" + query.Encode())
}

// readable returns a version of a secret that is not deleted.
func (p *performance) readable(name, id string, lag Lag) (*secret, *version, *Error) {
	e := p.vault.entry(name)
	if e.recovering > 0 {
		e.recovering--
		return nil, nil, notFound(name)
	}
	s := p.vault.server.as(e, lag)
	if s == nil || s.deleted != nil {
		return nil, nil, notFound(name)
	}
	v := s.find(id)
	if v == nil {
		return nil, nil, notFound(name)
	}
	return s, v, nil
}

// apply sets what of the properties was asked for.
func apply(v *version, contentType *string, a *azsecrets.SecretAttributes, tags map[string]*string) {
	if contentType != nil {
		v.contentType = *contentType
	}
	if a != nil {
		if a.Enabled != nil {
			v.enabled = *a.Enabled
		}
		if a.NotBefore != nil {
			v.notBefore = a.NotBefore
		}
		if a.Expires != nil {
			v.expires = a.Expires
		}
	}
	if tags != nil {
		v.tags = map[string]string{}
		for key, value := range tags {
			if value != nil {
				v.tags[key] = *value
			}
		}
	}
}

func (v *Vault) id(name, version string) *azsecrets.ID {
	id := v.URL + "/secrets/" + name
	if version != "" {
		id += "/" + version
	}
	return to.Ptr(azsecrets.ID(id))
}

func (v *Vault) attributes(of *version) *azsecrets.SecretAttributes {
	level := "Recoverable+Purgeable"
	if v.options.PurgeProtection {
		level = "Recoverable"
	}
	return &azsecrets.SecretAttributes{
		Enabled: to.Ptr(of.enabled), NotBefore: of.notBefore, Expires: of.expires, Created: to.Ptr(of.created), Updated: to.Ptr(of.updated),
		RecoverableDays: to.Ptr(int32(v.options.RetentionDays)), RecoveryLevel: &level,
	}
}

func (v *Vault) bundle(s *secret, of *version) azsecrets.Secret {
	return azsecrets.Secret{
		ID: v.id(s.name, of.id), Value: to.Ptr(of.value), ContentType: optional(of.contentType), Attributes: v.attributes(of), Tags: pointers(of.tags),
		Managed: to.Ptr(of.managed),
	}
}

func (v *Vault) properties(s *secret, of *version, id string) *azsecrets.SecretProperties {
	return &azsecrets.SecretProperties{
		ID: v.id(s.name, id), ContentType: optional(of.contentType), Attributes: v.attributes(of), Tags: pointers(of.tags),
		Managed: to.Ptr(of.managed),
	}
}

func (v *Vault) tombstone(s *secret) azsecrets.DeletedSecret {
	now := s.current()
	return azsecrets.DeletedSecret{
		ID: v.id(s.name, now.id), ContentType: optional(now.contentType), Attributes: v.attributes(now), Tags: pointers(now.tags),
		RecoveryID: to.Ptr(v.URL + "/deletedsecrets/" + s.name), DeletedDate: whole(s.deleted.at), ScheduledPurgeDate: whole(s.deleted.purge),
	}
}

func whole(t time.Time) *time.Time { return to.Ptr(t.Truncate(time.Second)) }

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func pointers(tags map[string]string) map[string]*string {
	if len(tags) == 0 {
		return nil
	}
	all := map[string]*string{}
	for key, value := range tags {
		all[key] = &value
	}
	return all
}
