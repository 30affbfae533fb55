// Package azuretest is a stand-in for Azure Key Vault's secrets and for what of
// Microsoft Entra ID gives tokens for them, in the process of a test or of a
// benchmark. It is ours, and not Azure: what it knows of the service is what
// the service's documentation and its Go SDK say.
//
// The wire format is Microsoft's own: each call goes through the ServerTransport
// of azsecrets/fake, behind HTTPS. Ours are the state behind it (versions, soft
// delete, properties), the challenge, tokens and roles, published limits and
// quotas, and the faults: latency, reads that lag, throttling, connections that
// end before or after an effect. Real credentials of azidentity work against it
// (see Server.WorkloadIdentity and Server.ManagedIdentity).
//
// Backup, restore, certificates, access policies and network rules are missing.
package azuretest
