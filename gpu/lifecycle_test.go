package gpu

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/accum"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/precision"
	"github.com/descent-ml/descent/regularize"
)

// everywhere runs a test with n simulated devices, and with n of CUDA's where
// there are so many.
func everywhere(t *testing.T, n int, do func(t *testing.T, devs []*Device)) {
	t.Helper()
	t.Run("simulated", func(t *testing.T) {
		var devs []*Device
		for i := range n {
			d, p := probed(t, i)
			p.room = 64 << 20
			devs = append(devs, d)
		}
		do(t, devs)
	})
	t.Run("CUDA", func(t *testing.T) {
		var devs []*Device
		for i := range n {
			d, err := Open(i)
			if errors.Is(err, ErrUnavailable) {
				t.Skip(err)
			}
			must(t, err)
			t.Cleanup(func() { must(t, d.Close()) })
			devs = append(devs, d)
		}
		do(t, devs)
	})
}

// use is a call that needs a device. A use of a second one is an error, unless it is the
// same.
type use struct {
	name string
	do   func() error
}

// primitives are calls with tensors of d and, where there are more, of e. They
// can be made again.
func primitives(t *testing.T, d, e *Device) []use {
	t.Helper()
	const rows, classes = 3, 5
	on := func(d *Device) descent.View { return put(t, d, slices.Repeat([]float32{1, -2, 0.5}, classes)...) }
	matrix := func(d *Device) descent.View { return descent.NewView(d, on(d).Buffer(), rows, classes) }
	a, b, c, f := on(d), on(e), matrix(d), matrix(e)
	targets, narrow := put(t, d, int32(0), 4, 2), put(t, e, slices.Repeat([]descent.BFloat16{0}, rows*classes)...)
	params := []descent.Param{{Name: "p", Value: a, Grad: b}}
	var grads *descent.Gradients
	var opt *optim.Optimizer
	var sums *accum.Accumulator
	return []use{
		{"NewGradients", func() (err error) {
			_, err = descent.NewGradients([]descent.View{a, b})
			if err == nil && grads == nil {
				grads, err = descent.NewGradients([]descent.View{b})
			}
			if err == nil {
				grads.Reset(2)
				_, err = grads.Norm()
			}
			return err
		}},
		{"Gradients.Apply", func() (err error) {
			if grads, err = descent.NewGradients([]descent.View{a, b}); err == nil {
				err = errors.Join(grads.Scale(2), grads.Apply())
			}
			return err
		}},
		{"clip.GlobalNorm", func() error {
			g, err := descent.NewGradients([]descent.View{a, b})
			if err == nil {
				err = clip.GlobalNorm{Max: 1}.Apply(g)
			}
			return err
		}},
		{"accum", func() (err error) {
			if sums == nil {
				sums, err = accum.New([]descent.Param{{Name: "a", Value: a, Grad: a}, {Name: "b", Value: b, Grad: b}})
			}
			if err == nil {
				err = sums.Add(1)
			}
			return err
		}},
		{"optim", func() (err error) {
			if opt == nil {
				opt, err = optim.New(params, optim.AdamW{})
			}
			g, also := descent.NewGradients([]descent.View{b})
			if err = errors.Join(err, also); err == nil {
				_, err = opt.Step(g, 0.01)
			}
			return err
		}},
		{"optim.New", func() error {
			_, err := optim.New(params, optim.Lion{})
			return err
		}},
		{"loss.CrossEntropy", func() error {
			_, err := loss.CrossEntropy{}.Eval(f, c, targets)
			return err
		}},
		{"loss.MSE", func() error {
			_, err := loss.MSE{}.Eval(descent.View{}, c, f)
			return err
		}},
		{"precision.Cast", func() error { return precision.Cast{}.Apply(narrow, a, 1) }},
		{"precision.Cast.ApplyAmax", func() error {
			_, err := precision.Cast{}.ApplyAmax(narrow, a, 1)
			return err
		}},
		{"regularize.Dropout", func() error { return regularize.Dropout{P: 0.5}.Apply(b, a, 1) }},
	}
}

// methods are calls of a device itself.
func methods(t *testing.T, d *Device) []use {
	t.Helper()
	v, err := d.Upload(descent.Of([]float32{1, 2, 3}))
	must(t, err)
	w, err := d.Alloc(descent.F32, 3)
	must(t, err)
	host := descent.Of(make([]float32, 3))
	return []use{
		{"Alloc", func() error {
			_, err := d.Alloc(descent.F32, 4)
			return err
		}},
		{"Upload", func() error {
			_, err := d.Upload(host)
			return err
		}},
		{"Write", func() error { return v.Write(host) }},
		{"Read", func() error { return v.Read(host) }},
		{"Copy", func() error { return descent.Copy(w, v) }},
		{"Synchronize", d.Synchronize},
		{"Memory", func() error {
			_, _, err := d.Memory()
			return err
		}},
	}
}

