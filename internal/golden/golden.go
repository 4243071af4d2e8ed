// Package golden reads the golden files: inputs and outputs of peers, computed
// by them and kept as JSON.
package golden

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// Case is one call of a peer.
type Case struct {
	Name, Op        string
	Config          Config
	In, Out, OutF32 map[string]Array
}

// Array is row-major data with its shape; a scalar's shape is empty.
type Array struct {
	Shape []int
	Data  []float64
	Text  []string // instead of Data
}

// Load reads a golden file; it fails the test when the file is missing,
// malformed or has no cases.
func Load(t testing.TB, path string) []Case {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cases, err := parse(data)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return cases
}

func parse(data []byte) ([]Case, error) {
	var file struct {
		Cases []struct {
			Name, Op string
			Config   Config
			Inputs   map[string]Array
			Outputs  map[string]Array
			F32      map[string]Array `json:"outputs_f32"`
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, err
	}
	if len(file.Cases) == 0 {
		return nil, fmt.Errorf("no cases")
	}
	var cases []Case
	for _, c := range file.Cases {
		cases = append(cases, Case{c.Name, c.Op, c.Config, c.Inputs, c.Outputs, c.F32})
	}
	return cases, nil
}

// UnmarshalJSON reads numbers, the strings "NaN", "+Inf" and "-Inf", or texts.
func (a *Array) UnmarshalJSON(b []byte) error {
	var raw struct {
		Shape []int
		Data  json.RawMessage
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	a.Shape = raw.Shape
	var elems []any
	if err := json.Unmarshal(raw.Data, &elems); err != nil {
		var one any
		if err := json.Unmarshal(raw.Data, &one); err != nil {
			return err
		}
		elems = []any{one}
	}
	for _, e := range elems {
		v, err := number(e)
		if s, ok := e.(string); ok && err != nil {
			a.Text = append(a.Text, s)
			continue
		}
		if err != nil {
			return err
		}
		a.Data = append(a.Data, v)
	}
	return nil
}

func number(e any) (float64, error) {
	switch e := e.(type) {
	case float64:
		return e, nil
	case bool:
		if e {
			return 1, nil
		}
		return 0, nil
	case string:
		switch e {
		case "NaN":
			return math.NaN(), nil
		case "+Inf", "Inf":
			return math.Inf(1), nil
		case "-Inf":
			return math.Inf(-1), nil
		}
	}
	return 0, fmt.Errorf("%v is not a number", e)
}

// Float32s is the data in float32.
func (a Array) Float32s() []float32 { return as[float32](a) }

// Float64s is the data.
func (a Array) Float64s() []float64 { return a.Data }

// Ints is the data as integers.
func (a Array) Ints() []int { return as[int](a) }

// Bits is the data as bit patterns.
func (a Array) Bits() []uint32 { return as[uint32](a) }

func as[T float32 | int | uint32](a Array) []T {
	x := make([]T, len(a.Data))
	for i, v := range a.Data {
		x[i] = T(v)
	}
	return x
}

// Config holds the arguments of the peer's call, defaults included. Asking for
// a key that is missing or of another type panics with the key's name.
type Config map[string]any

// Has reports whether a key is there and not null.
func (c Config) Has(key string) bool { return c[key] != nil }

// Float is a number.
func (c Config) Float(key string) float64 {
	v, err := number(c[key])
	if err != nil {
		panic(fmt.Sprintf("golden: config %q: %v", key, err))
	}
	return v
}

// Int is a whole number.
func (c Config) Int(key string) int {
	v := c.Float(key)
	if v != math.Trunc(v) {
		panic(fmt.Sprintf("golden: config %q is %v, not an integer", key, v))
	}
	return int(v)
}

// Bool is true or false.
func (c Config) Bool(key string) bool {
	v, ok := c[key].(bool)
	if !ok {
		panic(fmt.Sprintf("golden: config %q is %v, not a bool", key, c[key]))
	}
	return v
}

// String is a text.
func (c Config) String(key string) string {
	v, ok := c[key].(string)
	if !ok {
		panic(fmt.Sprintf("golden: config %q is %v, not a string", key, c[key]))
	}
	return v
}

// Floats is a list of numbers.
func (c Config) Floats(key string) []float64 {
	list, ok := c[key].([]any)
	if !ok {
		panic(fmt.Sprintf("golden: config %q is %v, not a list", key, c[key]))
	}
	var x []float64
	for _, e := range list {
		v, err := number(e)
		if err != nil {
			panic(fmt.Sprintf("golden: config %q: %v", key, err))
		}
		x = append(x, v)
	}
	return x
}

// Close returns an error naming the first element where
// !(|got−want| ≤ abs + rel·|want|). NaN equals NaN, and an infinity itself.
func Close(got, want []float64, rel, abs float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	for i, g := range got {
		w := want[i]
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		if !(math.Abs(g-w) <= abs+rel*math.Abs(w)) || math.IsInf(w, 0) {
			return fmt.Errorf("element %d is %v, want %v", i, g, w)
		}
	}
	return nil
}
