package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

type runListArgs struct {
	Filters *jsonString
	After   *string
	First   *int32
	Order   *string
}

// Runs lists a project's runs. Of the SDK's filters it knows equality, $in, $nin, $ne, $gt, $gte, $lt, $lte, $and and
// $or over state, name, displayName, createdAt, heartbeatAt and username; of its orders the two times.
func (p *projectNode) Runs(args runListArgs) (*runConnection, error) {
	filter := map[string]any{}
	if args.Filters != nil && *args.Filters != "" {
		if err := json.Unmarshal([]byte(*args.Filters), &filter); err != nil {
			return nil, fmt.Errorf("filters is not a JSON object: %w", err)
		}
	}
	runs := []*run{}
	for _, r := range p.p.runs {
		ok, err := r.matches(filter, p.q.now)
		if err != nil {
			return nil, err
		}
		if ok {
			runs = append(runs, r)
		}
	}
	order, err := runOrder(text(args.Order))
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(runs, order)
	connection := &runConnection{q: p.q, total: int32(len(runs))}
	connection.runs, connection.more = page(runs, func(r *run) string { return r.id }, text(args.After), args.First)
	return connection, nil
}

func runOrder(order string) (func(a, b *run) int, error) {
	descending := strings.HasPrefix(order, "-")
	var compare func(a, b *run) int
	switch strings.TrimLeft(order, "+-") {
	case "", "created_at", "createdAt":
		compare = func(a, b *run) int { return a.createdAt.Compare(b.createdAt) }
	case "heartbeat_at", "heartbeatAt":
		compare = func(a, b *run) int { return a.heartbeatAt.Compare(b.heartbeatAt) }
	default:
		return nil, fmt.Errorf("the sandbox cannot order runs by %q", order)
	}
	if descending {
		return func(a, b *run) int { return compare(b, a) }, nil
	}
	return compare, nil
}

func (r *run) matches(filter map[string]any, now time.Time) (bool, error) {
	for field, condition := range filter {
		var ok bool
		var err error
		if field == "$and" || field == "$or" {
			ok, err = r.matchesGroup(field, condition, now)
		} else {
			ok, err = r.matchesField(field, condition, now)
		}
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (r *run) matchesGroup(operator string, condition any, now time.Time) (bool, error) {
	list, ok := condition.([]any)
	if !ok {
		return false, fmt.Errorf("%s is not a list", operator)
	}
	for _, item := range list {
		filter, ok := item.(map[string]any)
		if !ok {
			return false, fmt.Errorf("%s holds something that is not an object", operator)
		}
		matched, err := r.matches(filter, now)
		if err != nil {
			return false, err
		}
		if matched == (operator == "$or") {
			return matched, nil
		}
	}
	return operator == "$and", nil
}

func (r *run) matchesField(field string, condition any, now time.Time) (bool, error) {
	var value string
	switch field {
	case "state":
		value = r.currentState(now)
	case "name":
		value = r.name
	case "displayName", "display_name":
		value = r.displayName
	case "username", "user.username":
		value = r.user.username
	case "createdAt", "created_at":
		value = r.createdAt.UTC().Format(time.RFC3339Nano)
	case "heartbeatAt", "heartbeat_at":
		value = r.heartbeatAt.UTC().Format(time.RFC3339Nano)
	default:
		return false, fmt.Errorf("the sandbox cannot filter runs by %q", field)
	}
	operators, ok := condition.(map[string]any)
	if !ok {
		return compareText(value, condition) == 0, nil
	}
	for operator, operand := range operators {
		matched, err := applyOperator(operator, value, operand)
		if err != nil || !matched {
			return false, err
		}
	}
	return true, nil
}

func applyOperator(operator, value string, operand any) (bool, error) {
	switch operator {
	case "$in", "$nin":
		list, ok := operand.([]any)
		if !ok {
			return false, fmt.Errorf("%s is not a list", operator)
		}
		found := slices.ContainsFunc(list, func(item any) bool { return compareText(value, item) == 0 })
		return found == (operator == "$in"), nil
	case "$eq":
		return compareText(value, operand) == 0, nil
	case "$ne":
		return compareText(value, operand) != 0, nil
	case "$gt":
		return compareText(value, operand) > 0, nil
	case "$gte":
		return compareText(value, operand) >= 0, nil
	case "$lt":
		return compareText(value, operand) < 0, nil
	case "$lte":
		return compareText(value, operand) <= 0, nil
	}
	return false, fmt.Errorf("the sandbox does not know the filter operator %q", operator)
}

// compareText compares times as times and all else as text.
func compareText(value string, operand any) int {
	other := fmt.Sprint(operand)
	a, errA := time.Parse(time.RFC3339Nano, value)
	b, errB := time.Parse(time.RFC3339Nano, other)
	if errA == nil && errB == nil {
		return a.Compare(b)
	}
	return cmp.Compare(value, other)
}

type runConnection struct {
	q     *request
	runs  []*run
	more  bool
	total int32
}

func (c *runConnection) TotalCount() int32 { return c.total }

func (c *runConnection) Edges() []runEdge {
	edges := make([]runEdge, 0, len(c.runs))
	for _, r := range c.runs {
		edges = append(edges, runEdge{&runNode{c.q, r}})
	}
	return edges
}

func (c *runConnection) PageInfo() *pageInfo {
	if len(c.runs) == 0 {
		return &pageInfo{}
	}
	return &pageInfo{c.runs[len(c.runs)-1].id, c.more}
}

type runEdge struct{ node *runNode }

func (e runEdge) Node() *runNode { return e.node }
func (e runEdge) Cursor() string { return e.node.r.id }
