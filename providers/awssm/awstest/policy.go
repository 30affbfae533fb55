package awstest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Denial forbids an identity something, as a Deny statement of IAM would.
type Denial struct {
	Action string // such as "PutSecretValue"; "" is every action
	Name   string // the start of a secret's name; "" is every secret
}

// Deny forbids an identity something, on top of what its policy allows.
func (s *Server) Deny(i Identity, denials ...Denial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.keys[i.AccessKeyID]
	if p == nil {
		return
	}
	for _, d := range denials {
		action, resource := "*", "*"
		if d.Action != "" {
			action = service + ":" + strings.TrimPrefix(d.Action, service+":")
		}
		if d.Name != "" {
			resource = "arn:*:" + service + ":*:*:secret:" + d.Name + "*"
		}
		p.policies = append(p.policies, statement{Effect: "Deny", Action: many{action}, Resource: many{resource}})
	}
}

// Allow removes all policies and denials of an identity: it may do everything.
func (s *Server) Allow(i Identity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.keys[i.AccessKeyID]; p != nil {
		p.policies = nil
	}
}

// SetPolicy gives an identity an identity-based policy in IAM's own language:
// what it does not allow is denied. Effect, Action, NotAction, Resource and
// NotResource are understood, with wildcards; Condition is not, and an error.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func (s *Server) SetPolicy(i Identity, document string) error {
	statements, err := parsePolicy(document)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.keys[i.AccessKeyID]
	if p == nil {
		return fmt.Errorf("awstest: there is no access key %s", i.AccessKeyID)
	}
	p.policies = statements
	return nil
}

type statement struct {
	Sid         string          `json:",omitempty"`
	Effect      string          `json:",omitempty"`
	Action      many            `json:",omitempty"`
	NotAction   many            `json:",omitempty"`
	Resource    many            `json:",omitempty"`
	NotResource many            `json:",omitempty"`
	Condition   json.RawMessage `json:",omitempty"`
}

// many is one string or a list of them.
type many []string

func (m *many) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*m = many{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(m))
}

func parsePolicy(document string) ([]statement, error) {
	var policy struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}
	decoder := json.NewDecoder(strings.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&policy); err != nil {
		return nil, fmt.Errorf("awstest: reading a policy: %w", err)
	}
	if policy.Version != "2012-10-17" || len(policy.Statement) == 0 {
		return nil, fmt.Errorf("awstest: a policy has the version 2012-10-17 and at least one statement")
	}
	for _, p := range policy.Statement {
		switch {
		case p.Effect != "Allow" && p.Effect != "Deny":
			return nil, fmt.Errorf("awstest: the effect of statement %q is neither Allow nor Deny", p.Sid)
		case len(p.Condition) > 0:
			return nil, fmt.Errorf("awstest: statement %q has a condition, which this emulator does not understand", p.Sid)
		case (len(p.Action) == 0) == (len(p.NotAction) == 0):
			return nil, fmt.Errorf("awstest: statement %q needs Action or NotAction", p.Sid)
		case (len(p.Resource) == 0) == (len(p.NotResource) == 0):
			return nil, fmt.Errorf("awstest: statement %q needs Resource or NotResource", p.Sid)
		}
	}
	return policy.Statement, nil
}

func (p statement) applies(action, resource string) bool {
	if len(p.Action) > 0 != slices.ContainsFunc(append(p.Action, p.NotAction...), func(pattern string) bool {
		return wildcard(strings.ToLower(pattern), strings.ToLower(action))
	}) {
		return false
	}
	return len(p.Resource) > 0 == slices.ContainsFunc(append(p.Resource, p.NotResource...), func(pattern string) bool {
		return wildcard(pattern, resource)
	})
}

// may says whether a principal may do something: an explicit Deny wins, and
// where there is a policy, an Allow is needed.
func (p *principal) may(action, resource string) *Error {
	action = service + ":" + action
	allowed, needed := false, false
	for _, one := range p.policies {
		needed = needed || one.Effect == "Allow"
		if !one.applies(action, resource) {
			continue
		}
		if one.Effect == "Deny" {
			return accessDenied(p.ARN, action, resource, "with an explicit deny in an identity-based policy")
		}
		allowed = true
	}
	if needed && !allowed {
		return accessDenied(p.ARN, action, resource, "because no identity-based policy allows the "+action+" action")
	}
	return nil
}

func accessDenied(who, action, resource, why string) *Error {
	return fail("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s %s", who, action, resource, why)
}

// wildcard matches as IAM does: * is any run of characters, ? is one.
func wildcard(pattern, text string) bool {
	star, retry := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			retry++
			p, t = star+1, retry
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
