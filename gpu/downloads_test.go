package gpu

import (
	"testing"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/precision"
	"github.com/descent-ml/descent/regularize"
)

type plainMemory = memory

// idle is an engine whose kernels are found and do nothing.
type idle struct {
	*plainMemory
	mapped  [landingSize / 8]uint64
	names   []string
	started map[string]int
	taken   int // bytes
}

func (e *idle) landing() unsafe.Pointer     { return unsafe.Pointer(&e.mapped[0]) }
func (e *idle) load(string) (module, error) { return module(unsafe.Pointer(e)), nil }

func (e *idle) function(_ module, name string, _ int) (function, error) {
	e.names = append(e.names, name)
	return function(unsafe.Pointer(&e.names[len(e.names)-1])), nil
}

func (e *idle) launch(f function, _, _, _ int, _ unsafe.Pointer, _ int) error {
	e.started[*(*string)(unsafe.Pointer(f))]++
	return nil
}

func (e *idle) read(dst, src unsafe.Pointer, n int) error {
	e.taken += n
	return e.plainMemory.read(dst, src, n)
}

// TestNoDownloads wants what has kernels to be one launch for a set of tensors,
// of which the host reads no more than sums.
func TestNoDownloads(t *testing.T) {
	e := &idle{plainMemory: &memory{map[unsafe.Pointer][]uint64{}}, started: map[string]int{}}
	dev := newDevice(Info{Name: "idle", Processors: 4}, e)
	t.Cleanup(func() { dev.Close() })
	var params []descent.Param
	for _, n := range []int{700, 33_000, 5} {
		var p descent.Param
		for _, to := range []*descent.Tensor{&p.Value, &p.Grad} {
			v, err := dev.Alloc(descent.F32, 3, n)
			if err != nil {
				t.Fatal(err)
			}
			*to = v
		}
		params = append(params, p)
	}
	for i, name := range []string{"a", "b", "c"} {
		params[i].Name = name
	}
	grads, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	items := (3*700+backend.Item-1)/backend.Item + (3*33_000+backend.Item-1)/backend.Item + 1
	v, g := params[1].Value.View(), params[1].Grad.View()
	update := func(r optim.Rule) func() error {
		return func() error {
			o, err := optim.New(params, r)
			if err != nil {
				return err
			}
			e.taken = 0
			return o.Update(grads, 0.1)
		}
	}
	for _, c := range []struct {
		name    string
		do      func() error
		kernels map[string]int
		read    int
	}{
		{"AGC", func() error { return clip.AGC{}.Apply(grads, params) }, map[string]int{"clip_units": 1}, 0},
		{"MaxNorm", func() error {
			_, err := regularize.MaxNorm{Max: 1}.Apply(v)
			return err
		}, map[string]int{"clip_units": 1, "clip_units_land": 1}, 0},
		{"LAMB", update(optim.LAMB{}), map[string]int{"measure_lamb": 1, "lamb32": 1}, 16 * items},
		{"LARS", update(optim.LARS{}), map[string]int{"measure_lars": 1, "momentum32": 1}, 16 * items},
		{"Prodigy", update(optim.Prodigy{}), map[string]int{"measure_prodigy": 1, "prodigy32": 1}, 16 * items},
		{"Adafactor", update(optim.Adafactor{MinDim: 10}), map[string]int{"measure_adafactor": 1, "adafactor32": 1}, 16 * items},
		{"fake quantization", func() error {
			q := precision.FakeQuant{}
			if err := q.Forward(v, v, -1, 1); err != nil {
				return err
			}
			return q.Backward(g, g, v, -1, 1)
		}, map[string]int{"to_grid": 1, "grid_gradient": 1}, 0},
		{"LSQ", func() error {
			_, err := precision.LSQ{}.Backward(g, g, v, descent.Of([]float32{1}))
			return err
		}, map[string]int{"grid_gradient": 1}, 8 * 4},
		{"Percentile", func() error {
			o, err := precision.Percentile{}.New()
			if err != nil {
				return err
			}
			e.mapped[0], e.mapped[1] = 0, 0x80800000_80800000 // from −1e-38 to 1e-38
			return o.Observe(v)
		}, map[string]int{"range": 1, "range_land": 1, "histogram": 1, "histogram_land": 1}, 0},
	} {
		clear(e.started)
		e.taken = 0
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for k, n := range c.kernels {
			if e.started[k] != n {
				t.Errorf("%s: %d launches of %s, want %d", c.name, e.started[k], k, n)
			}
			delete(e.started, k)
		}
		for k, n := range e.started {
			t.Errorf("%s: %d launches of %s", c.name, n, k)
		}
		if e.taken != c.read {
			t.Errorf("%s: the host read %d bytes, want %d", c.name, e.taken, c.read)
		}
	}
}