func TestLostDevice(t *testing.T) {
	d, p := probed(t, 5)
	calls := append(methods(t, d), primitives(t, d, d)...)
	calls = append(calls, use{"Health", func() error {
		_, err := d.Health()
		return err
	}})
	for _, c := range calls {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	v, err := d.Alloc(descent.F32, 3)
	must(t, err)
	p.lose()
	for range 2 { // it stays lost
		for _, c := range calls {
			t.Run(c.name, func(t *testing.T) { wants(t, c.do(), errLost, "gpu: cuda:5: ") })
		}
	}
	wants(t, v.Free(), errLost, "gpu: cuda:5: free")
	must(t, v.Free())
	wants(t, d.Close(), errLost, "gpu: cuda:5: close")
	must(t, d.Close())
}

// TestHalfMade: memory that was allocated and cannot be filled is given back.
func TestHalfMade(t *testing.T) {
	d, p := probed(t, 5)
	g, err := descent.NewGradients([]descent.View{put[float32](t, d, 1, 2)})
	must(t, err)
	owned := len(d.owned)
	for _, c := range []use{
		{"a tensor", func() error {
			_, err := d.Upload(descent.Of([]float32{1, 2}))
			return err
		}},
		{"the tables of a set", func() error {
			_, err := g.Norm()
			return err
		}},
	} {
		p.forget()
		p.failing = 2 // the write after the allocation
		wants(t, c.do(), errLost, "upload")
		if p.failing = 0; len(d.owned) != owned {
			t.Errorf("%s: %d allocations, before %d", c.name, len(d.owned), owned)
		}
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		owned = len(d.owned)
	}
}

// TestUseAfterClose: every call is an error that says so, Free is none.
func TestUseAfterClose(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, devs []*Device) {
		d := devs[0]
		calls := append(methods(t, d), primitives(t, d, d)...)
		calls = append(calls, use{"Health", func() error {
			_, err := d.Health()
			return err
		}})
		for _, c := range calls[:len(calls)-1] {
			if err := c.do(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		v, err := d.Alloc(descent.F32, 3)
		must(t, err)
		must(t, d.Close())
		for _, c := range calls {
			t.Run(c.name, func(t *testing.T) { wants(t, c.do(), ErrClosed, "gpu: cuda:0: ") })
		}
		must(t, v.Free())
		must(t, d.Close())
	})
}

// TestTwoDevices: a tensor of one given to a primitive with one of the other is
// an error that names both, and nothing is written.
func TestTwoDevices(t *testing.T) {
	everywhere(t, 2, func(t *testing.T, devs []*Device) {
		a, b := devs[0], devs[1]
		for _, c := range primitives(t, a, a) {
			if err := c.do(); err != nil {
				t.Errorf("%s of one device: %v", c.name, err)
			}
		}
		for _, c := range primitives(t, a, b) {
			t.Run(c.name, func(t *testing.T) {
				err := c.do()
				wants(t, err, descent.ErrDevice, a.String())
				wants(t, err, descent.ErrDevice, b.String())
			})
		}
		x, y := put[float32](t, a, 1, 2, 3), put[float32](t, b, 4, 5, 6)
		must(t, descent.Copy(y, x)) // by way of the host
		got := make([]float32, 3)
		must(t, descent.Copy(descent.Of(got), y))
		if !slices.Equal(got, []float32{1, 2, 3}) {
			t.Errorf("copied %v", got)
		}
	})
}

// TestOutOfMemory: what does not fit is an error that says how much was asked
// for; the device is as before, and can be filled.
func TestOutOfMemory(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, devs []*Device) {
		d := devs[0]
		x := []float32{1, 2, 3}
		v, err := d.Upload(descent.Of(x))
		must(t, err)
		works := func() {
			t.Helper()
			got := make([]float32, 3)
			must(t, v.Read(descent.Of(got)))
			w, err := d.Upload(descent.Of(got))
			must(t, err)
			must(t, w.Read(descent.Of(got)))
			must(t, w.Free())
			if !slices.Equal(got, x) {
				t.Errorf("read %v, want %v", got, x)
			}
		}
		works()
		before, total, err := d.Memory()
		must(t, err)
		for _, n := range []int64{total, 1 << 44} { // v is there already; more than any device has
			_, err = d.Alloc(descent.F32, int(n/4))
			wants(t, err, ErrMemory, fmt.Sprintf("gpu: cuda:0: allocate %d bytes: out of device memory", n))
			works()
		}
		_, err = d.Alloc(descent.F64, math.MaxInt/8, 9)
		wants(t, err, descent.ErrShape, "")
		must(t, d.Synchronize())

		var all []Tensor
		for {
			w, err := d.Alloc(descent.F32, int(total/8/4))
			if err != nil {
				wants(t, err, ErrMemory, "")
				break
			}
			if all = append(all, w); len(all) > 8 {
				t.Fatalf("%d eighths are allocated", len(all))
			}
		}
		if len(all) < 4 {
			t.Errorf("%d eighths are allocated", len(all))
		}
		works()
		for _, w := range all {
			must(t, w.Free())
		}
		works()
		settled(t, d, before)
	})
}

