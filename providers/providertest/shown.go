package providertest

import (
	"fmt"
	"reflect"
	"strings"
)

// Shown returns what printers for debugging show of a value: every text and
// number in it, through pointers, interfaces and unexported fields, without
// calling any method. A provider that is in use shows no credential so, but for
// the buffers of connections, which are net/http's own and left out.
func Shown(v any) string {
	w := walker{seen: map[uintptr]bool{}}
	w.walk(reflect.ValueOf(v))
	return w.b.String()
}

type walker struct {
	b    strings.Builder
	seen map[uintptr]bool
}

func (w *walker) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || w.seen[v.Pointer()] {
			return
		}
		w.seen[v.Pointer()] = true
		w.walk(v.Elem())
	case reflect.Interface:
		w.walk(v.Elem())
	case reflect.Struct:
		if v.Type().PkgPath() == "net/http" {
			return
		}
		for i := range v.NumField() {
			w.walk(v.Field(i))
		}
	case reflect.Map:
		if w.seen[v.Pointer()] {
			return
		}
		w.seen[v.Pointer()] = true
		for _, k := range v.MapKeys() {
			w.walk(k)
			w.walk(v.MapIndex(k))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			_, _ = fmt.Fprintf(&w.b, "%s\n", v.Bytes())
			return
		}
		for i := range v.Len() {
			w.walk(v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			w.walk(v.Index(i))
		}
	case reflect.String:
		w.b.WriteString(v.String() + "\n")
	case reflect.Invalid:
	default:
		_, _ = fmt.Fprintf(&w.b, "%v\n", v)
	}
}
