// Package sandbox is a server that behaves like W&B's, as far as API keys, service accounts, projects, runs and the
// audit log go. It is for `keyrota demo`, for `keyrota sandbox`, and for tests: W&B's own SDK can talk to it. It keeps
// everything in memory, imports nothing else of keyrota, and is no part of what keyrota does to a real W&B.
//
//	server, err := sandbox.New(seed, sandbox.Options{})
//	web := httptest.NewServer(server)                   // in a test
//	err = server.Serve(ctx, listener)                   // as a program; returns nil when ctx ends
//
// # What it serves
//
//   - POST /graphql: the operations of schema.graphql, validated and executed by a GraphQL library. Errors are 200 with
//     errors; bad credentials are 401; a mutation that found nothing to do is success false.
//   - POST /oidc/token: RFC 7523, a JWT of a registered issuer for an access token of one hour.
//   - GET /audit_logs (multi-tenant) and GET /admin/audit_logs (dedicated and self-managed).
//   - POST /files/{team}/{project}/{run}/file_stream: a stand-in for the SDK's log stream, see below.
//   - /sandbox/…: what is not W&B's, for administrators of the organization (HTTP Basic, their API key); bodies are YAML
//     or JSON with the seed's fields. GET, POST and DELETE /sandbox/faults list, add and clear faults. POST
//     /sandbox/service_accounts {name, scope, team, subject} makes an account of any scope, and POST
//     /sandbox/service_accounts/{username}/keys {description} a key: what a person clicks in W&B's user interface
//     where W&B has no public API.
//
// Every answer carries a Date header of the server's own clock, Options.Now.
//
// A client authenticates by HTTP Basic with its API key as the password, or by Bearer with an access token. A user's
// apiKeys are shown to clients whose User-Agent begins with "W&B Public Client" only, and an administrator of the
// organization acts as one over GraphQL only with the header "Use-Admin-Privileges: true", as W&B's SDK sends them.
//
// To log a run, as a reader of a secret would, with whatever key it holds:
//
//	mutation { upsertBucket(input: {entityName: "ml-platform", modelName: "eval", name: "nightly"}) { inserted } }
//
// The first call starts the run, each further one, and each file_stream request, beats its heart; a running run without
// a heartbeat for five minutes counts as crashed. It is a stand-in: nothing of what is logged is kept. Server.Uses tells
// which keys were used.
//
// # The seed
//
// A YAML file; an unknown field is an error with its line and column.
//
//	organization: acme
//	server:
//	  keys: hashed                # or shown: listings return whole keys, and a new service account has one at once
//	  key_prefix: local           # before new keys
//	  key_limit: 10               # keys per account; absent: no limit
//	  disable_key_creation: false
//	  disable_team_service_accounts: false
//	  deployment: dedicated       # or multi-tenant: serve only that form of the audit log; absent: both
//	  rate_limit: {requests: 100, per: 1m}
//	teams:
//	  - name: ml-platform
//	people:
//	  - username: alice
//	    email: alice@acme.example
//	    admin: true               # of the organization
//	    teams: {ml-platform: admin}   # or member; or invited: listed as pending
//	    keys: [alice-CANARY-0123456789-0123456789-0123456789]
//	service_accounts:
//	  - name: ci-model-training
//	    scope: team               # the default; organization; external, which needs a subject and has no keys
//	    team: ml-platform         # of an organization-scoped account: its default team
//	    keys:
//	      - generate              # see Server.Generated
//	      - value: sha256:…       # a hash of a key
//	        description: made by hand
//	projects:
//	  - {team: ml-platform, name: eval, visibility: team}
//	  - {team: ml-platform, name: secret, visibility: restricted, members: [ci-model-training]}
//	jwt_issuers:
//	  - url: https://issuer.example
//	faults:
//	  - {kind: lost_answer, operation: generateApiKey, account: ci-model-training, count: 1}
//
// Package history makes seeds with years of use and what is true of them.
//
// A saved state (Options.StatePath, Server.Save) is a seed too: with the ids of everything, with runs and the newest
// audit entries, and with hashes in place of keys. It is written before the answer to each change of accounts and keys,
// so that a restart loses no key that was issued. A server of the shown kind that was restarted from its state shows
// the first part of keys whose value it no longer knows. Each save writes everything, some 50 µs an account; a server of
// many thousands of accounts that changes often is better kept without a state.
//
// # What is not public
//
// Where W&B documents nothing, the sandbox had to choose; no client should rely on: the words of errors; that deleting
// an absent key is success false and no error; that an organization-scoped service account is a member of no team; that
// a member's id is its user's; the values of accountType, beyond that a service account's contains SERVICE; that ids in
// the audit log are the ids of GraphQL; the exact bounds of the audit log's days; which reads appear in it; that it
// shows what a caller was refused, with response_code 403, and not a bad key, which is nobody's; that new projects have
// team visibility; that administrators of the organization must be added to a restricted project.
package sandbox
