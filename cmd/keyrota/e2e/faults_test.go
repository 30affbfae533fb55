package e2e

import (
	"net/http"
	"time"

	"github.com/keyrota/keyrota/providers/awssm/awstest"
	"github.com/keyrota/keyrota/providers/azurekv/azuretest"
	"github.com/keyrota/keyrota/providers/vault/vaulttest"
	"github.com/keyrota/keyrota/providers/wandb/sandbox"
)

// pick chooses one of several words.
func (k *killer) pick(of ...string) string { return of[k.random.IntN(len(of))] }

// platformFault lets the platform fail once.
func (k *killer) platformFault() {
	f := sandbox.Fault{Count: 1, Skip: k.random.IntN(2)}
	switch k.random.IntN(6) {
	case 0, 1:
		f.Kind, f.Operation = sandbox.FaultLostAnswer, k.pick("generateApiKey", "deleteApiKey", "createServiceAccount")
	case 2:
		f.Kind, f.Operation = sandbox.FaultServerError, k.pick("generateApiKey", "deleteApiKey", "viewer", "users", "entity")
	case 3:
		f.Kind, f.Operation = sandbox.FaultDropped, k.pick("generateApiKey", "deleteApiKey", "viewer")
	case 4:
		f.Kind, f.Operation, f.Delay = sandbox.FaultRateLimited, k.pick("generateApiKey", "users"), time.Second
	case 5:
		f.Kind, f.Operation, f.Delay = sandbox.FaultDelayedKey, "generateApiKey", 300*time.Millisecond
	}
	if err := k.platform.AddFault(f); err != nil {
		k.t.Fatal(err)
	}
}

// vaultFault lets Vault fail once.
func (k *killer) vaultFault() {
	f := vaulttest.Fault{
		Kind: k.pick("POST data", "PATCH data", "PATCH metadata", "POST metadata", "GET metadata", "GET data"), Skip: k.random.IntN(3),
	}
	switch k.random.IntN(4) {
	case 0, 1:
		f.Drop = true
	case 2:
		f.Status = http.StatusServiceUnavailable
	case 3:
		f.Refuse = true
	}
	[]*vaulttest.Proxy{k.proxy, k.other}[k.random.IntN(2)].Inject(f)
}

// well makes the platform and Vault well again.
func (w *world) well() {
	w.platform.ClearFaults()
	w.proxy.Reset()
	w.other.Reset()
}

// awsFault lets AWS fail once, or lag for this round; not while it holds what
// a person did: a change that nobody can see is not survivable (README).
func (w *clouds) awsFault(k *killer) {
	op := k.pick("PutSecretValue", "UpdateSecretVersionStage", "TagResource", "DescribeSecret", "GetSecretValue", "ListSecrets")
	f := awstest.Fault{Operation: op, Skip: k.random.IntN(2), Times: 1 + k.random.IntN(2)}
	failed := &awstest.Error{Code: "InternalServiceError", Message: "An error occurred on the server side.", Status: http.StatusInternalServerError}
	switch k.random.IntN(8) {
	case 0:
		w.aws.Throttle(op, f.Times, 0)
		return
	case 1:
		w.aws.Throttle(op, 1, time.Second)
		return
	case 2:
		f.Error = failed
	case 3:
		f.Late = failed
	case 4, 5:
		f.Drop = true
	case 6:
		f.Refuse, f.Reset = true, true
	case 7:
		if w.people.pending == 0 {
			w.aws.SetLags(awstest.Lags{
				List:     awstest.Lag{Time: time.Duration(k.random.IntN(2000)) * time.Millisecond},
				Describe: awstest.Lag{Time: time.Duration(k.random.IntN(500)) * time.Millisecond},
				Get:      awstest.Lag{Time: time.Duration(k.random.IntN(500)) * time.Millisecond},
			})
		}
		return
	}
	w.aws.Inject(f)
}

// azureFault lets Azure fail once, or its listings lag for this round.
func (w *clouds) azureFault(k *killer) {
	op := k.pick("SetSecret", "SetSecret", "UpdateSecret", "GetSecret", "ListSecrets", "ListVersions", "RecoverDeletedSecret", "Token")
	f := azuretest.Fault{Operation: op, Skip: k.random.IntN(2), Times: 1 + k.random.IntN(2)}
	failed := &azuretest.Error{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: "An error occurred."}
	switch k.random.IntN(9) {
	case 0:
		w.azure.Throttle(op, f.Times, 0)
		return
	case 1:
		w.azure.Throttle(op, 1, time.Second)
		return
	case 2:
		f.Error = failed
	case 3:
		f.Late = failed
	case 4, 5:
		f.Drop = true
	case 6:
		f.Refuse = true
	case 7:
		w.azure.RevokeTokens()
		return
	case 8:
		if w.people.pending == 0 {
			w.azure.SetLags(azuretest.Lags{
				List: azuretest.Lag{Calls: k.random.IntN(12)}, Versions: azuretest.Lag{Calls: k.random.IntN(6)},
			})
		}
		return
	}
	w.azure.Inject(f)
}