// settled wants as much free memory as before. CUDA has it in pages of 2 MiB and
// keeps a few; 16 MiB are eight of them.
func settled(t *testing.T, d *Device, before int64) {
	t.Helper()
	must(t, d.Synchronize())
	after, _, err := d.Memory()
	must(t, err)
	bound := int64(16 << 20)
	if _, ok := d.engine.(*probe); ok {
		bound = 0
	}
	t.Logf("%d KiB are missing", (before-after)>>10)
	if before-after > bound {
		t.Errorf("%d bytes are free, before %d", after, before)
	}
}

// TestFreedMemory: 1,000 tensors that are freed are not missing, nor what sets of
// tensors, optimizers and their state took.
func TestFreedMemory(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, devs []*Device) {
		d := devs[0]
		round := func(n int) {
			x := slices.Repeat([]float32{1}, n)
			v, err := d.Upload(descent.Of(x))
			must(t, err)
			g, err := descent.NewGradients([]descent.View{v.View()})
			must(t, err)
			_, err = g.Norm()
			must(t, err)
			must(t, v.Free())
			must(t, v.Free()) // no error
			wants(t, v.Read(descent.Of(x)), descent.ErrNil, "has been freed")
			wants(t, v.Write(descent.Of(x)), descent.ErrNil, "has been freed")
		}
		empty := func() { // plans go with the garbage of their sets
			for tries := 0; ; tries++ {
				runtime.GC()
				d.mu.Lock()
				n := len(d.plans)
				d.mu.Unlock()
				if n == 0 || tries > 1000 {
					break
				}
				runtime.Gosched()
			}
		}
		round(1)
		empty()
		before, _, err := d.Memory()
		must(t, err)
		d.mu.Lock()
		owned := len(d.owned)
		d.mu.Unlock()
		for i := range 1000 {
			round(1 + i*26) // up to 100 KiB
		}
		empty()
		settled(t, d, before)
		if d.mu.Lock(); len(d.owned) != owned {
			t.Errorf("%d allocations, before %d", len(d.owned), owned)
		}
		d.mu.Unlock()
	})
}

// TestOpenClose: 1,000 devices that were opened, used and closed have left
// nothing, neither on the device nor in the process. One stays open, without
// which each would make a context of its own; the last few do.
func TestOpenClose(t *testing.T) {
	cycle := func() {
		d, err := Open(0)
		if errors.Is(err, ErrUnavailable) {
			t.Skip(err)
		}
		must(t, err)
		v, err := d.Upload(descent.Of(slices.Repeat([]float32{3}, 1<<18)))
		must(t, err)
		g, err := descent.NewGradients([]descent.View{v.View()})
		must(t, err)
		n, err := g.Norm()
		must(t, err)
		if n.L2 != 3*512 {
			t.Fatalf("norm %v", n.L2)
		}
		must(t, d.Close()) // what it has is not freed
	}
	keeper, err := Open(0)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	must(t, err)
	rounds, contexts := 1000, 20
	if testing.Short() {
		rounds, contexts = 50, 2
	}
	for range 3 {
		cycle()
	}
	before, _, err := keeper.Memory()
	must(t, err)
	resident := residentSet(t)
	for range rounds {
		cycle()
	}
	settled(t, keeper, before)
	must(t, keeper.Close())
	for range contexts {
		cycle()
	}
	keeper, err = Open(0)
	must(t, err)
	settled(t, keeper, before)
	must(t, keeper.Close())
	// Each has 17 MiB of pinned memory and reads 1 MiB from Go's.
	grown := residentSet(t) - resident
	t.Logf("the process has grown by %d KiB", grown>>10)
	if grown > 128<<20 {
		t.Errorf("the process has grown by %d bytes", grown)
	}
}

