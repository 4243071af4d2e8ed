package gpu

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/host"
)

// probe is memory that notes what passes between the host and the device, and
// from one call on fails as a lost device does. Its kernels do nothing.
type probe struct {
	hostMemory
	down, up []transfer
	calls    int
	failing  int // the first call that fails, counted from 1; 0 is none
	used     int // bytes
	room     int
	closed   bool
}

// hostMemory is another name so that probe can have the method.
type hostMemory = memory

// transfer is n bytes at a device's address.
type transfer struct {
	at unsafe.Pointer
	n  int
}

var errLost = &driverError{719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}

func (p *probe) call() error {
	p.calls++
	if p.failing > 0 && p.calls >= p.failing {
		return errLost
	}
	return nil
}

// lose makes every further call fail.
func (p *probe) lose() { p.failing = 1 }

// forget starts the count and the notes anew.
func (p *probe) forget() { p.down, p.up, p.calls = nil, nil, 0 }

func (p *probe) alloc(n int) (unsafe.Pointer, error) {
	if err := p.call(); err != nil {
		return nil, err
	}
	if n > p.room-p.used {
		return nil, ErrMemory
	}
	at, err := p.hostMemory.alloc(n)
	p.used += 8 * len(p.held[at])
	return at, err
}

func (p *probe) free(at unsafe.Pointer) error {
	p.used -= 8 * len(p.held[at])
	return errors.Join(p.call(), p.hostMemory.free(at))
}

func (p *probe) write(dst, src unsafe.Pointer, n int) error {
	if err := p.call(); err != nil {
		return err
	}
	p.up = append(p.up, transfer{dst, n})
	return p.hostMemory.write(dst, src, n)
}

func (p *probe) read(dst, src unsafe.Pointer, n int) error {
	if err := p.call(); err != nil {
		return err
	}
	p.down = append(p.down, transfer{src, n})
	return p.hostMemory.read(dst, src, n)
}

func (p *probe) copy(dst, src unsafe.Pointer, n int) error {
	if err := p.call(); err != nil {
		return err
	}
	return p.hostMemory.copy(dst, src, n)
}

func (p *probe) memory() (free, total int64, err error) {
	return int64(p.room - p.used), int64(p.room), p.call()
}

func (p *probe) load(string) (module, error)                               { return nil, p.call() }
func (p *probe) function(module, string, int) (function, error)            { return nil, p.call() }
func (p *probe) launch(function, int, int, int, unsafe.Pointer, int) error { return p.call() }
func (p *probe) landing() unsafe.Pointer                                   { return unsafe.Pointer(&landed[0]) }
func (p *probe) sync() error                                               { return p.call() }
func (p *probe) mark() error                                               { return p.call() }
func (p *probe) wait() error                                               { return p.call() }
func (p *probe) unload(module) error                                       { return p.call() }
func (p *probe) health() (Health, error)                                   { return Health{Name: "probe"}, p.call() }
func (p *probe) close()                                                    { p.closed = true }

// landed is the landing of every probe; nothing is written there.
var landed [landingSize / 8]uint64

// probed is a device over a probe. When the test ends nothing is left on it.
func probed(t *testing.T, index int) (*Device, *probe) {
	t.Helper()
	p := &probe{hostMemory: hostMemory{held: map[unsafe.Pointer][]uint64{}}, room: 1 << 34}
	d := newDevice(Info{Index: index, Name: "probe", Major: 9}, p)
	t.Cleanup(func() {
		if err := d.Close(); err != nil && p.failing == 0 {
			t.Error(err)
		}
		if len(p.held) != 0 || p.used != 0 || !p.closed {
			t.Errorf("%d allocations left of %d bytes, closed %v", len(p.held), p.used, p.closed)
		}
	})
	return d, p
}

// withoutKernels is a device that computes nothing itself. What is never staged
// is the host's work: its memory is the host's.
type withoutKernels struct{ *Device }

func (d withoutKernels) Backend() backend.Backend {
	return struct {
		staged
		transport
		grids
	}{d.back.staged, d.back, host.Backend{}}
}

// grids is what of backend.Grids is never staged.
type grids interface {
	Range(x backend.Buffer) (lo, hi float32, first int, err error)
	ToGrid(g backend.Grid) error
	GridGradient(g backend.Grid) (float64, error)
}

