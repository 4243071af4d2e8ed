package optim

import (
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// trial is a small run.
type trial struct {
	opt    *Optimizer
	grads  *descent.Gradients
	params []Param
}

// newTrial makes a run of parameters in bfloat16 or float32, whose initial
// values depend on seed; gradients depend on the name.
func newTrial(t *testing.T, narrow bool, seed int, rule Rule, names []string, groups ...Group) *trial {
	t.Helper()
	sizes := map[string]int{"a": 5000, "b@m": 9, "dir/c": 4096, "empty": 0}
	var params []Param
	for _, name := range names {
		n := sizes[name]
		v, g := make([]float32, n), make([]float32, n)
		for i := range v {
			v[i], g[i] = float32(math.Sin(float64(i+seed))), float32(math.Cos(float64(i*len(name))))
		}
		p := Param{Name: name, Grad: descent.Of(g)}
		shape := []int{n}
		if n == 5000 {
			shape = []int{50, 100}
			p.Grad = descent.Of(g, shape...)
		}
		if p.Value = descent.Of(v, shape...); narrow {
			b := make([]descent.BFloat16, n)
			for i := range b {
				b[i] = descent.NewBFloat16(v[i])
			}
			p.Value = descent.Of(b, shape...)
		}
		params = append(params, p)
	}
	o, err := New(params, rule, groups...)
	must(t, err)
	g, err := descent.GradientsOf(params)
	must(t, err)
	return &trial{o, g, params}
}

func (r *trial) run(t *testing.T, steps int) {
	t.Helper()
	for range steps {
		r.grads.Reset(1 / float64(r.opt.Steps()+1))
		if s, err := r.opt.Step(r.grads, 0.01); err != nil || !s.Applied {
			t.Fatal(s, err)
		}
	}
}

// print is a hash of everything that a checkpoint has.
func (r *trial) print(t *testing.T, more ...descent.View) string {
	t.Helper()
	list, err := Checkpoint{Optimizer: r.opt}.members()
	must(t, err)
	slices.SortFunc(list, func(a, b member) int { return strings.Compare(a.name, b.name) })
	for _, v := range more {
		list = append(list, member{value: v})
	}
	h := fnv.New64a()
	for _, m := range list {
		fmt.Fprint(h, m.name, m.value.Shape())
		h.Write(m.memory())
	}
	params := slices.Clone(r.opt.params)
	slices.SortFunc(params, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	for _, p := range params {
		fmt.Fprint(h, p.name, p.clock)
	}
	return fmt.Sprintf("%d %x", r.opt.step, h.Sum64())
}

// memory is the bytes of a tensor on the host.
func (m member) memory() []byte {
	b := m.value.Buffer()
	n := bytes(b)
	return backend.Slice[byte](backend.Buffer{Ptr: b.Ptr, Len: n}, 0, n)
}

var (
	forth = []string{"a", "b@m", "dir/c", "empty"}
	back  = []string{"empty", "dir/c", "b@m", "a"}
)

func TestCheckpointResumes(t *testing.T) {
	for _, c := range []struct {
		narrow bool
		rule   Rule
		groups []Group
	}{
		{false, AdamW{Decay: 0.1}, nil},
		{false, AdamW{}, []Group{{Match: "*", State: BF16, Seed: 3}}},
		{false, AdamW{}, []Group{{Match: "*", State: FP8}}},
		{true, AdamW{}, []Group{{Match: "*"}}},
		{true, AdamW{}, []Group{{Match: "*", Remainder: true}}},
		{true, SGD{Momentum: 0.9}, []Group{{Match: "a", Remainder: true, State: FP8}, {Match: "*", State: BF16, Rule: AdamW{}}}},
		{false, Prodigy{}, nil},
		{false, ScheduleFreeAdamW{}, []Group{{Match: "*", State: FP8}}},
		{false, AdamW{}, []Group{{Match: "b*", Frozen: true}}},
		{false, Adam{AMSGrad: true}, []Group{{Match: "*", State: BF16}}},
		{true, Adan{}, []Group{{Match: "a", State: FP8}}},
		{false, Lion{}, []Group{{Match: "a", State: FP8}}},
	} {
		path := filepath.Join(t.TempDir(), "run.safetensors")
		whole := newTrial(t, c.narrow, 1, c.rule, forth, c.groups...)
		whole.run(t, 2)
		must(t, Checkpoint{Optimizer: whole.opt}.Save(path, map[string]string{"epoch": "7 \"<é>\""}))
		whole.run(t, 3)

		again := newTrial(t, c.narrow, 99, c.rule, back, c.groups...)
		meta, err := Checkpoint{Optimizer: again.opt}.Load(path)
		must(t, err)
		if len(meta) != 1 || meta["epoch"] != "7 \"<é>\"" {
			t.Errorf("metadata %v", meta)
		}
		again.run(t, 3)
		if got, want := again.print(t), whole.print(t); got != want {
			t.Errorf("%+v: resumed %s, without interruption %s", c, got, want)
		}
	}
}

// Averages are the caller's tensors; copies follow the values.
func TestCheckpointOfExtras(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	start := func(seed int) (*trial, Checkpoint, []descent.BFloat16, []float32) {
		r := newTrial(t, false, seed, AdamW{}, []string{"dir/c"})
		narrow, average := make([]descent.BFloat16, 4096), make([]float32, 4096)
		must(t, r.opt.Attach(Extras{Copies: []descent.View{descent.Of(narrow)}, Averages: []descent.View{descent.Of(average)}}))
		must(t, r.opt.SetAverage(0.9))
		return r, Checkpoint{Optimizer: r.opt, Tensors: map[string]descent.Tensor{"average of c": descent.Of(average)}}, narrow, average
	}
	whole, c, narrow, average := start(1)
	whole.run(t, 2)
	must(t, c.Save(path, nil))
	again, d, copied, mean := start(50)
	meta, err := d.Load(path)
	must(t, err)
	if len(meta) != 0 || !slices.Equal(narrow, copied) || !bitsEqual(average, mean) {
		t.Error("copy or average did not come back")
	}
	whole.run(t, 1)
	again.run(t, 1)
	if whole.print(t, descent.Of(average)) != again.print(t, descent.Of(mean)) {
		t.Error("the runs differ")
	}
}

// The values alone are read by those who have no optimizer, and a state without
// values by one that has them already.
func TestCheckpointParts(t *testing.T) {
	dir := t.TempDir()
	full, state := filepath.Join(dir, "full"), filepath.Join(dir, "state")
	r := newTrial(t, false, 1, AdamW{}, forth)
	r.run(t, 2)
	must(t, Checkpoint{Optimizer: r.opt}.Save(full, nil))
	must(t, Checkpoint{Optimizer: r.opt, StateOnly: true}.Save(state, nil))

	a, b := make([]float32, 5000), make([]float32, 9)
	_, err := Checkpoint{Tensors: map[string]descent.Tensor{"a": descent.Of(a, 50, 100), "b@m": descent.Of(b)}}.Load(full)
	must(t, err)
	value, err := descent.Data[float32](r.params[0].Value.View())
	must(t, err)
	if !bitsEqual(a, value) {
		t.Error("other values")
	}
	for _, path := range []string{full, state} {
		again := newTrial(t, false, 50, AdamW{}, back)
		before := again.params[3].Value.View()
		first, err := descent.Data[float32](before)
		must(t, err)
		was := first[0]
		_, err = Checkpoint{Optimizer: again.opt, StateOnly: true}.Load(path)
		must(t, err)
		if first[0] != was || again.opt.Steps() != 2 {
			t.Errorf("%s: value %v, was %v; step %d", path, first[0], was, again.opt.Steps())
		}
	}
	_, err = Checkpoint{Optimizer: r.opt}.Load(state)
	if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), `lacks tensor "a"`) {
		t.Errorf("values out of a file of state: %v", err)
	}
}

