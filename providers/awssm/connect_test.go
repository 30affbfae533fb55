package awssm

import (
	"testing"

	"github.com/aws/smithy-go/logging"
)

// The SDK of every Region and of STS says nothing and tries nothing again.
func TestTheSDKIsSilent(t *testing.T) {
	made, err := Config{Region: "eu-west-1", Replicas: []Replica{{Region: "eu-north-1"}}}.clients(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for region, client := range made.byRegion {
		o := client.Options()
		if _, silent := o.Logger.(logging.Nop); !silent || o.ClientLogMode != 0 || o.Retryer.MaxAttempts() != 1 {
			t.Errorf("%s: logger %T, mode %v, %d attempts", region, o.Logger, o.ClientLogMode, o.Retryer.MaxAttempts())
		}
	}
	if len(made.byRegion) != 2 {
		t.Errorf("%d clients", len(made.byRegion))
	}
}