// transport is what staging needs of a backend.
type transport interface {
	String() string
	Alloc(t backend.DType, n int) (backend.Buffer, error)
	Copy(dst, src backend.Buffer) error
	Upload(dst, src backend.Buffer) error
	Download(dst, src backend.Buffer) error
}

// TestStagedConformance: every primitive has the host's bits over tensors that
// are copied there and back.
func TestStagedConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("minutes with the race detector")
	}
	d, _ := probed(t, 0)
	descenttest.Device(t, withoutKernels{d})
}

// put is a tensor on the device with the numbers of the slice.
func put[T descent.Element](t *testing.T, d *Device, x ...T) descent.View {
	t.Helper()
	v, err := d.Upload(descent.Of(x))
	if err != nil {
		t.Fatal(err)
	}
	return v.View()
}

// bytesOf is what the tensors hold, read behind the device's back.
func bytesOf(views ...descent.View) (all []byte) {
	for _, v := range views {
		all = append(all, content(v.Buffer())...)
	}
	return all
}

func transfers(views ...descent.View) (all []transfer) {
	for _, v := range views {
		all = append(all, transfer{v.Buffer().Ptr, v.Bytes()})
	}
	return all
}

func setOf(views ...descent.View) *backend.Set {
	bufs := make([]backend.Buffer, len(views))
	for i, v := range views {
		bufs[i] = v.Buffer()
	}
	return backend.NewSet(bufs)
}

// stagedCase is a call that is staged, what it reads and what it changes.
type stagedCase struct {
	name     string
	down, up []descent.View
	call     func() error
}

func stagedCases(t *testing.T, d *Device) []stagedCase {
	s := d.back.staged
	a, b, c := put(t, d, 1., 2, 3), put(t, d, 4., 5, 6, 7), put(t, d, 8., 9, 10)
	single := put[float32](t, d, 0, 0, 0)
	none := put[float64](t, d)
	logits, grad := put[float32](t, d, 1, 2, 3, 4, 5, 6), put[float32](t, d, 0, 0, 0, 0, 0, 0)
	targets, weights, losses := put[int64](t, d, 2, 0), put[float32](t, d, 1, 2, 3), put[float64](t, d, 0, 0)
	return []stagedCase{
		{"two buffers", []descent.View{single, a}, []descent.View{single}, func() error {
			return s.Convert(single.Buffer(), a.Buffer())
		}},
		{"one twice", []descent.View{c}, []descent.View{c}, func() error {
			return s.Multiply(setOf(c), setOf(c), setOf(c))
		}},
		{"nothing changes", []descent.View{a, b}, nil, func() error {
			return s.Scale(setOf(a, b), 1)
		}},
		{"only one changes", []descent.View{a, b}, []descent.View{b}, func() error {
			return s.ScaleEach(setOf(a, b), []float64{1, 2})
		}},
		{"no elements", []descent.View{a}, []descent.View{a}, func() error {
			return s.Scale(setOf(none, a, none), 3)
		}},
		{"no memory", []descent.View{b}, nil, func() error {
			_, err := s.Penalty(backend.Penalty{X: b.Buffer(), L2: 1, Scale: 1})
			return err
		}},
		{"a struct", []descent.View{grad, logits, targets, weights, losses}, []descent.View{grad, losses}, func() error {
			_, err := s.CrossEntropy(backend.CrossEntropy{
				Grad: grad.Buffer(), Logits: logits.Buffer(), Targets: targets.Buffer(),
				Weights: weights.Buffer(), Losses: losses.Buffer(), Rows: 2, Classes: 3, Ignore: -100, Scale: 1,
			})
			return err
		}},
		{"behind a pointer", []descent.View{c, a}, []descent.View{c}, func() error {
			return s.Accumulate(&backend.Accumulate{Dst: setOf(c), Src: setOf(a), Factor: 2})
		}},
	}
}

// TestStagedTransfers: every tensor of a call is read once, those that changed
// are written once, and no memory of the device is used.
func TestStagedTransfers(t *testing.T) {
	d, p := probed(t, 0)
	for _, c := range stagedCases(t, d) {
		t.Run(c.name, func(t *testing.T) {
			held := len(p.held)
			p.forget()
			if err := c.call(); err != nil {
				t.Fatal(err)
			}
			if want := transfers(c.down...); !slices.Equal(p.down, want) {
				t.Errorf("read %v, want %v", p.down, want)
			}
			if want := transfers(c.up...); !slices.Equal(p.up, want) {
				t.Errorf("wrote %v, want %v", p.up, want)
			}
			if len(p.held) != held {
				t.Errorf("%d allocations, before %d", len(p.held), held)
			}
		})
	}
}