func TestCheckpointSameBytes(t *testing.T) {
	dir := t.TempDir()
	var files [2][]byte
	for i := range files {
		r := newTrial(t, true, 1, AdamW{Decay: 0.1}, [][]string{forth, back}[i], Group{Match: "*", Remainder: true, State: FP8})
		r.run(t, 2)
		path := filepath.Join(dir, fmt.Sprint(i))
		must(t, Checkpoint{Optimizer: r.opt}.Save(path, map[string]string{"x": "1", "y": "2", "z": "3"}))
		var err error
		files[i], err = os.ReadFile(path)
		must(t, err)
	}
	if !slices.Equal(files[0], files[1]) {
		t.Error("one state, two files")
	}
	h := fnv.New64a()
	h.Write(files[0])
	if got, want := fmt.Sprintf("%x", h.Sum64()), "55302d80c06492db"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestCheckpointRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run")
	groups := []Group{{Match: "a", State: FP8}}
	r := newTrial(t, false, 1, AdamW{}, forth, groups...)
	r.run(t, 2)
	must(t, Checkpoint{Optimizer: r.opt}.Save(path, nil))
	later := filepath.Join(dir, "later")
	r.run(t, 1)
	must(t, Checkpoint{Optimizer: r.opt}.Save(later, nil))
	weights := filepath.Join(dir, "weights")
	must(t, Checkpoint{Tensors: map[string]descent.Tensor{"a": descent.Of(make([]float32, 2))}}.Save(weights, nil))
	more := filepath.Join(dir, "more")
	must(t, Checkpoint{Optimizer: r.opt, Tensors: map[string]descent.Tensor{"x": descent.Of([]int32{1})}}.Save(more, nil))

	reshaped := newTrial(t, false, 5, AdamW{}, forth, groups...)
	reshaped.params[0] = Param{Name: "a", Value: descent.Of(make([]float32, 5000), 100, 50), Grad: descent.Of(make([]float32, 5000), 100, 50)}
	var err error
	reshaped.opt, err = New(reshaped.params, AdamW{}, groups...)
	must(t, err)
	for _, c := range []struct {
		name  string
		run   *trial
		paths []string
		is    error
		text  string
	}{
		{"shape", reshaped, []string{path}, descent.ErrShape, `"a" is F32[50 100], want F32[100 50]`},
		{"rule", newTrial(t, false, 5, SGD{}, forth), []string{path}, ErrState, `"a" has that of AdamW, want SGD`},
		{"format", newTrial(t, false, 5, AdamW{}, forth), []string{path}, descent.ErrDType, `"a@m" is F8_E4M3[50 100], want F32[50 100]`},
		{"type of values", newTrial(t, true, 5, AdamW{}, forth, groups...), []string{path}, descent.ErrDType, `"a" is F32[50 100], want BF16[50 100]`},
		{"remainder", newTrial(t, true, 5, AdamW{}, forth, Group{Match: "*", Remainder: true}), []string{path}, ErrState, `"a" is F32[50 100]`},
		{"unknown parameter", newTrial(t, false, 5, AdamW{}, forth[:3], groups...), []string{path}, ErrState, `it has "empty", which is not a parameter here`},
		{"missing parameter", newTrial(t, false, 5, AdamW{}, forth, groups...), []string{weights}, ErrCheckpoint, "no state of an optimizer"},
		{"unknown tensor", newTrial(t, false, 5, AdamW{}, forth, groups...), []string{more}, ErrState, `it has tensor "x", which is not here`},
		{"two steps", newTrial(t, false, 5, AdamW{}, forth, groups...), []string{path, later}, ErrCheckpoint, "it is of step 3, " + path + " of 2"},
		{"twice", newTrial(t, false, 5, AdamW{}, forth, groups...), []string{path, path}, ErrCheckpoint, `"a" has element 0, which another file has`},
		{"missing file", newTrial(t, false, 5, AdamW{}, forth, groups...), []string{path + "s"}, os.ErrNotExist, path + "s"},
		{"no file", newTrial(t, false, 5, AdamW{}, forth, groups...), nil, nil, "no files"},
		{"folder", newTrial(t, false, 5, AdamW{}, forth, groups...), []string{dir}, ErrCheckpoint, dir},
	} {
		before := c.run.print(t)
		_, err := Checkpoint{Optimizer: c.run.opt}.Load(c.paths...)
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.is, c.text)
		}
		if c.run.print(t) != before {
			t.Errorf("%s: something was written", c.name)
		}
	}
	alone := newTrial(t, false, 1, AdamW{}, forth[:1], groups...)
	must(t, Checkpoint{Optimizer: alone.opt}.Save(path, nil))
	if _, err := (Checkpoint{Optimizer: r.opt}).Load(path); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), `lacks parameter "b@m"`) {
		t.Errorf("a missing parameter: %v", err)
	}
}

func TestCheckpointSaveRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	x := []float32{1, 2, 3}
	tensors := func(name string) Checkpoint {
		return Checkpoint{Tensors: map[string]descent.Tensor{name: descent.Of(x)}}
	}
	r := newTrial(t, false, 1, AdamW{}, forth)
	ranged := func(name string, at Range) Checkpoint {
		return Checkpoint{Optimizer: r.opt, Ranges: map[string]Range{name: at}}
	}
	fp8 := newTrial(t, false, 1, AdamW{}, forth, Group{Match: "*", State: FP8})
	infinite := newTrial(t, false, 1, Prodigy{}, forth)
	infinite.opt.params[0].clock.scalars[0] = math.Inf(1)
	for _, c := range []struct {
		name string
		c    Checkpoint
		meta map[string]string
		text string
	}{
		{"reserved name", tensors("__metadata__"), nil, "cannot be the name"},
		{"no UTF-8", tensors("\xff"), nil, "cannot be the name"},
		{"nil tensor", Checkpoint{Tensors: map[string]descent.Tensor{"x": nil}}, nil, "Checkpoint.Tensors of x"},
		{"zero View", Checkpoint{Tensors: map[string]descent.Tensor{"x": descent.View{}}}, nil, "Checkpoint.Tensors of x"},
		{"a parameter's name", Checkpoint{Optimizer: r.opt, Tensors: map[string]descent.Tensor{"a": descent.Of(x)}}, nil, `has "a", which is a parameter`},
		{"reserved key", tensors("x"), map[string]string{"descent.x": ""}, `descent.x`},
		{"text", tensors("x"), map[string]string{"x": "\xff"}, `want UTF-8`},
		{"unknown Range", ranged("x", Range{Of: []int{3}}), nil, `Ranges has "x"`},
		{"short Range", ranged("a", Range{First: 1, Of: []int{5000}}), nil, "5000 elements from 1 on of shape [5000]"},
		{"negative Range", ranged("a", Range{First: -1, Of: []int{9000}}), nil, "from -1 on"},
		{"overflow", ranged("a", Range{First: math.MaxInt - 2, Of: []int{math.MaxInt}}), nil, "shape"},
		{"no shape", ranged("a", Range{Of: []int{math.MaxInt, 3}}), nil, "shape"},
		{"blocks", Checkpoint{Optimizer: fp8.opt, Ranges: map[string]Range{"a": {First: 128, Of: []int{9000}}}}, nil, "multiples of 256"},
		{"end of blocks", Checkpoint{Optimizer: fp8.opt, Ranges: map[string]Range{"a": {First: 256, Of: []int{9000}}}}, nil, "256 to 5256 of 9000"},
		{"scalar", Checkpoint{Optimizer: infinite.opt}, nil, "state of the optimizer"},
	} {
		err := c.c.Save(path, c.meta)
		if err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.text)
		}
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 0 {
		t.Errorf("left: %v", files)
	}
	must(t, tensors("x").Save(path, nil))
	for _, bad := range []string{filepath.Join(path, "below"), filepath.Join(path+"s", "x"), filepath.Dir(path)} {
		if err := tensors("x").Save(bad, nil); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("left: %v", files)
	}
	shared := Checkpoint{Tensors: map[string]descent.Tensor{"x": descent.Of(x), "y": descent.Of(x)}}
	must(t, shared.Save(path, nil))
	if _, err := shared.Load(path); !errors.Is(err, descent.ErrOverlap) {
		t.Errorf("two tensors in one memory: %v", err)
	}
}

