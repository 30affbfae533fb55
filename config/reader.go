package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Reader is what reads a secret, by name: a preset for how it finds secrets,
// what it wants in them, and how long it keeps what it read.
type Reader string

// The readers.
const (
	ReaderAirflow         Reader = "airflow"           // Apache Airflow's secrets backends
	ReaderDagster         Reader = "dagster"           // dagster-aws, secretsmanager_secrets_resource
	ReaderJenkins         Reader = "jenkins"           // Jenkins' credentials plugins
	ReaderExternalSecrets Reader = "external-secrets"  // External Secrets Operator
	ReaderCSI             Reader = "secrets-store-csi" // Secrets Store CSI Driver
	ReaderVaultAgent      Reader = "vault-agent"       // Vault Agent, and the injector that runs it
	ReaderGitHubActions   Reader = "github-actions"
	ReaderGitLab          Reader = "gitlab"
	ReaderEnvironment     Reader = "environment" // a process that holds the key in its environment
	ReaderAWSCache        Reader = "aws-cache"   // AWS's client-side caching libraries
)

// Values lists all values.
func (Reader) Values() []string {
	return []string{
		string(ReaderAirflow), string(ReaderDagster), string(ReaderJenkins), string(ReaderExternalSecrets), string(ReaderCSI),
		string(ReaderVaultAgent), string(ReaderGitHubActions), string(ReaderGitLab), string(ReaderEnvironment), string(ReaderAWSCache),
	}
}

// Types of stores whose readers are known. cmd gives stores these names.
const (
	typeAWS   = "aws"
	typeAzure = "azure"
	typeVault = "vault"
	anyType   = "*"
)

// preset is how one reader reads one type of store.
type preset struct {
	connections, variables string        // the reader's own default prefixes; both empty: by the path that is written
	separator              string        // between prefix and id
	below                  string        // the mount, where the store names none, that prefixes are below
	hyphens                bool          // the reader looks for - where the name has _
	whole                  bool          // it reads the whole secret, never one field
	tags                   [2]string     // a tag that it looks for, and the tag's value
	cache                  time.Duration // the longest that it keeps what it read
	process                bool          // it holds the key as long as a process runs
}

// presets returns how a reader reads each type of store that it can read, each
// with the documentation that it is taken from.
func presets(reader Reader) map[string]preset {
	switch reader {
	case ReaderAirflow:
		// Airflow docs, Secrets Backend; the backends of the providers amazon
		// (SecretsManagerBackend: connections_prefix, variables_prefix, sep),
		// microsoft-azure (AzureKeyVaultBackend: the same, and build_path, which
		// replaces _ by -) and hashicorp (VaultBackend: mount_point,
		// connections_path, variables_path). Cache: [secrets] cache_ttl_seconds is
		// 900 where use_cache is on.
		const cache = 15 * time.Minute
		return map[string]preset{
			typeVault: {connections: "connections", variables: "variables", separator: "/", below: "secret", cache: cache},
			typeAWS:   {connections: "airflow/connections", variables: "airflow/variables", separator: "/", whole: true, cache: cache},
			typeAzure: {connections: "airflow-connections", variables: "airflow-variables", separator: "-", hyphens: true, whole: true, cache: cache},
		}
	case ReaderDagster:
		// Dagster docs, dagster-aws, secretsmanager_secrets_resource: every secret
		// with the tag secrets_tag becomes an environment variable of the secret's
		// name; "dagster" is the default tag of Dagster's ECS launcher.
		return map[string]preset{typeAWS: {whole: true, tags: [2]string{"dagster", "true"}, process: true}}
	case ReaderJenkins:
		// Jenkins plugin aws-secrets-manager-credentials-provider, README, Secret
		// Text and Features: the tag makes a credential of it, metadata is cached
		// for 5 minutes. Plugin hashicorp-vault-plugin: read when a build starts.
		return map[string]preset{
			typeAWS:   {whole: true, tags: [2]string{"jenkins:credentials:type", "string"}, cache: 5 * time.Minute},
			typeVault: {},
		}
	case ReaderExternalSecrets:
		// External Secrets Operator docs, ExternalSecret: refreshInterval, 1h in
		// the examples and by default.
		return everywhere(preset{cache: time.Hour})
	case ReaderCSI:
		// Secrets Store CSI Driver docs, Auto rotation: rotation-poll-interval is 2m.
		return everywhere(preset{cache: 2 * time.Minute})
	case ReaderVaultAgent:
		// Vault docs, Agent, Templates: static_secret_render_interval is 5m for
		// secrets without a lease, which those of KV are.
		return map[string]preset{typeVault: {cache: 5 * time.Minute}}
	case ReaderGitHubActions, ReaderGitLab:
		// hashicorp/vault-action, aws-actions/aws-secretsmanager-get-secrets,
		// Azure/CLI; GitLab docs, Use external secrets in CI (vault,
		// aws_secrets_manager, azure_key_vault): read when a job starts, so
		// longest_job covers them.
		return everywhere(preset{})
	case ReaderEnvironment:
		// A process gets its environment once, when it starts (exec(3)).
		return map[string]preset{anyType: {process: true}}
	case ReaderAWSCache:
		// AWS docs, Secrets Manager, client-side caching (Java, Python, .NET, Go):
		// an item is refreshed after one hour by default.
		return map[string]preset{typeAWS: {cache: time.Hour}}
	}
	return nil
}

