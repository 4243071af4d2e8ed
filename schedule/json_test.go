package schedule

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

var natives = []string{
	"batches", "clamp", "constant", "cosine", "cyclic", "exponential", "inverse_sqrt", "join", "layer", "length", "linear", "max", "min", "multi_step", "noise",
	"offset", "one_cycle", "per_epoch", "per_step", "piecewise", "polynomial", "product", "range_test", "repeat", "restarts", "rex",
	"round", "scale", "step", "sum", "table", "tanh", "tri_stage", "warmup", "wsd",
}

func kindOf(t *testing.T, s Schedule) string {
	t.Helper()
	b, err := Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var head struct{ Kind string }
	if err := json.Unmarshal(b, &head); err != nil {
		t.Fatal(err)
	}
	return head.Kind
}

func TestRoundTrip(t *testing.T) {
	for _, c := range samples {
		text, err := Marshal(c.s)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		s, err := Unmarshal(text)
		if err != nil || s != c.s {
			t.Errorf("%s: %s is read as %+v, %v", c.name, text, s, err)
		}
		again, err := Marshal(s)
		if err != nil || string(again) != string(text) {
			t.Errorf("%s: %s is written again as %s, %v", c.name, text, again, err)
		}
		if kind, _, _ := strings.Cut(c.name, "/"); kindOf(t, c.s) != kind {
			t.Errorf("%s is of kind %s", c.name, kindOf(t, c.s))
		}
	}
}

