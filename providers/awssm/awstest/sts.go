package awstest

import (
	"encoding/xml"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Role is a role that sessions can be had of.
type Role struct {
	ARN string // such as "arn:aws:iam::210987654321:role/keyrota"
	// Trusts are the accounts and ARNs that may assume it; empty is everybody whom the server knows.
	Trusts     []string
	ExternalID string // demanded, unless it is ""
	// WebIdentity says whose a web identity token is. Nil: the role trusts no web identity.
	WebIdentity func(token string) (subject string, err error)
	Policy      string // of its sessions, as for SetPolicy; "" allows everything
}

// AddRole adds a role, or replaces the one with its ARN.
func (s *Server) AddRole(r Role) error {
	if accountOf(r.ARN) == "" || !strings.Contains(r.ARN, ":role/") {
		return fmt.Errorf("awstest: %q is no ARN of a role", r.ARN)
	}
	if r.Policy != "" {
		if _, err := parsePolicy(r.Policy); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[r.ARN] = r
	return nil
}

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

func (s *Server) serveSTS(w http.ResponseWriter, r *http.Request, body []byte) {
	asked, err := url.ParseQuery(string(body))
	if err != nil {
		s.answerXML(w, nil, &Error{Code: "MalformedQueryString", Message: err.Error()})
		return
	}
	signed, _ := parseSignature(r.Header.Get("Authorization"))
	c := Call{Operation: asked.Get("Action"), Key: signed.key, Region: signed.region}
	f, ok := s.before(w, r, c)
	if !ok {
		return
	}
	var answer any
	failure := f.Error
	if failure == nil {
		answer, failure = s.performSTS(r, body, asked)
		if f.Late != nil {
			failure = f.Late
		}
	}
	s.after(w, r, c, f, failure)
	s.answerXML(w, answer, failure)
}

func (s *Server) performSTS(r *http.Request, body []byte, asked url.Values) (any, *Error) {
	if asked.Get("Action") == "AssumeRoleWithWebIdentity" { // unsigned
		return s.assumeRoleWithWebIdentity(asked)
	}
	who, _, failure := s.authenticate(r, body, "sts")
	if failure != nil {
		return nil, inWordsOfSTS(failure)
	}
	switch asked.Get("Action") {
	case "GetCallerIdentity":
		return callerIdentity{XMLNS: stsNamespace, ARN: who.ARN, UserID: who.AccessKeyID, Account: who.Account}, nil
	case "AssumeRole":
		return s.assumeRole(who, asked)
	}
	return nil, fail("InvalidAction", "awstest does not emulate %q", asked.Get("Action"))
}

// inWordsOfSTS is the same failure as a service of the Query protocol has it.
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
func inWordsOfSTS(failure *Error) *Error {
	codes := map[string]string{
		"UnrecognizedClientException": "InvalidClientTokenId", "InvalidSignatureException": "SignatureDoesNotMatch",
		"ExpiredTokenException": "ExpiredToken", "MissingAuthenticationTokenException": "MissingAuthenticationToken",
		"IncompleteSignatureException": "IncompleteSignature",
	}
	return &Error{Code: codes[failure.Code], Message: failure.Message, Status: http.StatusForbidden}
}

func (s *Server) assumeRole(who *principal, asked url.Values) (any, *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	role, known := s.roles[asked.Get("RoleArn")]
	trusted := known && (len(role.Trusts) == 0 || slices.Contains(role.Trusts, who.Account) || slices.Contains(role.Trusts, who.ARN))
	if !trusted || role.ExternalID != "" && role.ExternalID != asked.Get("ExternalId") {
		return nil, &Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: fmt.Sprintf(
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", who.ARN, asked.Get("RoleArn"))}
	}
	session, failure := s.session(role, asked)
	if failure != nil {
		return nil, failure
	}
	answer := assumedRole{XMLNS: stsNamespace}
	answer.Result.fill(session)
	return answer, nil
}

func (s *Server) assumeRoleWithWebIdentity(asked url.Values) (any, *Error) {
	s.mu.Lock()
	role, known := s.roles[asked.Get("RoleArn")]
	s.mu.Unlock()
	if !known || role.WebIdentity == nil {
		return nil, &Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
	}
	subject, err := role.WebIdentity(asked.Get("WebIdentityToken"))
	if err != nil {
		return nil, fail("InvalidIdentityToken", "The web identity token could not be validated: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session, failure := s.session(role, asked)
	if failure != nil {
		return nil, failure
	}
	answer := assumedRoleWithWebIdentity{XMLNS: stsNamespace}
	answer.Result.fill(session)
	answer.Result.Subject = subject
	return answer, nil
}

const (
	minSession     = 15 * time.Minute
	defaultSession = time.Hour
	maxSession     = 12 * time.Hour
)

// session makes the credentials of a session of a role.
func (s *Server) session(role Role, asked url.Values) (Identity, *Error) {
	name := asked.Get("RoleSessionName")
	if n := len(name); n < 2 || n > 64 || strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(alphanumeric+"_+=,.@-", r) }) {
		return Identity{}, fail("ValidationError", `1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`)
	}
	lasts := defaultSession
	if raw := asked.Get("DurationSeconds"); raw != "" {
		seconds, err := strconv.Atoi(raw)
		lasts = time.Duration(min(seconds, math.MaxInt32)) * time.Second
		if err != nil || lasts < minSession || lasts > maxSession {
			return Identity{}, fail("ValidationError", "The requested DurationSeconds is not between 900 and 43200.")
		}
	}
	account := accountOf(role.ARN)
	_, roleName, _ := strings.Cut(role.ARN, ":role/")
	p := s.addPrincipal(Identity{
		Account: account, AccessKeyID: "ASIA" + s.random(upper, 16), SessionToken: "CANARY" + s.random(alphanumeric, 100),
		ARN:     fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account, roleName[strings.LastIndex(roleName, "/")+1:], name),
		Expires: s.options.Now().Add(lasts),
	})
	if role.Policy != "" {
		p.policies, _ = parsePolicy(role.Policy) // checked when the role was added
	}
	return p.Identity, nil
}

type stsCredentials struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

type assumed struct {
	Subject     string  `xml:"SubjectFromWebIdentityToken,omitempty"`
	User        stsUser `xml:"AssumedRoleUser"`
	Credentials stsCredentials
}

type stsUser struct {
	ID  string `xml:"AssumedRoleId"`
	ARN string `xml:"Arn"`
}

func (a *assumed) fill(i Identity) {
	a.User = stsUser{ID: "AROA" + i.AccessKeyID[4:] + i.ARN[strings.LastIndex(i.ARN, "/"):], ARN: i.ARN}
	a.User.ID = strings.Replace(a.User.ID, "/", ":", 1)
	a.Credentials = stsCredentials{i.AccessKeyID, i.SecretAccessKey, i.SessionToken, i.Expires.UTC().Format(time.RFC3339)}
}

type assumedRole struct {
	XMLName xml.Name `xml:"AssumeRoleResponse"`
	XMLNS   string   `xml:"xmlns,attr"`
	Result  assumed  `xml:"AssumeRoleResult"`
}

type assumedRoleWithWebIdentity struct {
	XMLName xml.Name `xml:"AssumeRoleWithWebIdentityResponse"`
	XMLNS   string   `xml:"xmlns,attr"`
	Result  assumed  `xml:"AssumeRoleWithWebIdentityResult"`
}

type callerIdentity struct {
	XMLName xml.Name `xml:"GetCallerIdentityResponse"`
	XMLNS   string   `xml:"xmlns,attr"`
	ARN     string   `xml:"GetCallerIdentityResult>Arn"`
	UserID  string   `xml:"GetCallerIdentityResult>UserId"`
	Account string   `xml:"GetCallerIdentityResult>Account"`
}

type stsError struct {
	XMLName xml.Name `xml:"ErrorResponse"`
	XMLNS   string   `xml:"xmlns,attr"`
	Type    string   `xml:"Error>Type"`
	Code    string   `xml:"Error>Code"`
	Message string   `xml:"Error>Message"`
	ID      string   `xml:"RequestId"`
}

func (s *Server) answerXML(w http.ResponseWriter, answer any, failure *Error) {
	id, status := s.requestID(), http.StatusOK
	if failure != nil {
		status = failure.status()
		answer = stsError{XMLNS: stsNamespace, Type: "Sender", Code: failure.Code, Message: failure.Message, ID: id}
	}
	raw, err := xml.Marshal(answer)
	if err != nil {
		panic(err) // our own types, which XML can hold
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", id)
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}
