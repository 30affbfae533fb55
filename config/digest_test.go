package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What people can compute with sha256sum is what events bear.
func TestDigest(t *testing.T) {
	c, problems, err := Load("testdata/good/smallest.yaml", Options{Env: testEnv, StoreTypes: testTypes})
	if err != nil || c == nil {
		t.Fatal(problems, err)
	}
	sum, err := exec.Command("sha256sum", "testdata/good/smallest.yaml").Output()
	if err != nil {
		t.Skip("no sha256sum: ", err)
	}
	if want, _, _ := strings.Cut(string(sum), " "); c.Digest != want {
		t.Errorf("digest %s, want %s", c.Digest, want)
	}
	other, _, err := Load("testdata/good/smallest.yaml", Options{Env: func(string) (string, bool) { return "/CANARY", true }, StoreTypes: testTypes})
	if err != nil || other.Digest != c.Digest {
		t.Error("the digest depends on the environment")
	}
	list := exec.Command("sh", "-c", "sha256sum full.yaml smallest.yaml | sha256sum")
	list.Dir = filepath.Join("testdata", "good")
	sum, err = list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var r report
	for _, name := range []string{"full.yaml", "smallest.yaml"} {
		data, err := os.ReadFile(filepath.Join("testdata", "good", name))
		if err != nil {
			t.Fatal(err)
		}
		r.reads(name, data)
	}
	if want, _, _ := strings.Cut(string(sum), " "); r.digest() != want {
		t.Errorf("digest of two %s, want %s", r.digest(), want)
	}
}