// Every file that differs from a saved one is refused, and nothing is written.
func TestCheckpointDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	names := []string{"b@m", "empty"}
	r := newTrial(t, false, 1, AdamW{}, names)
	r.run(t, 1)
	must(t, Checkpoint{Optimizer: r.opt}.Save(path, map[string]string{"epoch": "3"}))
	good, err := os.ReadFile(path)
	must(t, err)
	again := newTrial(t, false, 8, AdamW{}, names)
	before := again.print(t)
	load := func(b []byte) error {
		must(t, os.WriteFile(path, b, 0o666))
		_, err := Checkpoint{Optimizer: again.opt}.Load(path)
		return err
	}
	refused := func(what string, at int, b []byte) {
		t.Helper()
		if err := load(b); !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), path) {
			t.Fatalf("%s %d: %v", what, at, err)
		}
		if again.print(t) != before {
			t.Fatalf("%s %d: something was written", what, at)
		}
	}
	for n := range good {
		refused("cut at", n, good[:n])
	}
	refused("longer by", 1, append(slices.Clone(good), 0))
	for _, by := range []byte{0x01, 0x20, 0x80, 0xff} {
		for i := range good {
			b := slices.Clone(good)
			b[i] ^= by
			refused(fmt.Sprintf("changed by %#x at", by), i, b)
		}
	}
	must(t, load(good))
	if again.print(t) != r.print(t) {
		t.Error("the good file was not read")
	}
}