// The text is a format of files: it does not change.
func TestCanonicalText(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		want string
		hash string // the beginning
	}{
		{
			Warmup{Steps: 100, Then: Cosine{Peak: 3e-3, Floor: 1e-5, Steps: 2000}},
			`{"kind":"warmup","steps":100,"then":{"kind":"cosine","peak":0.003,"floor":0.00001,"steps":2000}}`, "c2487005eff58f70",
		},
		{Constant{}, `{"kind":"constant"}`, "502da397e93b5bbe"},
		{Cosine{Peak: 1, Floor: math.Copysign(0, -1), Steps: 1}, `{"kind":"cosine","peak":1,"steps":1}`, "c8c3d58c33ee8026"},
		{MultiStep{Start: 1, Factor: 0.1, Milestones: ListOf(3, 9)}, `{"kind":"multi_step","start":1,"factor":0.1,"milestones":[3,9]}`, "76d70dcc3fd7adc3"},
		{Noise{Seed: math.MaxUint64, Of: Constant{1e-300}}, `{"kind":"noise","seed":18446744073709551615,"of":{"kind":"constant","value":1e-300}}`, "d83f0056f3f8497d"},
		{WSD{Peak: 1, Stable: 5, Decay: 2, Tail: SqrtTail}, `{"kind":"wsd","peak":1,"stable":5,"decay":2,"tail":"1-sqrt"}`, "79f33295971dd00f"},
		{OneCycle{Peak: 1, Steps: 9, Rise: 3, ThreePhase: true}, `{"kind":"one_cycle","peak":1,"steps":9,"rise":3,"three_phase":true}`, "ce6618d3186ea606"},
		{Cosine{Peak: 1, Steps: 5, K: 2}, `{"kind":"cosine","peak":1,"steps":5,"k":2}`, "7ff4782723b0b252"},
	} {
		text, err := Marshal(c.s)
		if err != nil || string(text) != c.want {
			t.Errorf("%s, %v\nwant %s", text, err, c.want)
		}
		if hash, err := Hash(c.s); err != nil || len(hash) != 64 || hash[:16] != c.hash {
			t.Errorf("%s: hash %s, %v, want %s…", text, hash, err, c.hash)
		}
	}
	// Order and spaces do not count when reading.
	s, err := Unmarshal([]byte(" {\"steps\": 2,\n \"peak\":1e0, \"kind\":\"cosine\", \"floor\": -0.0 } "))
	if err != nil || s != (Cosine{Peak: 1, Steps: 2}) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestUnmarshalErrors(t *testing.T) {
	deep := strings.Repeat(`{"kind":"scale","of":`, 100) + `{"kind":"constant"}` + strings.Repeat("}", 100)
	for _, c := range []struct{ text, want string }{
		{``, "schedule: EOF"},
		{`{`, "schedule: unexpected EOF"},
		{`null`, "schedule: the schedule: is null, want an object with a kind"},
		{`[]`, "schedule: the schedule: is [], want an object with a kind"},
		{`3`, "schedule: the schedule: is 3, want an object with a kind"},
		{`{}`, "schedule: the schedule: has no kind"},
		{`{"peak":1}`, "schedule: the schedule: has no kind"},
		{`{"kind":3}`, "schedule: kind: is 3, want a string"},
		{`{"kind":"cosine","kind":"linear"}`, "schedule: kind: occurs twice"},
		{`{"kind":"cosine","peak":1,"peak":2}`, "schedule: peak: occurs twice"},
		{`{"kind":"cosine","Peak":1}`, "schedule: Peak: cosine has no such field, want one of peak, floor, steps, k"},
		{`{"kind":"cosine","peak":"1"}`, `schedule: peak: is "1", want a number`},
		{`{"kind":"cosine","peak":1e999}`, "schedule: peak: is 1e999, want a number"},
		{`{"kind":"cosine","peak":null}`, "schedule: peak: is null, want a number"},
		{`{"kind":"cosine","steps":1.5}`, "schedule: steps: is 1.5, want a whole number that fits int"},
		{`{"kind":"cosine","steps":9223372036854775808}`, "schedule: steps: is 9223372036854775808, want a whole number that fits int"},
		{`{"kind":"noise","seed":-1,"of":{"kind":"constant"}}`, "schedule: seed: is -1, want a whole number that fits uint64"},
		{`{"kind":"wsd","tail":1}`, "schedule: tail: is 1, want a string"},
		{`{"kind":"one_cycle","three_phase":1}`, "schedule: three_phase: is 1, want true or false"},
		{`{"kind":"multi_step","milestones":3}`, "schedule: milestones: is 3, want an array of whole numbers"},
		{`{"kind":"multi_step","milestones":[1.5]}`, "schedule: milestones: is [1.5], want an array of whole numbers"},
		{`{"kind":"table","values":[null]}`, "schedule: values: is [null], want an array of numbers"},
		{`{"kind":"table","values":["a long text that is cut off"]}`, "schedule: values: is [\"a long text that is cu…, want an array of numbers"},
		{`{"kind":"warmup","steps":1,"then":null}`, "schedule: then: is null, want an object with a kind"},
		{`{"kind":"warmup","then":{"kind":"clamp","of":{"kind":"cosine","peek":1}}}`, "schedule: then.of.peek: cosine has no such field, want one of peak, floor, steps, k"},
		{`{"kind":"warmup","then":{"kind":"join","first":{}}}`, "schedule: then.first: has no kind"},
		{`{"kind":"cosine"} {}`, "schedule: something follows the schedule"},
		{`{"kind":"cosine"} x`, "schedule: something follows the schedule"},
		{`{"kind":"cosine","steps":-1}`, "schedule.Cosine: Steps is -1, want at least 0"},
		{`{"kind":"warmup","then":{"kind":"cosine","floor":1}}`, "schedule.Warmup.Then: schedule.Cosine: Floor is 1, want at most Peak, which is 0"},
		{deep, "schedule: " + strings.Repeat("of.", 99) + "of: is nested too deeply"},
	} {
		s, err := Unmarshal([]byte(c.text))
		if fmt.Sprint(err) != c.want || s != nil {
			t.Errorf("%s:\n\tgot  %v, %v\n\twant %s", c.text, s, err, c.want)
		}
	}
	_, err := Unmarshal([]byte(`{"kind":"join","first":{"kind":"kosine"}}`))
	if err == nil || !strings.HasPrefix(err.Error(), `schedule: first.kind: unknown kind "kosine", want one of `) || !strings.Contains(err.Error(), "cosine, cyclic, ") {
		t.Errorf("%v", err)
	}
}

func TestMarshalErrors(t *testing.T) {
	if _, err := Marshal(nil); fmt.Sprint(err) != "schedule: no schedule" {
		t.Error(err)
	}
	if _, err := Marshal(foreign{}); fmt.Sprint(err) != "schedule: schedule.foreign is of no registered kind" {
		t.Error(err)
	}
	if _, err := Hash(Scale{By: 1, Of: foreign{}}); fmt.Sprint(err) != "schedule: schedule.foreign is of no registered kind" {
		t.Error(err)
	}
	var s Schedule = Constant{1}
	for range 99 {
		s = Scale{By: 1, Of: s}
	}
	text, err := Marshal(s)
	if err != nil {
		t.Error(err)
	}
	if again, err := Unmarshal(text); err != nil || again != s {
		t.Error(err)
	}
	if _, err := Marshal(Scale{By: 1, Of: s}); fmt.Sprint(err) != "schedule: nested too deeply" {
		t.Error(err)
	}
}

