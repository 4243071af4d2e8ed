package schedule

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// The JSON of a schedule is an object: its kind, then its fields in the order of
// the Go type, with names_like_this, those that are zero left out. There is one
// text for each value, so the text's hash identifies the schedule.
//
//	{"kind":"warmup","steps":100,"then":{"kind":"cosine","peak":0.003,"steps":2000}}

// registry is the kinds by name and by type.
var registry = struct {
	sync.RWMutex
	types map[string]reflect.Type
	kinds map[reflect.Type]string
}{types: map[string]reflect.Type{}, kinds: map[reflect.Type]string{}}

func init() {
	for kind, s := range map[string]Schedule{
		"constant": Constant{}, "linear": Linear{}, "cosine": Cosine{}, "polynomial": Polynomial{},
		"exponential": Exponential{}, "step": Step{}, "multi_step": MultiStep{}, "inverse_sqrt": InverseSqrt{},
		"wsd": WSD{}, "one_cycle": OneCycle{}, "cyclic": Cyclic{}, "restarts": Restarts{}, "tanh": Tanh{},
		"piecewise": Piecewise{}, "table": Table{}, "tri_stage": TriStage{}, "range_test": RangeTest{}, "rex": REX{},
		"warmup": Warmup{}, "join": Join{}, "scale": Scale{}, "product": Product{}, "sum": Sum{}, "max": Max{},
		"min": Min{}, "clamp": Clamp{}, "round": Round{}, "offset": Offset{}, "repeat": Repeat{},
		"per_step": PerStep{}, "per_epoch": PerEpoch{}, "noise": Noise{},
		"length": Length{}, "batches": Batches{}, "layer": Layer{},
	} {
		registry.types[kind], registry.kinds[reflect.TypeOf(s)] = reflect.TypeOf(s), kind
	}
}

// Register gives a schedule type of your own a kind, so that Marshal and
// Unmarshal know it. The type is a comparable struct whose exported fields are
// bools, integers, float64s, strings, Lists and Schedules, and which has no
// others. A kind or type that is taken is an error.
func Register[T Schedule](kind string) error {
	t := reflect.TypeFor[T]()
	if kind == "" || t.Kind() != reflect.Struct || !t.Comparable() {
		return fmt.Errorf("schedule: register %v as %q: want a comparable struct and a name", t, kind)
	}
	names := map[string]bool{"kind": true}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() || !known(f.Type) {
			return fmt.Errorf("schedule: register %v as %q: field %s of type %v cannot be written", t, kind, f.Name, f.Type)
		}
		if names[snake(f.Name)] {
			return fmt.Errorf("schedule: register %v as %q: field %s needs a name of its own, %q is taken", t, kind, f.Name, snake(f.Name))
		}
		names[snake(f.Name)] = true
	}
	registry.Lock()
	defer registry.Unlock()
	if other, ok := registry.types[kind]; ok {
		return fmt.Errorf("schedule: kind %q is taken by %v", kind, other)
	}
	if other, ok := registry.kinds[t]; ok {
		return fmt.Errorf("schedule: %v is registered as %q", t, other)
	}
	registry.types[kind], registry.kinds[t] = t, kind
	return nil
}

// Kinds returns all registered kinds, sorted.
func Kinds() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(registry.types))
}

var (
	scheduleType = reflect.TypeFor[Schedule]()
	intsType     = reflect.TypeFor[List[int]]()
	floatsType   = reflect.TypeFor[List[float64]]()
)

func known(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64, reflect.String:
		return true
	}
	return t == scheduleType || t == intsType || t == floatsType
}

