package deploy_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/providers/vault"
)

// object is what the tests look at in any Kubernetes object.
type object struct {
	Kind string
	Data map[string]string
	Spec struct {
		Template    template
		JobTemplate struct {
			Spec struct{ Template template }
		} `yaml:"jobTemplate"`
	}
}

type template struct{ Spec podSpec }

type podSpec struct {
	SecurityContext struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
	} `yaml:"securityContext"`
	Containers []struct {
		Args            []string
		Env             []struct{ Name, Value string }
		SecurityContext struct {
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		} `yaml:"securityContext"`
		VolumeMounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
	}
	Volumes []struct {
		Name                  string
		PersistentVolumeClaim *struct {
			ClaimName string `yaml:"claimName"`
		} `yaml:"persistentVolumeClaim"`
	}
}

func manifests(t *testing.T) map[string][]object {
	t.Helper()
	paths, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	all := map[string][]object{}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for dec := yaml.NewDecoder(f); ; {
			var o object
			err := dec.Decode(&o)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			all[path] = append(all[path], o)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestConfigurationLoads: what the ConfigMap holds is what keyrota takes,
// without a warning.
func TestConfigurationLoads(t *testing.T) {
	c := configuration(t, nil)
	if len(c.Accounts) == 0 {
		t.Error("the example delivers nothing")
	}
}

// TestPodsAreHardened: the pods run with nothing that they do not need, and
// the ledger of the configuration is where it outlives them.
func TestPodsAreHardened(t *testing.T) {
	pods := 0
	for path, objects := range manifests(t) {
		for _, o := range objects {
			spec := o.Spec.Template.Spec
			if o.Kind == "CronJob" {
				spec = o.Spec.JobTemplate.Spec.Template.Spec
			} else if o.Kind != "Deployment" {
				continue
			}
			pods++
			if !spec.SecurityContext.RunAsNonRoot {
				t.Errorf("%s: may run as root", path)
			}
			claims := map[string]bool{}
			for _, v := range spec.Volumes {
				claims[v.Name] = v.PersistentVolumeClaim != nil
			}
			for _, c := range spec.Containers {
				s := c.SecurityContext
				if !s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation {
					t.Errorf("%s: a writable root or more privileges", path)
				}
				env := map[string]string{}
				for _, v := range c.Env {
					env[v.Name] = v.Value
				}
				ledger := configuration(t, env).Ledger
				kept := strings.HasPrefix(ledger, "postgres://")
				for _, m := range c.VolumeMounts {
					kept = kept || claims[m.Name] && strings.HasPrefix(ledger, m.MountPath+"/")
				}
				if !kept {
					t.Errorf("%s: the ledger %s is on no volume that outlives the pod", path, ledger)
				}
			}
		}
	}
	if pods != 3 {
		t.Errorf("%d pods, want the daemon's, the replicas' and the CronJob's", pods)
	}
}

// configuration loads the ConfigMap as a pod with these variables does.
func configuration(t *testing.T, env map[string]string) *config.Config {
	t.Helper()
	for _, o := range manifests(t)["kubernetes/base.yaml"] {
		if o.Kind != "ConfigMap" {
			continue
		}
		path := filepath.Join(t.TempDir(), "keyrota.yaml")
		if err := os.WriteFile(path, []byte(o.Data["keyrota.yaml"]), 0o600); err != nil {
			t.Fatal(err)
		}
		c, problems, err := config.Load(path, config.Options{Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, StoreTypes: map[string]config.StoreType{
			"vault": {New: func() any { return new(vault.Config) }},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Error(p)
		}
		if c == nil {
			t.FailNow()
		}
		return c
	}
	t.Fatal("no ConfigMap in kubernetes/base.yaml")
	return nil
}