// residentSet is the process's memory that is in use, without Go's garbage.
func residentSet(t *testing.T) int64 {
	t.Helper()
	runtime.GC()
	text, err := os.ReadFile("/proc/self/statm")
	must(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	must(t, err)
	return pages * int64(os.Getpagesize())
}

// TestGoroutines: calls of several goroutines on one device follow one another.
func TestGoroutines(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, devs []*Device) {
		d := devs[0]
		var work sync.WaitGroup
		for worker := range 4 {
			work.Add(1)
			go func() {
				defer work.Done()
				const n = 1000
				want := make([]float32, n)
				got := make([]float32, n)
				for round := range 100 {
					for i := range want {
						want[i] = float32(worker*1000 + round + i)
					}
					v, err := d.Upload(descent.Of(want))
					w, also := d.Alloc(descent.F32, n)
					if err = errors.Join(err, also); err != nil {
						t.Error(err)
						return
					}
					g, err := descent.NewGradients([]descent.View{w.View()})
					if err = errors.Join(err, descent.Copy(w, v)); err == nil {
						_, err = g.Norm()
					}
					_, _, also = d.Memory()
					err = errors.Join(err, also, w.Read(descent.Of(got)), v.Free(), w.Free())
					if err != nil || !slices.Equal(got, want) {
						t.Errorf("worker %d, round %d: %v, element 0 is %v, want %v", worker, round, err, got[0], want[0])
						return
					}
				}
			}()
		}
		work.Wait()
	})
}

// TestCloseWhileInUse: goroutines that find the device closed get that error, and
// none gets another.
func TestCloseWhileInUse(t *testing.T) {
	everywhere(t, 1, func(t *testing.T, devs []*Device) {
		d := devs[0]
		v, err := d.Upload(descent.Of([]float32{1, 2, 3}))
		must(t, err)
		var work, started sync.WaitGroup
		for range 4 {
			work.Add(1)
			started.Add(1)
			go func() {
				defer work.Done()
				got := make([]float32, 3)
				for i := 0; ; i++ {
					err := v.Read(descent.Of(got))
					if i == 0 {
						started.Done()
					}
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil || got[2] != 3 {
						t.Errorf("read %v, %v", got, err)
						return
					}
				}
			}()
		}
		started.Wait()
		must(t, d.Close())
		work.Wait()
	})
}

func TestHealth(t *testing.T) {
	h := Health{Name: "GPU", Power: 123.4, Temperature: 45, Busy: 98, MemoryBusy: math.NaN()}
	if got, want := h.String(), "GPU: 123 W, 45 °C, busy 98 %"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	nan := math.NaN()
	if got := (Health{"GPU", nan, nan, nan, nan}).String(); got != "GPU" {
		t.Errorf("%q", got)
	}
	d, err := Open(0)
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	must(t, err)
	defer d.Close()
	h, err = d.Health()
	if errors.Is(err, ErrUnavailable) {
		t.Skip(err)
	}
	must(t, err)
	t.Log(h)
	if h.Name != d.Info().Name {
		t.Errorf("%v is not %v", h.Name, d.Info())
	}
	for _, m := range []struct {
		name          string
		value, lo, hi float64
	}{{"power", h.Power, 5, 2000}, {"temperature", h.Temperature, 5, 120}, {"busy", h.Busy, 0, 100}, {"memory busy", h.MemoryBusy, 0, 100}} {
		if m.value < m.lo || m.value > m.hi { // NaN is not measured
			t.Errorf("%s is %v", m.name, m.value)
		}
	}
}

// TestExplain: what is found and what is not, with the reason.
func TestExplain(t *testing.T) {
	e := Explanation{
		Driver:  "13.0",
		Devices: []Info{{Index: 1, Name: "GPU", Major: 7, Minor: 5, Memory: 3 << 30}},
		Why:     []string{Info{Major: 7, Minor: 5}.usable()},
		Libraries: []Library{
			newLibrary("libcuda", func() (string, error) { return "13.0", nil }),
			newLibrary("libnccl", func() (string, error) { return "x", fmt.Errorf("gpu: %w: not there", ErrUnavailable) }),
		},
	}
	const want = `cuda       driver for CUDA 13.0
device     cuda:1 GPU (compute 7.5, 3.0 GiB): not used: compute capability 7.5, want at least 8.0
library    libcuda 13.0: used
library    libnccl: not used: not there
`
	if got := e.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	e = Explain()
	t.Logf("\n%v", e)
	devs, err := Devices()
	if (err == nil) != (e.Driver != "") || len(devs) != len(e.Devices) {
		t.Errorf("%v: %v, %+v", err, devs, e)
	}
	var names []string
	for _, l := range e.Libraries {
		if names = append(names, l.Name); (l.Version == "") != (l.Why != "") {
			t.Errorf("%+v", l)
		}
	}
	if len(names) != 0 && !slices.Equal(names, []string{"libcuda", "libcublasLt", "libnccl", "libnvidia-ml"}) {
		t.Errorf("libraries %v", names)
	}
	if dotted(13_01_00) != "13.1.0" || dotted(2_28_03) != "2.28.3" {
		t.Error(dotted(13_01_00), dotted(2_28_03))
	}
}
