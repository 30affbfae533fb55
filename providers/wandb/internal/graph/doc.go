// Package graph holds W&B's GraphQL operations as typed Go functions,
// generated from schema.graphql and operations.graphql, and the types that a
// key's value is decoded into: those of listings keep no value at all.
//
// After changing a .graphql file, run `go generate` here and commit the result.
package graph

//go:generate go tool genqlient
