package awstest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
)

// moto is another emulator of AWS, which knows AWS from its users. It is laxer than ours. Where both answer alike,
// neither is likely to be wrong by accident; where they do not, knownDifferences says why.
func startMoto(t *testing.T) caller {
	t.Helper()
	binary, err := exec.LookPath("moto_server")
	if err != nil {
		t.Skip("no moto_server on the PATH to compare with")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	cmd := exec.Command(binary, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	c := caller{
		url: fmt.Sprintf("http://127.0.0.1:%d", port), region: awstest.DefaultRegion,
		who: awstest.Identity{AccessKeyID: "AKIAMOTO", SecretAccessKey: canary3},
	}
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, failure := c.try(t, "ListSecrets", params{}); failure == "" {
			return c
		} else if time.Now().After(deadline) {
			t.Fatalf("moto_server does not answer: %s", failure)
		}
		<-tick.C
	}
}

// step is one call of the script.
type step struct {
	name string // what it shows
	op   string
	in   params
}

// TestMotoAnswersAlike plays one script against both emulators.
func TestMotoAnswersAlike(t *testing.T) {
	moto := startMoto(t)
	ours := from(start(t, awstest.Options{ForceDeleteAfter: -1})) // moto deletes at once
	known, found := knownDifferences(), map[string]bool{}
	for _, s := range script() {
		for _, difference := range differences(outcome(t, ours, s), outcome(t, moto, s)) {
			is, expected := s.name+difference, false
			for pattern := range known {
				if matched, err := path.Match(pattern, is); err != nil {
					t.Fatal(err)
				} else if matched {
					found[pattern], expected = true, true
				}
			}
			if !expected {
				t.Errorf("a difference that nobody knows: %q", is)
			}
		}
	}
	for pattern := range known {
		if !found[pattern] {
			t.Errorf("a known difference is none any more: %q", pattern)
		}
	}
}

// outcome is what can be compared of an answer, by path.
func outcome(t *testing.T, c caller, s step) map[string]string {
	t.Helper()
	answer, failure := c.try(t, s.op, s.in)
	if failure != "" {
		return map[string]string{" fails": failure}
	}
	flat := map[string]string{" fails": "not"}
	flatten("", plain(answer), flat)
	return flat
}

func flatten(path string, value any, into map[string]string) {
	switch value := value.(type) {
	case nil:
	case map[string]any:
		for key, one := range value {
			flatten(path+" "+key, one, into)
		}
	case []any:
		var texts []string
		for _, one := range value {
			if m, ok := one.(map[string]any); ok {
				if id := strings.NewReplacer("<nil>", "", " ", "", "/", "-").Replace(sortKey(m) + fmt.Sprint(m["Key"], m["Region"], m["SecretId"])); id != "" {
					flatten(path+" "+id, m, into)
					continue
				}
			}
			texts = append(texts, fmt.Sprint(one))
		}
		if texts != nil {
			slices.Sort(texts) // labels: AWS has them in order, moto as they came
			into[path] = strings.Join(texts, " ")
		}
	default:
		text, _ := json.Marshal(value)
		into[path] = strings.Trim(string(text), `"`)
		switch {
		case strings.HasSuffix(path, "ARN"):
			into[path] = suffix.ReplaceAllString(into[path], "-suffix")
		case strings.HasSuffix(path, "Date"):
			into[path] = "a date"
		case strings.HasSuffix(path, "NextToken"):
			into[path] = "a token"
		}
	}
}

func differences(ours, moto map[string]string) []string {
	var all []string
	keys := slices.Sorted(maps.Keys(ours))
	for key := range moto {
		if _, both := ours[key]; !both {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		a, one := ours[key]
		b, two := moto[key]
		if !one {
			a = "nothing"
		}
		if !two {
			b = "nothing"
		}
		if a != b {
			all = append(all, fmt.Sprintf("%s: ours %s, moto %s", key, a, b))
			if key == " fails" {
				return all[:1] // the rest follows from that
			}
		}
	}
	return all
}
