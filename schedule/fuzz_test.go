package schedule

import (
	"encoding/binary"
	"math"
	"reflect"
	"testing"
)

// source turns a fuzzer's bytes into fields; zeros follow the end.
type source struct{ b []byte }

func (s *source) byte() byte {
	if len(s.b) == 0 {
		return 0
	}
	v := s.b[0]
	s.b = s.b[1:]
	return v
}

func (s *source) word() uint64 {
	var b [8]byte
	s.b = s.b[copy(b[:], s.b):]
	return binary.LittleEndian.Uint64(b[:])
}

func (s *source) float() float64 {
	switch v := s.byte(); {
	case v < 64:
		return float64(v) / 16
	case v < 128:
		return -float64(v-64) / 16
	case v < 200:
		return math.Float64frombits(s.word())
	case v < 210:
		return math.MaxFloat64
	case v < 220:
		return math.SmallestNonzeroFloat64
	}
	return float64(s.byte()) * 1e-3
}

func (s *source) int() int {
	switch v := s.byte(); {
	case v < 160:
		return int(v)
	case v < 200:
		return int(s.word())
	case v < 210:
		return math.MaxInt - int(s.byte())
	case v < 220:
		return math.MinInt + int(s.byte())
	}
	return -int(s.byte())
}

var words = []string{"", "cosine", "1-sqrt", "exponential", "log", "halving", "decaying", "linear", "?"}

// schedule is of any kind, with any fields.
func (s *source) schedule(depth int) Schedule {
	if depth == 0 {
		return Constant{s.float()}
	}
	t := registry.types[natives[int(s.byte())%len(natives)]]
	v := reflect.New(t).Elem()
	for i := range t.NumField() {
		switch f := v.Field(i); {
		case f.Type() == scheduleType:
			f.Set(reflect.ValueOf(s.schedule(depth - 1)))
		case f.Type() == intsType:
			x := make([]int, s.byte()%4)
			for j := range x {
				x[j] = s.int()
			}
			f.Set(reflect.ValueOf(ListOf(x...)))
		case f.Type() == floatsType:
			x := make([]float64, s.byte()%4)
			for j := range x {
				x[j] = s.float()
			}
			f.Set(reflect.ValueOf(ListOf(x...)))
		case f.Kind() == reflect.Float64:
			f.SetFloat(s.float())
		case f.Kind() == reflect.Int:
			f.SetInt(int64(s.int()))
		case f.Kind() == reflect.Uint64:
			f.SetUint(s.word())
		case f.Kind() == reflect.Bool:
			f.SetBool(s.byte()&1 == 1)
		case f.Kind() == reflect.String:
			f.SetString(words[int(s.byte())%len(words)])
		}
	}
	return v.Interface().(Schedule)
}

// At returns for every schedule and step, and from valid fields a finite number;
// what is valid can be written, and is read as itself.
func FuzzAt(f *testing.F) {
	r := uint64(1)
	for i := range 256 {
		b := make([]byte, 64)
		for j := range b {
			r = r*6364136223846793005 + 1442695040888963407
			b[j] = byte(r >> 56)
		}
		b[0] = byte(i)
		f.Add(b, int64(r))
	}
	for kind := range natives {
		f.Add([]byte{byte(kind), 32, 16, 40, 10, 20, 1, 1}, int64(7))
	}
	f.Fuzz(func(t *testing.T, b []byte, step int64) {
		src := source{b}
		s := src.schedule(3)
		valid := s.Validate() == nil
		for _, n := range []int{int(step), int(step % 300), 0, -1, math.MaxInt, math.MinInt} {
			if v := s.At(n); valid && (math.IsNaN(v) || math.IsInf(v, 0)) {
				t.Errorf("%+v is %v at step %d", s, v, n)
			}
		}
		text, err := Marshal(s)
		if (err == nil) != valid {
			t.Fatalf("%+v: valid %v, written with %v", s, valid, err)
		}
		if !valid {
			return
		}
		if again, err := Unmarshal(text); err != nil || again != s {
			t.Errorf("%s is read as %+v, %v", text, again, err)
		}
	})
}

// What is read is valid, and its text is that of everything equal to it.
func FuzzJSON(f *testing.F) {
	for _, c := range samples {
		text, err := Marshal(c.s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"kind":"warmup","then":{"kind":"cosine","peek":1}}`))
	f.Add([]byte(`{"kind":"table","values":[1,null,-0]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Unmarshal(data)
		if err != nil {
			if s != nil {
				t.Errorf("%v, and %v", s, err)
			}
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		text, err := Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Unmarshal(text)
		if err != nil || again != s {
			t.Fatalf("%s is read as %+v, %v", text, again, err)
		}
		if twice, err := Marshal(again); err != nil || string(twice) != string(text) {
			t.Errorf("%s and %s, %v", text, twice, err)
		}
	})
}
