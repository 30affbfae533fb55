package sandbox

import (
	"context"
	_ "embed" // the schema
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/graph-gophers/graphql-go"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

//go:embed schema.graphql
var schemaText string

func parseSchema() (*graphql.Schema, error) {
	// One resolver at a time: they share the request and the world, whose lock the request holds.
	schema, err := graphql.ParseSchema(schemaText, &resolver{}, graphql.MaxParallelism(1), graphql.UseStringDescriptions())
	if err != nil {
		return nil, fmt.Errorf("the sandbox's GraphQL schema: %w", err)
	}
	return schema, nil
}

// request is what a resolver knows. It holds the server's lock for as long as it is executed.
type request struct {
	caller
	server   *Server
	world    *world
	now      time.Time
	keyDelay time.Duration // from a fault: how long a new key is not valid yet
	// onBehalf is the person whom a client credits with a run, by user name or e-mail address.
	onBehalf string
}

type requestKey struct{}

func requestFrom(ctx context.Context) *request { return ctx.Value(requestKey{}).(*request) }

// maxBody is the longest request read, in bytes.
const maxBody = 4 << 20

func (s *Server) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Query         string         `json:"query"`
		OperationName string         `json:"operationName"`
		Variables     map[string]any `json:"variables"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		// The decoder's words are not repeated: they may quote the body.
		writeErrors(w, http.StatusBadRequest, "the request's body is not the JSON of a GraphQL request")
		return
	}
	s.perform(w, r, operations(body.Query, body.OperationName), func(q *request) answer {
		response := s.schema.Exec(context.WithValue(r.Context(), requestKey{}, q), body.Query, body.OperationName, body.Variables)
		return jsonAnswer(http.StatusOK, response)
	})
}

// operations are the names of the fields at the root of the operation: what the request asks for. A document that
// cannot be parsed has none; the schema says what is wrong with it.
func operations(query, name string) []string {
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return nil
	}
	op := doc.Operations.ForName(name)
	if op == nil {
		return nil
	}
	var names []string
	var collect func(ast.SelectionSet, int)
	collect = func(set ast.SelectionSet, depth int) {
		const maxDepth = 8 // fragments may, wrongly, contain themselves
		if depth > maxDepth {
			return
		}
		for _, selection := range set {
			switch selected := selection.(type) {
			case *ast.Field:
				names = append(names, selected.Name)
			case *ast.InlineFragment:
				collect(selected.SelectionSet, depth+1)
			case *ast.FragmentSpread:
				if f := doc.Fragments.ForName(selected.Name); f != nil {
					collect(f.SelectionSet, depth+1)
				}
			}
		}
	}
	collect(op.SelectionSet, 0)
	return names
}
