// Package config reads keyrota's configuration: one YAML file for one W&B
// organization and one instance of keyrota.
//
// It is strict. An unknown or repeated field, a bad value, an undefined
// variable and two accounts on one destination are errors, and all errors of
// a file are reported at once, each with file, line, column, the path of the
// field, what is wrong and what to write instead. Problems never quote a
// value or a line of the file, since either may hold a secret; names of
// fields are quoted only when they look like names.
//
// The package is pure over the bytes of the file, the directory that it includes
// others from and a function that looks up environment variables. It knows no provider: cmd passes the types of stores
// it has (Options.StoreTypes), and each store's block is decoded into the
// provider's own type.
//
// # Use
//
//	c, problems, err := config.Load(path, config.Options{Env: os.LookupEnv, StoreTypes: types})
//
// c is nil if there is an error among the problems; warnings alone leave it
// usable. Config.Accounts has every setting resolved.
//
// # Files of teams
//
// include: names further files below the directory of this one, each with the
// accounts of one team and what they share. Whoever may change such a file can
// reach no further than the team: it has no stores, no credentials, no identity:, no
// variables, no organization scope and no other team's accounts, and what it
// delivers must be among the places that allow: gives the team. See include.go
// and allow.go.
//
// # How settings merge
//
// Built-in defaults, then defaults:, then teams:, then the top of a team's
// file, then the account; the innermost one that is written wins, whole. There are two exceptions: env and
// tags merge name by name, and freezes add up, since a freeze of the
// organization binds every account. every and cron are one setting: whichever is written
// innermost replaces both. window: always lifts an inherited window.
//
// # Variables
//
// ${NAME} and ${NAME:-default} are replaced inside scalar values, after the
// YAML is parsed, so that a value can never become structure; $$ is a dollar
// sign. Names of fields are not expanded.
//
// # Names that depend on the account
//
// {{.Account.Name}}, {{.Account.Team}}, {{.Account.Ref}} and {{.Instance}} are
// replaced in a destination's path, field, connection, variable and
// description, and in the values of tags, when the file is loaded. So a team's
// deliver: can serve all its accounts.
//
// # Readers
//
// reader: names what reads a secret. Its path, format, tags and cache then
// follow from how that reader's documentation says it reads (see presets in
// reader.go); what is written wins.
//
// # Overrides
//
// A destination may have a namespace, mount, role, region or role_arn of its
// own. It is then delivered to a store derived from the one it names, which is
// in Config.Stores under a name that says so: aws?region=us-east-1.
//
// # Blocks of providers
//
// A provider's type is a plain struct; see Store.Decode for what it may hold.
package config

//go:generate go test -run ^TestSchema$ -update .