// snake is the JSON name of a field: TwoWords is two_words.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		starts := unicode.IsUpper(r) && i > 0 &&
			(unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if starts {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Marshal is the canonical JSON of a schedule. One that is not valid, or of no
// registered kind, is an error.
func Marshal(s Schedule) ([]byte, error) {
	if s == nil {
		return nil, errors.New("schedule: no schedule")
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return appendJSON(nil, s, depth)
}

func appendJSON(b []byte, s Schedule, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, errors.New("schedule: nested too deeply")
	}
	v := reflect.ValueOf(s)
	registry.RLock()
	kind, ok := registry.kinds[v.Type()]
	registry.RUnlock()
	if !ok {
		return nil, fmt.Errorf("schedule: %T is of no registered kind", s)
	}
	name, err := json.Marshal(kind)
	if err != nil {
		return nil, err
	}
	b = append(append(b, `{"kind":`...), name...)
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() { // so is −0
			continue
		}
		b = append(b, `,"`+snake(v.Type().Field(i).Name)+`":`...)
		if inner, ok := f.Interface().(Schedule); ok && f.Type() == scheduleType {
			if b, err = appendJSON(b, inner, depth-1); err != nil {
				return nil, err
			}
			continue
		}
		text, err := json.Marshal(f.Interface())
		if err != nil {
			return nil, fmt.Errorf("schedule: %s.%s: %w", kind, snake(v.Type().Field(i).Name), err)
		}
		b = append(b, text...)
	}
	return append(b, '}'), nil
}

// Hash is the SHA-256 of the canonical JSON, in hexadecimal.
func Hash(s Schedule) (string, error) {
	b, err := Marshal(s)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// depth is how deep schedules may be nested in JSON: what nobody writes.
const depth = 100

// Unmarshal reads a schedule. Unknown kinds and fields, fields that occur twice,
// values of another type, what follows the schedule, and schedules that are not
// valid are errors with the path to the field, as in "then.peak".
func Unmarshal(data []byte) (Schedule, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("schedule: something follows the schedule")
	}
	s, err := read(raw, "", depth)
	if err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s, nil
}

// fail is an error at a path.
func fail(path, format string, args ...any) error {
	if path == "" {
		path = "the schedule"
	}
	return fmt.Errorf("schedule: %s: "+format, append([]any{path}, args...)...)
}

// join is the path of a field.
func join(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

type member struct {
	name  string
	value json.RawMessage
}

// members reads an object in its order and refuses names that occur twice.
func members(data []byte, path string) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	t, err := dec.Token()
	if d, ok := t.(json.Delim); err != nil || !ok || d != '{' {
		return nil, fail(path, "is %s, want an object with a kind", short(data))
	}
	var all []member
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, fail(path, "%w", err)
		}
		m := member{name: t.(string)} // an object's names are strings
		if seen[m.name] {
			return nil, fail(join(path, m.name), "occurs twice")
		}
		seen[m.name] = true
		if err := dec.Decode(&m.value); err != nil {
			return nil, fail(join(path, m.name), "%w", err)
		}
		all = append(all, m)
	}
	return all, nil
}

// short is the beginning of a text, for errors.
func short(b []byte) string {
	if len(b) > 24 {
		return string(b[:24]) + "…"
	}
	return string(b)
}

func read(data []byte, path string, depth int) (Schedule, error) {
	if depth == 0 {
		return nil, fail(path, "is nested too deeply")
	}
	all, err := members(data, path)
	if err != nil {
		return nil, err
	}
	var kind string
	found := false
	for _, m := range all {
		if m.name == "kind" {
			if err := json.Unmarshal(m.value, &kind); err != nil {
				return nil, fail(join(path, "kind"), "is %s, want a string", short(m.value))
			}
			found = true
		}
	}
	if !found {
		return nil, fail(path, "has no kind")
	}
	registry.RLock()
	t, ok := registry.types[kind]
	registry.RUnlock()
	if !ok {
		return nil, fail(join(path, "kind"), "unknown kind %q, want one of %s", kind, strings.Join(Kinds(), ", "))
	}
	v := reflect.New(t).Elem()
	fields := map[string]reflect.Value{}
	names := []string{}
	for i := range t.NumField() {
		name := snake(t.Field(i).Name)
		fields[name], names = v.Field(i), append(names, name)
	}
	for _, m := range all {
		if m.name == "kind" {
			continue
		}
		f, ok := fields[m.name]
		if !ok {
			return nil, fail(join(path, m.name), "%s has no such field, want one of %s", kind, strings.Join(names, ", "))
		}
		if f.Type() == scheduleType {
			inner, err := read(m.value, join(path, m.name), depth-1)
			if err != nil {
				return nil, err
			}
			f.Set(reflect.ValueOf(inner))
			continue
		}
		if err := json.Unmarshal(m.value, f.Addr().Interface()); err != nil || string(m.value) == "null" {
			return nil, fail(join(path, m.name), "is %s, want %s", short(m.value), wanted(f.Type()))
		}
	}
	return v.Interface().(Schedule), nil
}

// wanted says what JSON a field takes.
func wanted(t reflect.Type) string {
	switch {
	case t == intsType:
		return "an array of whole numbers"
	case t == floatsType:
		return "an array of numbers"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Float64:
		return "a number"
	}
	return "a whole number that fits " + t.String()
}

// JSON holds a schedule in a struct that is read from or written to JSON, such as
// a program's configuration.
type JSON struct {
	Schedule
}

// MarshalJSON implements json.Marshaler; no schedule is null.
func (j JSON) MarshalJSON() ([]byte, error) {
	if j.Schedule == nil {
		return []byte("null"), nil
	}
	return Marshal(j.Schedule)
}

// UnmarshalJSON implements json.Unmarshaler.
func (j *JSON) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		j.Schedule = nil
		return nil
	}
	s, err := Unmarshal(b)
	if err == nil {
		j.Schedule = s
	}
	return err
}
