package examples_test

import (
	"strings"
	"testing"
	"time"

	"github.com/keyrota/keyrota/config"
)

// account returns an account of the configuration.
func (e example) account(t *testing.T, name string) config.Account {
	t.Helper()
	for _, a := range e.config.Accounts {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("there is no account %s", name)
	return config.Account{}
}

// externalSecret reads what an ExternalSecret reads, and returns the Secret that
// comes of it: its name, and its members.
func (e example) externalSecret(t *testing.T, docs []any, account string) (string, map[string]string) {
	t.Helper()
	store, secret := of(t, docs, "SecretStore"), of(t, docs, "ExternalSecret")
	for _, d := range []any{store, secret} {
		same(t, "the API", at(t, d, "apiVersion"), "external-secrets.io/v1")
	}
	same(t, "the SecretStore", at(t, secret, "spec", "secretStoreRef", "name"), at(t, store, "metadata", "name"))
	same(t, "the namespace", at(t, secret, "metadata", "namespace"), at(t, store, "metadata", "namespace"))
	refresh, err := time.ParseDuration(at(t, secret, "spec", "refreshInterval"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "how long it lags", refresh.String(), e.account(t, account).Deliver[0].Cache.String())

	ref := value(t, secret, "spec", "data", 0, "remoteRef")
	var got string
	provider, _ := value(t, store, "spec", "provider").(map[string]any)
	switch {
	case provider["vault"] != nil:
		same(t, "the address", at(t, provider, "vault", "server"), e.setting(t, "vault", "address"))
		same(t, "the engine", at(t, provider, "vault", "version"), "v2")
		got = e.field("vault", at(t, provider, "vault", "path")+"/"+at(t, ref, "key"), at(t, ref, "property"))
	case provider["aws"] != nil:
		same(t, "the Region", at(t, provider, "aws", "region"), e.setting(t, "aws", "region"))
		same(t, "the service", at(t, provider, "aws", "service"), "SecretsManager")
		got = e.member("aws", at(t, ref, "key"), at(t, ref, "property"))
	}
	e.found(t, "External Secrets", got, account)
	return at(t, secret, "spec", "target", "name"), map[string]string{at(t, secret, "spec", "data", 0, "secretKey"): got}
}

// environment checks that a Deployment's container has the key of an account in
// its environment, from a Secret, and that a change of it restarts the pods.
func (e example) environment(t *testing.T, deployment any, name string, members map[string]string, account string) {
	t.Helper()
	variable := value(t, deployment, "spec", "template", "spec", "containers", 0, "env", 0)
	same(t, "the variable", at(t, variable, "name"), config.KeyVariable)
	same(t, "the Secret", at(t, variable, "valueFrom", "secretKeyRef", "name"), name)
	e.found(t, "the container", members[at(t, variable, "valueFrom", "secretKeyRef", "key")], account)
	same(t, "the Secret of the restart hook", at(t, deployment, "metadata", "annotations", "secret.reloader.stakater.com/reload"), name)
	grace, ok := value(t, deployment, "spec", "template", "spec", "terminationGracePeriodSeconds").(uint64)
	if longest := e.account(t, account).LongestJob.Duration; !ok || time.Duration(grace)*time.Second >= longest {
		t.Errorf("a pod may end %d seconds after the restart, and longest_job is %s", grace, longest)
	}
}

func TestExternalSecretsFindTheKey(t *testing.T) {
	const dir = "kubernetes-external-secrets"
	e := deliver(t, dir, "keyrota.yaml")
	docs := append(documents(t, dir+"/secret-store.yaml"), documents(t, dir+"/external-secret.yaml")...)
	name, members := e.externalSecret(t, docs, "eval-service")
	deployment := of(t, documents(t, dir+"/deployment.yaml"), "Deployment")
	same(t, "the namespace", at(t, deployment, "metadata", "namespace"), at(t, docs[1], "metadata", "namespace"))
	e.environment(t, deployment, name, members, "eval-service")
}

func TestDagsterOnKubernetesFindsTheKey(t *testing.T) {
	e := deliver(t, "dagster", "keyrota-vault.yaml")
	name, members := e.externalSecret(t, documents(t, "dagster/external-secret.yaml"), "dagster-training")
	values := documents(t, "dagster/values.yaml")[0]
	same(t, "the Secret", at(t, values, "dagster-user-deployments", "deployments", 0, "envSecrets", 0, "name"), name)
	e.found(t, "the run", members[config.KeyVariable], "dagster-training") // envFrom: each member is a variable
}

// mounted reads what a SecretProviderClass of Vault reads, and returns the files
// that it makes.
func (e example) mounted(t *testing.T, class any) map[string]string {
	t.Helper()
	same(t, "the API", at(t, class, "apiVersion"), "secrets-store.csi.x-k8s.io/v1")
	same(t, "the provider", at(t, class, "spec", "provider"), "vault")
	same(t, "the address", at(t, class, "spec", "parameters", "vaultAddress"), e.setting(t, "vault", "address"))
	files := map[string]string{}
	objects, _ := parse(t, at(t, class, "spec", "parameters", "objects"))[0].([]any)
	for _, o := range objects {
		mount, path, _ := strings.Cut(at(t, o, "secretPath"), "/data/")
		files[at(t, o, "objectName")] = e.field("vault", mount+"/"+path, at(t, o, "secretKey"))
	}
	return files
}

// volume checks that a pod mounts a SecretProviderClass, and returns where.
func volume(t *testing.T, pod, class any) string {
	t.Helper()
	v := value(t, pod, "volumes", 0)
	same(t, "the driver", at(t, v, "csi", "driver"), "secrets-store.csi.k8s.io")
	same(t, "the SecretProviderClass", at(t, v, "csi", "volumeAttributes", "secretProviderClass"), at(t, class, "metadata", "name"))
	mount := value(t, pod, "containers", 0, "volumeMounts", 0)
	same(t, "the volume", at(t, mount, "name"), at(t, v, "name"))
	return at(t, mount, "mountPath")
}

func TestCSIFindsTheKey(t *testing.T) {
	e := deliver(t, "kubernetes-csi", "keyrota.yaml")
	values := documents(t, "kubernetes-csi/driver-values.yaml")[0]
	if value(t, values, "enableSecretRotation") != true || value(t, values, "syncSecret", "enabled") != true {
		t.Error("the driver neither rotates nor makes Secrets by itself")
	}
	poll, err := time.ParseDuration(at(t, values, "rotationPollInterval"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range e.config.Accounts {
		same(t, "how long it lags, for "+a.Name, poll.String(), a.Deliver[0].Cache.String())
	}

	// A Job reads the file.
	docs := documents(t, "kubernetes-csi/job.yaml")
	class, job := of(t, docs, "SecretProviderClass"), of(t, docs, "Job")
	pod := value(t, job, "spec", "template", "spec")
	m := find(t, at(t, pod, "containers", 0, "command", 2), `WANDB_API_KEY="\$\(cat (\S+)/([^/\s]+)\)"`)
	same(t, "where the volume is", m[0], volume(t, pod, class))
	e.found(t, "the Job", e.mounted(t, class)[m[1]], "training")
	seconds, _ := value(t, job, "spec", "activeDeadlineSeconds").(uint64)
	same(t, "the longest job", (time.Duration(seconds) * time.Second).String(), e.account(t, "training").LongestJob.Duration.String())

	// A Deployment reads the Secret that is made of the file.
	docs = documents(t, "kubernetes-csi/deployment.yaml")
	class, deployment := of(t, docs, "SecretProviderClass"), of(t, docs, "Deployment")
	volume(t, value(t, deployment, "spec", "template", "spec"), class)
	made := value(t, class, "spec", "secretObjects", 0)
	member := value(t, made, "data", 0)
	members := map[string]string{at(t, member, "key"): e.mounted(t, class)[at(t, member, "objectName")]}
	e.environment(t, deployment, at(t, made, "secretName"), members, "eval-service")
}
