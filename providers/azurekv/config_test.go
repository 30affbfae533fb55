package azurekv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers"
	"github.com/keyrota/keyrota/providers/azurekv"
	"github.com/keyrota/keyrota/providers/providertest"
	"github.com/keyrota/keyrota/rotation"
)

func TestConfigCheck(t *testing.T) {
	const good = "https://team-ml.vault.azure.net"
	for _, c := range []struct {
		config azurekv.Config
		want   string // the paths that are reported
	}{
		{azurekv.Config{URL: good}, ""},
		{azurekv.Config{URL: good + "/", Auth: "workload_identity", ClientID: "x", Tenant: "y", Cloud: "public"}, ""},
		{azurekv.Config{}, "url"},
		{azurekv.Config{URL: "team-ml"}, "url"},
		{azurekv.Config{URL: "http://team-ml.vault.azure.net"}, "url"},
		{azurekv.Config{URL: good + "/secrets/x"}, "url"},
		{azurekv.Config{URL: good, Cloud: "china"}, "cloud"},
		{azurekv.Config{URL: good, Cloud: "moon"}, "cloud"},
		{azurekv.Config{URL: good, Auth: "password"}, "auth"},
		{azurekv.Config{URL: good, ClientID: "x"}, "client_id"},
		{azurekv.Config{URL: good, Auth: "managed_identity", Tenant: "x"}, "tenant"},
	} {
		var paths []string
		c.config.Check(func(path, message, hint string) {
			paths = append(paths, path)
			if message == "" || hint == "" {
				t.Errorf("%+v: %s: %q (%q)", c.config, path, message, hint)
			}
		})
		if got := strings.Join(paths, " "); got != c.want {
			t.Errorf("%+v: reported %q, want %q", c.config, got, c.want)
		}
		if _, err := azurekv.New(c.config, azurekv.Options{}); c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: New says %v", c.config, err)
		}
	}
}

// Paths that become one name are one secret, also in another case of letters
// and in another writing of the vault's address.
func TestIdentity(t *testing.T) {
	c := azurekv.Config{URL: "https://Team.vault.azure.net"}
	same := c.Identity("ci/wandb_key")
	for _, path := range []string{"ci-wandb-key", "CI.Wandb.KEY", "ci_wandb/key"} {
		if got := c.Identity(path); got != same {
			t.Errorf("%s is %s, want %s", path, got, same)
		}
	}
	if got := (azurekv.Config{URL: "https://team.vault.azure.net:443/"}).Identity("ci/wandb/key"); got != same {
		t.Errorf("with a port it is %s, want %s", got, same)
	}
	for _, other := range []string{c.Identity("ci/wandbkey"), azurekv.Config{URL: "https://other.vault.azure.net"}.Identity("ci/wandb/key")} {
		if other == same {
			t.Errorf("%s is two secrets", other)
		}
	}
}

func TestWarnings(t *testing.T) {
	for url, want := range map[string]int{
		"https://team.vault.azure.net": 0, "https://team.vault.azure.cn": 0, "https://team.vault.usgovcloudapi.net": 0,
		"https://127.0.0.1:8443": 0, "https://vault.azure.net.evil.example": 1,
	} {
		if got := (azurekv.Config{URL: url}).Warnings(); len(got) != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}

func TestCAFile(t *testing.T) {
	w := start(t)
	_, err := w.open(t, azurekv.Config{URL: w.URL}, azurekv.Options{Credential: w.Credential(w.Admin)}).Look(t.Context(), dest("ci/wandb"))
	providertest.WantKind(t, err, providers.Transient, "not trusted")
	if _, err := azurekv.New(azurekv.Config{URL: w.URL, CAFile: "not-there.pem"}, azurekv.Options{}); err == nil || !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("got %v", err)
	}
}

func TestCheck(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		path    string
		payload providers.Payload
		words   string // "": fine
	}{
		{"ci/wandb_key.v2", providertest.Value(keyOne), ""},
		{"ci/wandb#K", providertest.Value(keyOne), ""},
		{"ci/wandb#K", providers.Payload{Value: providers.NewSecret(keyOne)}, "exclusive: true"},
		{"ci/wandb:key", providertest.Value(keyOne), "':'"},
		{"ci/schlüssel", providertest.Value(keyOne), "'ü'"},
		{"ci/wandb", providertest.Value(keyOne + "\xff"), "UTF-8"},
		{strings.Repeat("n", 128), providertest.Value(keyOne), "128 characters"},
	} {
		err := w.store.Check(dest(c.path), c.payload)
		if c.words == "" {
			if err != nil {
				t.Errorf("%s: %v", c.path, err)
			}
			continue
		}
		providertest.WantKind(t, err, providers.Invalid, c.words)
	}
}

func TestCheckTags(t *testing.T) {
	w := start(t)
	tags := func(n int) map[string]string {
		all := map[string]string{}
		for i := range n {
			all[fmt.Sprintf("tag-%d", i)] = strings.Repeat("ü", 512)
		}
		return all
	}
	d := rotation.Destination{Store: "az", Path: "ci/wandb"}
	if err := w.store.CheckTags(d, tags(13)); err != nil {
		t.Error(err)
	}
	for words, all := range map[string]map[string]string{
		"14 tags": tags(14), "Keyrota": {"Keyrota-x": "y"}, "no name": {"": "x"},
		"too long": {"x": strings.Repeat("y", 513)}, "UTF-8": {"x": "\xff"},
	} {
		providertest.WantKind(t, w.store.CheckTags(d, all), providers.Invalid)
		_ = words
	}
	p := providertest.Value(keyOne)
	p.Tags, p.Description = tags(13), strings.Repeat("d", 512)
	providertest.Put(t, w.store, d, p, providertest.MarkOf("a", 1))
	if n := len(w.Tags("ci-wandb")); n != 15 {
		t.Errorf("%d tags", n)
	}
}
