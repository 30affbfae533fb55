package awstest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// BenchmarkListSecrets lists all secrets in pages of 100: the time of a page does not grow with their number.
func BenchmarkListSecrets(b *testing.B) {
	for _, secrets := range []int{1_000, 10_000, 50_000} {
		b.Run(fmt.Sprint(secrets), func(b *testing.B) {
			s := awstest.Start(b)
			for i := range secrets {
				if err := s.Create(fmt.Sprintf("ml/account-%05d", i), canary1, map[string]string{"keyrota": "mark"}); err != nil {
					b.Fatal(err)
				}
			}
			c := from(s)
			b.ResetTimer()
			pages := 0
			for b.Loop() {
				in := params{"Filters": []params{{"Key": "name", "Values": []string{"ml/"}}}}
				for {
					pages++
					next, more := c.call(b, "ListSecrets", in)["NextToken"]
					if !more {
						break
					}
					in["NextToken"] = next
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(pages), "µs/page")
		})
	}
}

func BenchmarkPut(b *testing.B) {
	s := awstest.Start(b)
	c := from(s)
	c.create(b, "a", canary1)
	n := 0
	for b.Loop() {
		n++
		c.put(b, "a", canary2, fmt.Sprint(n+10))
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	s := start(t, awstest.Options{ForceDeleteAfter: -1})
	from(s).create(t, "shared", canary1)
	s.SetLags(awstest.Lags{List: awstest.Lag{Calls: 20}, Describe: awstest.Lag{Calls: 3}})
	var all sync.WaitGroup
	for client := range 8 {
		all.Go(func() {
			c := from(s)
			name := fmt.Sprint("n", client)
			c.create(t, name, canary1)
			c.call(t, "ReplicateSecretToRegions", params{"SecretId": name, "AddReplicaRegions": replicateTo("eu-west-1")})
			for i := range 20 {
				c.put(t, name, canary2, fmt.Sprint(100+i))
				c.put(t, "shared", canary2, fmt.Sprint(1000+100*client+i))
				c.try(t, "DescribeSecret", params{"SecretId": name})
				c.call(t, "ListSecrets", params{})
				c.value(t, "shared")
				c.call(t, "BatchGetSecretValue", params{"SecretIdList": []string{"shared", "n1", name}})
				if err := s.Edit(name, canary3); err != nil {
					t.Error(err)
				}
				s.Raw(name)
				s.Calls()
			}
			c.call(t, "RemoveRegionsFromReplication", params{"SecretId": name, "RemoveReplicaRegions": []string{"eu-west-1"}})
			c.call(t, "DeleteSecret", params{"SecretId": name, "ForceDeleteWithoutRecovery": true})
		})
	}
	all.Wait()
	if names := s.Names(); len(names) != 1 {
		t.Errorf("left are %v", names)
	}
	s.Release()
	if got := pages(t, from(s), params{}); len(got) != 1 || len(got[0]) != 1 {
		t.Errorf("listed are %v", got)
	}
}