// everywhere is a preset that is the same for the three secrets managers.
func everywhere(p preset) map[string]preset {
	return map[string]preset{typeAWS: p, typeAzure: p, typeVault: p}
}

// presetFormat is the format that follows from the reader alone.
func (w *writtenDestination) presetFormat() Format {
	switch {
	case valueOr(w.Reader, "") != ReaderAirflow:
	case w.Connection != "":
		return FormatAirflowConnection
	case w.Variable != "":
		return FormatAirflowVariable
	}
	return FormatRaw
}

// checkReader checks the settings that belong to a reader, and says whether
// the path follows from them.
func (w *writtenDestination) checkReader(d *decoder, n *node) (named bool) {
	takes := map[string][]Reader{
		"connection": {ReaderAirflow},
		"variable":   {ReaderAirflow, ReaderDagster},
		"prefix":     {ReaderAirflow, ReaderDagster},
		"tag":        {ReaderDagster},
	}
	reader := valueOr(w.Reader, "")
	for _, name := range slices.Sorted(maps.Keys(takes)) {
		if n.entry(name) != nil && !slices.Contains(takes[name], reader) {
			d.errorAt(n.path+"."+name, "this belongs to a reader that looks for it", "write reader: "+string(takes[name][0])+", or remove the line")
		}
	}
	if n.entry("path") != nil && n.entry("prefix") != nil && slices.Contains(takes["prefix"], reader) {
		d.errorAt(n.path+".prefix", "path and prefix are both written", "keep one of the two: path is the whole of it")
	}
	switch reader {
	case ReaderAirflow:
		if (n.entry("connection") != nil) == (n.entry("variable") != nil) {
			d.errorAt(n.path, "Airflow reads a connection or a variable", "write one of connection: ID and variable: KEY")
		}
		return true
	case ReaderDagster:
		if w.Variable == "" {
			w.Variable = KeyVariable
		}
		return true
	}
	return false
}

// preset applies what is known of a destination's reader in a type of store.
// What is written wins.
func (r resolver) preset(w *writtenDestination, store Store) (p preset, ok bool) {
	reader := valueOr(w.Reader, "")
	if reader == "" {
		return preset{}, true
	}
	known := presets(reader)
	p, ok = known[store.Type]
	if !ok {
		p, ok = known[anyType]
	}
	switch {
	case !ok && reader == ReaderDagster:
		r.errorAt(w.at("reader"), "Dagster has no resource for this type of store: there it reads its environment",
			"write a reader that fills it, like external-secrets with path: and field:, as in examples/dagster")
		return preset{}, false
	case !ok:
		r.errorAt(w.at("reader"), "this reader does not read this type of store", "it reads stores of the types "+strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		return preset{}, false
	case p.whole && w.Field != "":
		r.errorAt(w.at("field"), "this reader takes the whole secret", "remove the line")
		return preset{}, false
	}
	if w.Tag != "" {
		p.tags[0] = w.Tag
	}
	if w.Path == "" {
		w.Path = p.path(w, store)
		if p.hyphens && !hyphenated.MatchString(w.Path) {
			return preset{}, r.notHyphenated(w)
		}
	}
	return p, true
}

// hyphenated is what Azure takes as a name. The store would write a hyphen for
// more than _, and the reader does not look there.
var hyphenated = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

func (r resolver) notHyphenated(w *writtenDestination) bool {
	at := "connection"
	switch {
	case w.Prefix != nil && *w.Prefix != "" && !hyphenated.MatchString(strings.ReplaceAll(*w.Prefix, "_", "-")):
		at = "prefix"
	case w.Connection == "":
		at = "variable"
	}
	r.errorAt(w.at(at), "names in Azure have letters, digits and - only, and Airflow turns nothing but _ into -", "write letters, digits, _ and -, like ml_wandb")
	return false
}

// path returns where the reader looks for a connection or a variable.
func (p preset) path(w *writtenDestination, store Store) string {
	prefix, id := p.variables, w.Variable
	if w.Connection != "" {
		prefix, id = p.connections, w.Connection
	}
	prefix = valueOr(w.Prefix, prefix)
	name := id
	switch {
	case p.separator != "" && prefix != "":
		name = prefix + p.separator + id
	case p.separator == "": // a prefix of names alone
		name = prefix + id
	}
	if p.hyphens {
		name = strings.ReplaceAll(name, "_", "-")
	}
	if p.below == "" {
		return name
	}
	mount := w.Mount
	if mount == "" {
		mount = store.setting("mount")
	}
	if mount = strings.Trim(mount, "/"); mount == "" {
		mount = p.below
	}
	return mount + "/" + name
}

// tagsOf returns the tags that the reader looks for.
func (p preset) tagsOf() map[string]string {
	if p.tags[0] == "" {
		return nil
	}
	return map[string]string{p.tags[0]: p.tags[1]}
}
