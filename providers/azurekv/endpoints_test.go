package azurekv_test

import (
	"strings"
	"testing"

	"github.com/keyrota/keyrota/providers/azurekv"
)

// Whoever writes egress rules is told every address, in every cloud.
func TestEndpoints(t *testing.T) {
	for _, c := range []struct {
		config azurekv.Config
		want   string
	}{
		{azurekv.Config{URL: "https://ml.vault.azure.net"}, "https://ml.vault.azure.net https://login.microsoftonline.com/"},
		{azurekv.Config{URL: "https://ml.vault.azure.cn"}, "https://ml.vault.azure.cn https://login.chinacloudapi.cn/"},
		{azurekv.Config{URL: "https://ml.vault.azure.net", Auth: azurekv.AuthManagedIdentity}, "https://ml.vault.azure.net"},
	} {
		s, err := azurekv.New(c.config, azurekv.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.Endpoints(t.Context())
		var got []string
		for _, e := range all {
			got = append(got, e.URL)
		}
		if strings.Join(got, " ") != c.want || err != nil {
			t.Errorf("%+v: %s, %v", c.config, got, err)
		}
	}
}
