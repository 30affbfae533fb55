package awssm

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/pace"
)

// class is a group of operations that share a quota.
type class string

const (
	classWrite    class = "write"
	classTag      class = "tag"
	classCreate   class = "create"
	classRestore  class = "restore"
	classDelete   class = "delete"
	classList     class = "list"
	classDescribe class = "describe"
	classGet      class = "get"
)

// perSecond is the quota of a class, for each account and Region (AWS Secrets
// Manager User Guide, "Secrets Manager quotas", rate quotas).
func (c class) perSecond() float64 {
	switch c {
	case classDescribe:
		return 40_000
	case classGet:
		return 10_000
	case classList:
		return 100
	}
	return 50
}

// operation is one kind of call, by its name in the API and in IAM.
type operation string

const (
	opDescribe    operation = "DescribeSecret"
	opList        operation = "ListSecrets"
	opGet         operation = "GetSecretValue"
	opCreate      operation = "CreateSecret"
	opPut         operation = "PutSecretValue"
	opMove        operation = "UpdateSecretVersionStage"
	opUpdate      operation = "UpdateSecret"
	opReplicate   operation = "ReplicateSecretToRegions"
	opUnreplicate operation = "RemoveRegionsFromReplication"
	opTag         operation = "TagResource"
	opUntag       operation = "UntagResource"
	opRestore     operation = "RestoreSecret"
	opDelete      operation = "DeleteSecret"
)

func (o operation) class() class {
	switch o {
	case opDescribe:
		return classDescribe
	case opList:
		return classList
	case opGet:
		return classGet
	case opCreate:
		return classCreate
	case opTag, opUntag:
		return classTag
	case opDelete:
		return classDelete
	case opRestore:
		return classRestore
	}
	return classWrite
}

// bearsValues says that requests or answers hold values of secrets, so that
// nothing that AWS says about them is repeated.
func (o operation) bearsValues() bool { return o == opGet || o == opCreate || o == opPut }

// callTime bounds one call with the credentials it may need first.
const callTime = 30 * time.Second

func (s *Store) pace(region string, c class) *pace.Pace {
	rate := c.perSecond()
	return s.options.Paces.Get("aws/"+s.config.account()+"/"+region+"/"+string(c), pace.Quota{PerSecond: rate, Burst: int(rate / 10)})
}

// call makes one call about a secret in one Region. Every error is a *failure.
// Nothing is sent once ctx has ended, nor before the quota allows it.
func call[In, Out any](
	ctx context.Context, s *Store, region string, o operation, secret string,
	send func(*secretsmanager.Client, context.Context, *In, ...func(*secretsmanager.Options)) (*Out, error), in *In,
) (*Out, error) {
	failed := func(err error) (*Out, error) {
		return nil, s.about(&failure{err: err}, o, region, secret)
	}
	if err := ctx.Err(); err != nil {
		return failed(unanswered(ctx, err))
	}
	p := s.pace(region, o.class())
	if err := p.Wait(ctx); err != nil {
		var held *pace.Held
		if errors.As(err, &held) {
			return nil, s.about(&failure{kind: kindOf(providers.Limited), words: held.Error(), retryAfter: held.After()}, o, region, secret)
		}
		return failed(unanswered(ctx, err))
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	to, err := s.connection.get(ctx)
	if err != nil {
		return failed(&credentialError{err: err, said: err.Error()})
	}
	if _, err := to.credentials.Retrieve(ctx); err != nil {
		return failed(credentialsFailed(ctx, err))
	}
	if err := ctx.Err(); err != nil {
		return failed(unanswered(ctx, err))
	}
	out, err := send(to.byRegion[region], ctx, in)
	if err == nil {
		return out, nil
	}
	f := s.about(s.refused(ctx, err), o, region, secret)
	switch {
	case f.limited() && f.code != codeQuota:
		p.Limited(f.retryAfter)
	case f.badCredentials():
		s.connection.forget(to)
	}
	return nil, f
}

// about says what a failure is about.
func (s *Store) about(f *failure, o operation, region, secret string) *failure {
	f.operation, f.region, f.secret, f.account, f.replicates = o, region, secret, s.config.roleAccount(), len(s.config.Replicas) > 0
	return f
}