// TestStagedResults: what a call returns and where the caller's slices are is
// the host's.
func TestStagedResults(t *testing.T) {
	d, _ := probed(t, 0)
	x := []float64{3, -4, 0.5, 7}
	on := func(b backend.Backend, v descent.View) (sums []float64, penalty float64) {
		t.Helper()
		n := backend.NewNorm(setOf(v))
		if err := b.Norm(n); err != nil {
			t.Fatal(err)
		}
		penalty, err := b.Penalty(backend.Penalty{X: v.Buffer(), L1: 1, L2: 2, Scale: 1})
		if err != nil {
			t.Fatal(err)
		}
		return n.Sums, penalty
	}
	wantSums, wantPenalty := on(host.Backend{}, descent.Of(x))
	sums, penalty := on(withoutKernels{d}.Backend(), put(t, d, x...))
	if !slices.Equal(sums, wantSums) || penalty != wantPenalty || wantPenalty == 0 || sums[0] != 74.25 {
		t.Errorf("%v and %v, on the host %v and %v", sums, penalty, wantSums, wantPenalty)
	}
}

// TestStagedFailures: an error of the engine comes back from the call, whichever
// transfer fails; what fails before the results are written changes nothing.
func TestStagedFailures(t *testing.T) {
	d, _ := probed(t, 0)
	for i, c := range stagedCases(t, d) {
		t.Run(c.name, func(t *testing.T) {
			for fail := 1; fail <= len(c.down)+len(c.up); fail++ {
				d, p := probed(t, 3)
				c := stagedCases(t, d)[i]
				all := append(slices.Clone(c.down), c.up...)
				before, held := bytesOf(all...), len(p.held)
				p.forget()
				p.failing = fail
				err := c.call()
				var lost *driverError
				if !errors.As(err, &lost) || lost.code != 719 || !strings.Contains(err.Error(), "cuda:3") {
					t.Fatalf("call %d fails: %v", fail, err)
				}
				if fail <= len(c.down)+min(len(c.up), 1) && !slices.Equal(before, bytesOf(all...)) {
					t.Errorf("call %d fails and tensors change", fail)
				}
				if p.calls != fail || len(p.held) != held {
					t.Errorf("call %d fails: %d calls, %d allocations, before %d", fail, p.calls, len(p.held), held)
				}
				p.failing = 0
				if err := c.call(); err != nil {
					t.Errorf("after call %d failed: %v", fail, err)
				}
			}
		})
	}
}

// TestStagedRefusals: an error of the host's code comes back, and nothing is
// written.
func TestStagedRefusals(t *testing.T) {
	d, p := probed(t, 0)
	half := put(t, d, descent.NewFloat16(1.))
	logits, grad, targets := put[float32](t, d, 1, 2), put[float32](t, d, 7, 7), put[int32](t, d, 5)
	ce := func(b backend.Backend, logits, grad, targets descent.View) error {
		_, err := b.CrossEntropy(backend.CrossEntropy{
			Grad: grad.Buffer(), Logits: logits.Buffer(), Targets: targets.Buffer(), Rows: 1, Classes: 2, Ignore: -100, Scale: 1,
		})
		return err
	}
	want := ce(host.Backend{}, descent.Of([]float32{1, 2}), descent.Of([]float32{7, 7}), descent.Of([]int32{5}))
	if want == nil {
		t.Fatal("the host takes class 5 of 2")
	}
	before := bytesOf(half, logits, grad, targets)
	p.forget()
	if _, err := d.back.staged.Penalty(backend.Penalty{Grad: half.Buffer(), X: half.Buffer(), L1: 1, Scale: 1}); err == nil {
		t.Error("no error of float16")
	}
	if err := ce(withoutKernels{d}.Backend(), logits, grad, targets); err == nil || err.Error() != want.Error() {
		t.Errorf("%v, on the host %v", err, want)
	}
	if len(p.up) != 0 || !slices.Equal(before, bytesOf(half, logits, grad, targets)) {
		t.Errorf("written: %v", p.up)
	}
}