// foreign is a user's schedule.
type foreign struct {
	Level float64
	On    bool
	Inner Schedule
}

func (foreign) At(int) float64  { return 0 }
func (foreign) Validate() error { return nil }

type (
	withKind   struct{ Kind string }
	withTwo    struct{ Ab, AB float64 }
	withHidden struct{ a float64 }
	withSlice  struct{ A *float64 }
	notStruct  float64
	good       struct {
		HalfLife float64
		Seed     uint64
		Big      int64
		Inner    Schedule
	}
)

func (withKind) At(int) float64     { return 0 }
func (withKind) Validate() error    { return nil }
func (withTwo) At(int) float64      { return 0 }
func (withTwo) Validate() error     { return nil }
func (w withHidden) At(int) float64 { return w.a }
func (withHidden) Validate() error  { return nil }
func (withSlice) At(int) float64    { return 0 }
func (withSlice) Validate() error   { return nil }
func (notStruct) At(int) float64    { return 0 }
func (notStruct) Validate() error   { return nil }
func (g good) At(step int) float64  { return at(g.Inner, step) }
func (good) Validate() error        { return nil }

func TestRegister(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{Register[foreign](""), "a comparable struct and a name"},
		{Register[notStruct]("number"), "a comparable struct and a name"},
		{Register[foreign]("cosine"), `kind "cosine" is taken by schedule.Cosine`},
		{Register[Cosine]("kosine"), `schedule.Cosine is registered as "cosine"`},
		{Register[withKind]("a"), `field Kind needs a name of its own, "kind" is taken`},
		{Register[withTwo]("a"), `field AB needs a name of its own`},
		{Register[withHidden]("a"), "field a of type float64 cannot be written"},
		{Register[withSlice]("a"), "field A of type *float64 cannot be written"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v, want %s", c.err, c.want)
		}
	}
	if slices.Contains(Kinds(), "a") {
		t.Error("a type that was refused is registered")
	}
	if err := Register[good]("half_life"); err != nil {
		t.Fatal(err)
	}
	s := Warmup{Steps: 3, Then: good{HalfLife: 0.5, Seed: 1, Big: -1 << 62, Inner: Constant{2}}}
	text, err := Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Unmarshal(text); err != nil || got != s {
		t.Errorf("%s: %+v, %v", text, got, err)
	}
	if !strings.Contains(string(text), `{"kind":"half_life","half_life":0.5,"seed":1,"big":-4611686018427387904,"inner":`) {
		t.Errorf("%s", text)
	}
	// A user's Validate may let pass what JSON cannot hold.
	if _, err := Marshal(good{HalfLife: math.NaN()}); err == nil || !strings.Contains(err.Error(), "half_life.half_life") {
		t.Error(err)
	}
	for _, kind := range natives {
		if !slices.Contains(Kinds(), kind) {
			t.Errorf("%s is no kind", kind)
		}
	}
}

func TestJSONField(t *testing.T) {
	type config struct{ LR, Momentum JSON }
	var c config
	if err := json.Unmarshal([]byte(`{"LR":{"kind":"cosine","peak":1,"steps":4},"Momentum":null}`), &c); err != nil {
		t.Fatal(err)
	}
	if c.LR.At(2) != 0.5 || c.Momentum.Schedule != nil {
		t.Errorf("%+v", c)
	}
	text, err := json.Marshal(c)
	if err != nil || string(text) != `{"LR":{"kind":"cosine","peak":1,"steps":4},"Momentum":null}` {
		t.Errorf("%s, %v", text, err)
	}
	before := c.LR
	if err := json.Unmarshal([]byte(`{"LR":{"kind":"cosine","steps":-4}}`), &c); err == nil || c.LR != before {
		t.Errorf("%v, and %+v was written", err, c.LR)
	}
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"Steps": "steps", "ThreePhase": "three_phase", "K": "k", "HTTPRate": "http_rate", "RateHTTP": "rate_http", "A1": "a1",
	} {
		if got := snake(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