// Parts come together again, and other parts come out of them.
func TestCheckpointRanges(t *testing.T) {
	for _, c := range []struct {
		name   string
		narrow bool
		group  Group
		rule   Rule
	}{
		{"full", false, Group{Match: "*"}, AdamW{}},
		{"bf16", false, Group{Match: "*", State: BF16}, AdamW{}},
		{"fp8", false, Group{Match: "*", State: FP8}, AdamW{}},
		{"remainder", true, Group{Match: "*", Remainder: true, State: FP8}, SGD{Momentum: 0.9}},
	} {
		dir := t.TempDir()
		const n = 20000
		part := func(whole *trial, lo, hi int) (*trial, Checkpoint) {
			var p []Param
			if c.narrow {
				v, g := make([]descent.BFloat16, hi-lo), make([]float32, hi-lo)
				p = []Param{{Name: "w", Value: descent.Of(v), Grad: descent.Of(g)}}
			} else {
				v, g := make([]float32, hi-lo), make([]float32, hi-lo)
				p = []Param{{Name: "w", Value: descent.Of(v), Grad: descent.Of(g)}}
			}
			o, err := New(p, c.rule, c.group)
			must(t, err)
			return &trial{opt: o, params: p}, Checkpoint{Optimizer: o, Ranges: map[string]Range{"w": {lo, []int{100, 200}}}}
		}
		build := func() *trial {
			p := []Param{{Name: "w", Grad: descent.Of(make([]float32, n), 100, 200)}}
			if p[0].Value = descent.Of(make([]float32, n), 100, 200); c.narrow {
				p[0].Value = descent.Of(make([]descent.BFloat16, n), 100, 200)
			}
			o, err := New(p, c.rule, c.group)
			must(t, err)
			g, err := descent.GradientsOf(p)
			must(t, err)
			x, err := descent.Data[float32](p[0].Grad.View())
			must(t, err)
			for i := range x {
				x[i] = float32(math.Sin(float64(i)))
			}
			return &trial{o, g, p}
		}
		whole := build()
		whole.run(t, 2)
		file := filepath.Join(dir, "whole")
		must(t, Checkpoint{Optimizer: whole.opt}.Save(file, map[string]string{"epoch": "1"}))

		var parts []string
		for i, cut := range [][2]int{{12288, n}, {0, 4096}, {4096, 12288}} { // a whole file's parts
			p, c := part(whole, cut[0], cut[1])
			_, err := c.Load(file)
			must(t, err)
			parts = append(parts, filepath.Join(dir, fmt.Sprint("part", i)))
			must(t, c.Save(parts[i], map[string]string{"epoch": "1", fmt.Sprint("rank", i): "x"}))
			if p.opt.Steps() != 2 {
				t.Errorf("%s: step %d", c.Optimizer.params[0].name, p.opt.Steps())
			}
		}
		again := build()
		meta, err := Checkpoint{Optimizer: again.opt}.Load(parts...)
		must(t, err)
		if len(meta) != 4 {
			t.Errorf("%s: metadata %v", c.name, meta)
		}
		if again.print(t) != whole.print(t) {
			t.Errorf("%s: the parts are not the whole", c.name)
		}
		p, d := part(whole, 2560, 15360) // across all three
		_, err = d.Load(parts...)
		must(t, err)
		q, e := part(whole, 2560, 15360)
		_, err = e.Load(file)
		must(t, err)
		if p.print(t) != q.print(t) {
			t.Errorf("%s: a part of the parts is not that of the whole", c.name)
		}

		fresh := build()
		before := fresh.print(t)
		for _, bad := range []struct {
			paths []string
			text  string
		}{
			{parts[:2], `has no element 4096`},
			{parts[1:], `has no element 12288`},
			{[]string{parts[0], parts[2]}, `has no element 0`},
			{append([]string{file}, parts[1]), "which another file has"},
		} {
			_, err := Checkpoint{Optimizer: fresh.opt}.Load(bad.paths...)
			if err == nil || !strings.Contains(err.Error(), bad.text) || fresh.print(t) != before {
				t.Errorf("%s: %v, want an error with %q", c.name, err, bad.text)
			}
		}
		must(t, Checkpoint{Optimizer: whole.opt}.Save(file, map[string]string{"epoch": "2"}))
		if _, err := d.Load(parts[0], file); !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), `metadata "epoch" is "2", "1" in a file before it`) {
			t.Errorf("%s: two epochs: %v", c.name, err)
		}
	}
}

// One optimizer has a part of what the files hold, and the files must be of one
// moment.
func TestCheckpointOfMany(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "whole")
	whole := newTrial(t, false, 1, AdamW{}, forth)
	whole.run(t, 2)
	must(t, Checkpoint{Optimizer: whole.opt}.Save(path, nil))
	value, err := descent.Data[float32](whole.params[0].Value.View())
	must(t, err)

	x := make([]float32, 100)
	o, err := New([]Param{{Name: "a", Value: descent.Of(x)}}, AdamW{})
	must(t, err)
	c := Checkpoint{Optimizer: o, Ranges: map[string]Range{"a": {4900, []int{50, 100}}}}
	_, err = c.Load(path)
	must(t, err)
	if !bitsEqual(x, value[4900:]) || o.Steps() != 2 {
		t.Error("not the last 100 elements")
	}
	c.Ranges["a"] = Range{4900, []int{100, 50}}
	if _, err = c.Load(path); !errors.Is(err, descent.ErrShape) || !strings.Contains(err.Error(), `"a" is F32[50 100], want F32[100 50]`) {
		t.Errorf("a part of another shape: %v", err)
	}

	halves := []string{filepath.Join(dir, "0"), filepath.Join(dir, "1")}
	for i, path := range halves {
		part, err := New([]Param{{Name: "w", Value: descent.Of(x[:50])}}, AdamW{})
		must(t, err)
		part.params[0].clock.t = int64(i)
		must(t, Checkpoint{Optimizer: part, Ranges: map[string]Range{"w": {50 * i, []int{100}}}}.Save(path, nil))
	}
	o, err = New([]Param{{Name: "w", Value: descent.Of(x)}}, AdamW{})
	must(t, err)
	_, err = Checkpoint{Optimizer: o}.Load(halves...)
	if !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), `"w" has AdamW, step 1, scalars [], in a file before it AdamW, 0, []`) {
		t.Errorf("halves of two moments: %v", err)
	}
}

// Metadata is that of the header, in files of others as well.
func TestMetadata(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	r := newTrial(t, false, 1, AdamW{}, forth)
	must(t, Checkpoint{Optimizer: r.opt}.Save(path, map[string]string{"epoch": "3", "": "x"}))
	meta, err := Metadata(path)
	if err != nil || len(meta) != 2 || meta["epoch"] != "3" || meta[""] != "x" {
		t.Error(meta, err)
	}
	must(t, os.WriteFile(path, foreign, 0o666))
	if meta, err = Metadata(path); err != nil || len(meta) != 1 || meta["format"] != "np" {
		t.Error(meta, err)
	}
	if _, err = Metadata(path + "s"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	must(t, os.WriteFile(path, foreign[:100], 0o666))
	if _, err = Metadata(path); !errors.Is(err, ErrCheckpoint) {
		t.Error(err)
	}
}

// vault is a device whose memory has every bit inverted: only transfers see what
// is in it.
type vault struct {
	backend.Backend     // the host's
	most            int // bytes of a transfer
	failing         error
}

type vaultDevice struct{ *vault }

func (d *vault) String() string                { return "vault" }
func (d vaultDevice) Backend() backend.Backend { return d.vault }

func (d *vault) Upload(dst, src backend.Buffer) error   { return d.transfer(dst, src) }
func (d *vault) Download(dst, src backend.Buffer) error { return d.transfer(dst, src) }

func (d *vault) transfer(dst, src backend.Buffer) error {
	if d.failing != nil {
		return d.failing
	}
	if dst.Len != src.Len || dst.Type != src.Type {
		return fmt.Errorf("%d %v from %d %v", dst.Len, dst.Type, src.Len, src.Type)
	}
	n := bytes(dst)
	d.most = max(d.most, n)
	to, from := unsafe.Slice((*byte)(dst.Ptr), n), unsafe.Slice((*byte)(src.Ptr), n)
	for i := range to {
		to[i] = ^from[i]
	}
	return nil
}

// vaulted are tensors of every type on a device, of lengths around that of a
// chunk, and what they hold.
func vaulted(t *testing.T, dev descent.Device, seed int) (map[string]descent.Tensor, []byte) {
	t.Helper()
	tensors, all := map[string]descent.Tensor{}, []byte{}
	for typ := descent.F32; typ <= descent.I64; typ++ {
		for _, n := range []int{0, 1, 77, chunk/typ.Size() - 1, chunk / typ.Size(), chunk/typ.Size() + 1, 2*chunk/typ.Size() + 5} {
			host, err := descent.Host.Backend().Alloc(typ, n)
			must(t, err)
			b := unsafe.Slice((*byte)(host.Ptr), bytes(host))
			for i := range b {
				b[i] = byte(seed + 7*i + i>>8 + n)
			}
			own, err := dev.Backend().Alloc(typ, n)
			must(t, err)
			must(t, dev.Backend().Upload(own, host))
			tensors[fmt.Sprint(typ, n)] = descent.NewView(dev, own, n)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		all = append(all, downloaded(t, tensors[name].View())...)
	}
	return tensors, all
}

func downloaded(t *testing.T, v descent.View) []byte {
	t.Helper()
	host, err := descent.Host.Backend().Alloc(v.DType(), v.Len())
	must(t, err)
	must(t, v.Device().Backend().Download(host, v.Buffer()))
	return unsafe.Slice((*byte)(host.Ptr), bytes(host))
}

// The file is the host's, and comes back wherever the tensors are.
func TestCheckpointOnDevice(t *testing.T) {
	d := &vault{Backend: descent.Host.Backend()}
	dir := t.TempDir()
	path, same := filepath.Join(dir, "device"), filepath.Join(dir, "host")
	there, want := vaulted(t, vaultDevice{d}, 1)
	here, _ := vaulted(t, descent.Host, 1)
	must(t, Checkpoint{Tensors: there}.Save(path, nil))
	must(t, Checkpoint{Tensors: here}.Save(same, nil))
	file, err := os.ReadFile(path)
	must(t, err)
	if host, err := os.ReadFile(same); err != nil || !slices.Equal(file, host) {
		t.Errorf("the files differ, %v", err)
	}
	for _, dev := range []descent.Device{vaultDevice{d}, descent.Host} {
		to, before := vaulted(t, dev, 2)
		if slices.Equal(before, want) {
			t.Fatal("the same tensors")
		}
		_, err := Checkpoint{Tensors: to}.Load(path)
		must(t, err)
		var got []byte
		for _, name := range slices.Sorted(maps.Keys(to)) {
			got = append(got, downloaded(t, to[name].View())...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("tensors on %v are not those that were saved", dev)
		}
	}

	// Half of a tensor on the device, from the file of a whole one on the host.
	whole, part := make([]float32, 200_000), 70_001
	for i := range whole {
		whole[i] = float32(i)
	}
	must(t, Checkpoint{Tensors: map[string]descent.Tensor{"x": descent.Of(whole)}}.Save(path, nil))
	buf, err := d.Alloc(descent.F32, part)
	must(t, err)
	v := descent.NewView(vaultDevice{d}, buf, part)
	ranges := map[string]Range{"x": {First: 99_999, Of: []int{200_000}}}
	_, err = Checkpoint{Tensors: map[string]descent.Tensor{"x": v}, Ranges: ranges}.Load(path)
	must(t, err)
	got := downloaded(t, v)
	for i, x := range unsafe.Slice((*float32)(unsafe.Pointer(&got[0])), part) {
		if x != whole[99_999+i] {
			t.Fatalf("element %d is %v, want %v", i, x, whole[99_999+i])
		}
	}
}

// No transfer is larger than a chunk, and an error of the device leaves the old
// file alone.
func TestCheckpointOfFailingDevice(t *testing.T) {
	d := &vault{Backend: descent.Host.Backend()}
	dir := t.TempDir()
	path := filepath.Join(dir, "run")
	const n = 3*chunk/4 + 1
	buf, err := d.Alloc(descent.F32, n)
	must(t, err)
	c := Checkpoint{Tensors: map[string]descent.Tensor{"w": descent.NewView(vaultDevice{d}, buf, n)}}
	must(t, c.Save(path, nil))
	_, err = c.Load(path)
	must(t, err)
	if d.most != chunk {
		t.Errorf("a transfer of %d bytes, want %d", d.most, chunk)
	}
	old, err := os.ReadFile(path)
	must(t, err)
	d.failing = errors.New("lost")
	if err := c.Save(path, map[string]string{"epoch": "2"}); !errors.Is(err, d.failing) || !strings.Contains(err.Error(), path+": w: lost") {
		t.Error(err)
	}
	if _, err := c.Load(path); !errors.Is(err, d.failing) {
		t.Error(err)
	}
	files, err := os.ReadDir(dir)
	must(t, err)
	if now, err := os.ReadFile(path); err != nil || !slices.Equal(now, old) || len(files) != 1 {
		t.Errorf("%v: the file has changed, or is one of %v", err, files)
	}
}

// Neither way needs memory that grows with the tensors.
func TestCheckpointMemory(t *testing.T) {
	const n = 1 << 22 // 48 MiB in the file
	x := make([]float32, n)
	o, err := New([]Param{{Name: "w", Value: descent.Of(x), Grad: descent.Of(make([]float32, n))}}, AdamW{})
	must(t, err)
	path := filepath.Join(t.TempDir(), "run")
	allocated := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	c := Checkpoint{Optimizer: o}
	// A chunk for the file's buffer, one for the elements, the rest for the header.
	if b := allocated(func() { must(t, c.Save(path, nil)) }); b > 2*chunk+1<<17 {
		t.Errorf("Save allocates %d bytes", b)
	}
	if b := allocated(func() { _, err = c.Load(path) }); err != nil || b > chunk+1<<17 {
		t.Errorf("Load allocates %d bytes, %v", b, err)
	}
}

func BenchmarkCheckpoint(b *testing.B) {
	const n = 1 << 22
	o, err := New([]Param{{Name: "w", Value: descent.Of(make([]float32, n))}}, AdamW{})
	if err != nil {
		b.Fatal(err)
	}
	c, path := Checkpoint{Optimizer: o}, filepath.Join(b.TempDir(), "run")
	for _, way := range []struct {
		name string
		do   func() error
	}{
		{"Save", func() error { return c.Save(path, nil) }},
		{"Load", func() error { _, err := c.Load(path); return err }},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.SetBytes(3 * 4 * n)
			b.ReportAllocs()
			for b.Loop() {
				if err := way.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
