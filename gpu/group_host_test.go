package gpu

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
)

// wires is a link over the host's memory. It rounds once, after a sum in float64.
type wires struct {
	queued          int
	closed, aborted int
	failing         error
	working         []*int // one for each device: a race where the device is not locked
}

func (w *wires) close() error { w.closed++; return w.failing }
func (w *wires) abort()       { w.aborted++ }

func (w *wires) exchange(x exchange) error {
	w.queued++
	for _, n := range w.working {
		*n++
	}
	if w.failing != nil {
		return w.failing
	}
	n := len(x.dst)
	row := func(at uint64, from, count int) backend.Matrix {
		return backend.Dense(part(backend.Buffer{Ptr: pointer(at), Type: x.typ}, from), 1, count)
	}
	switch x.kind {
	case allReduce, reduceScatter:
		total := x.count
		if x.kind == reduceScatter {
			total *= n
		}
		sums := make([]float64, total)
		for j := range sums {
			for i := range n {
				v := element(row(x.src[i], 0, total), 0, j)
				switch {
				case i > 0 && x.op == Max:
					sums[j] = max(sums[j], v)
				default:
					sums[j] += v
				}
			}
			if x.op == Average {
				sums[j] /= float64(n)
			}
		}
		for i := range n {
			from := 0
			if x.kind == reduceScatter {
				from = i * x.count
			}
			for j := range x.count {
				set(row(x.dst[i], 0, x.count), 0, j, sums[from+j])
			}
		}
	case allGather, broadcast:
		size := x.count * x.typ.Size()
		for i := range n {
			for l := range n {
				switch {
				case x.kind == allGather:
					copyBytes(x.dst[i]+uint64(l*size), x.src[l], size)
				case l == 0:
					if x.src[i] != x.src[x.root] {
						return fmt.Errorf("device %d has another source than %d", i, x.root)
					}
					copyBytes(x.dst[i], x.src[i], size)
				}
			}
		}
	}
	return nil
}

func copyBytes(dst, src uint64, n int) { _ = (&memory{}).copy(pointer(dst), pointer(src), n) }

// wired is a group of n simulated devices, whose indices are in no order.
func wired(t *testing.T, n int) (*Group, *wires) {
	t.Helper()
	var devs []*Device
	for i := range n {
		d, _ := probed(t, []int{4, 1, 7, 2}[i])
		devs = append(devs, d)
	}
	return connected(t, devs...)
}

func connected(t *testing.T, devs ...*Device) (*Group, *wires) {
	t.Helper()
	g, err := group(devs)
	if err != nil {
		t.Fatal(err)
	}
	w := &wires{}
	g.link = w
	t.Cleanup(func() {
		if err := g.Close(); err != nil && w.failing == nil {
			t.Error(err)
		}
		if w.closed+w.aborted != 1 {
			t.Errorf("the link is closed %d times and aborted %d times", w.closed, w.aborted)
		}
	})
	return g, w
}

// spread is a tensor of whole numbers on each device, others on each.
func spread(t *testing.T, g *Group, typ descent.DType, shape ...int) (list []descent.View) {
	t.Helper()
	for i, d := range g.devs {
		v := whole(t, d, typ, shape...)
		if typ.Float() {
			m := backend.Dense(v.Buffer(), 1, v.Len())
			for j := range m.Cols {
				set(m, 0, j, element(m, 0, j)+float64((i*j)%3))
			}
		}
		list = append(list, v)
	}
	return list
}

// TestGroupResults: the link is given the tensors of every device, their count
// and type, whether or not dst is src.
func TestGroupResults(t *testing.T) {
	types := []descent.DType{descent.F32, descent.F64, descent.BF16, descent.F16}
	for n := 1; n <= 4; n++ {
		for _, typ := range types {
			g, _ := wired(t, n)
			const k = 5
			for _, op := range []Reduction{Sum, Average, Max} {
				for _, inPlace := range []bool{false, true} {
					src := spread(t, g, typ, n, k)
					want := make([]float64, n*k)
					for i, v := range src {
						for j, x := range numbers(v) {
							if i > 0 && op == Max {
								want[j] = max(want[j], x)
							} else {
								want[j] += x
							}
						}
					}
					rounded := whole(t, g.devs[0], typ, n*k)
					for j := range want {
						if op == Average {
							want[j] /= float64(n)
						}
						set(backend.Dense(rounded.Buffer(), 1, n*k), 0, j, want[j])
					}
					want = numbers(rounded)

					part := func(v descent.View, i int) descent.View {
						return descent.NewView(v.Device(), backend.Part(v.Buffer(), i*k, i*k+k), k)
					}
					parts := spread(t, g, typ, k)
					again := spread(t, g, typ, n, k)
					if inPlace {
						for i := range parts {
							parts[i] = part(again[i], i)
						}
					}
					must(t, g.ReduceScatter(op, parts, again))
					for i, v := range parts {
						if got := numbers(v); !slices.Equal(got, want[i*k:i*k+k]) {
							t.Errorf("%v reduce-scatter of %v over %d: part %d is %v, want %v", op, typ, n, i, got, want[i*k:i*k+k])
						}
					}
					dst := spread(t, g, typ, n, k)
					if inPlace {
						dst = src
					}
					must(t, g.AllReduce(op, dst, src))
					for i, v := range dst {
						if got := numbers(v); !slices.Equal(got, want) {
							t.Errorf("%v all-reduce of %v over %d: device %d has %v, want %v", op, typ, n, i, got, want)
						}
					}
				}
			}
		}
	}
}

// TestGroupMoves: what only moves has any type.
func TestGroupMoves(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for _, typ := range []descent.DType{descent.F32, descent.F64, descent.BF16, descent.F16, descent.E4M3, descent.E5M2, descent.I32, descent.I64} {
			g, _ := wired(t, n)
			make := func(seed byte, k int) (list []descent.View) {
				for i, d := range g.devs {
					v, err := d.Alloc(typ, k)
					must(t, err)
					for j, b := 0, content(v.View().Buffer()); j < len(b); j++ {
						b[j] = seed + byte(7*i+j)
					}
					list = append(list, v.View())
				}
				return list
			}
			const k = 3
			src, dst := make(1, k), make(100, n*k)
			must(t, g.AllGather(dst, src))
			for i, v := range dst {
				if got, want := bytesOf(v), bytesOf(src...); !slices.Equal(got, want) {
					t.Errorf("all-gather of %v over %d: device %d has %v, want %v", typ, n, i, got, want)
				}
			}
			own := make(50, n*k)
			var parts []descent.View
			for i, v := range own {
				parts = append(parts, descent.NewView(v.Device(), backend.Part(v.Buffer(), i*k, i*k+k), k))
			}
			want := bytesOf(parts...)
			must(t, g.AllGather(own, parts))
			for i, v := range own {
				if got := bytesOf(v); !slices.Equal(got, want) {
					t.Errorf("all-gather in place of %v over %d: device %d has %v, want %v", typ, n, i, got, want)
				}
			}
			for root := range n {
				src, dst := make(byte(root), k)[root], make(200, k)
				for _, to := range [][]descent.View{dst, slices.Concat(dst[:root], []descent.View{src}, dst[root+1:])} {
					must(t, g.Broadcast(to, src))
					for i, v := range to {
						if !slices.Equal(bytesOf(v), bytesOf(src)) {
							t.Errorf("broadcast of %v from %d of %d: device %d has %v, want %v", typ, root, n, i, bytesOf(v), bytesOf(src))
						}
					}
				}
			}
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants fails unless err wraps is, where there is one, and says text.
func wants(t *testing.T, err, is error, text string) {
	t.Helper()
	if err == nil || is != nil && !errors.Is(err, is) || !strings.Contains(err.Error(), text) {
		t.Errorf("%v, want %v with %q", err, is, text)
	}
}

// TestGroupRefuses: nothing is queued and the error names both sides.
func TestGroupRefuses(t *testing.T) {
	g, w := wired(t, 2)
	other, _ := probed(t, 9)
	a, b := spread(t, g, descent.F32, 4), spread(t, g, descent.F32, 4)
	long, wide := spread(t, g, descent.F32, 8), spread(t, g, descent.F64, 4)
	matrix, ints := spread(t, g, descent.F32, 2, 2), spread(t, g, descent.F32, 4)
	for i, v := range ints {
		x, err := v.Device().(*Device).Alloc(descent.I32, 4)
		must(t, err)
		ints[i] = x.View()
	}
	pair := func(a, b descent.View) []descent.View { return []descent.View{a, b} }
	from := func(v descent.View, lo, n int) descent.View {
		return descent.NewView(v.Device(), backend.Part(v.Buffer(), lo, lo+n), n)
	}
	foreign := whole(t, other, descent.F32, 4)
	onHost := descent.Of(make([]float32, 4))
	shifted := pair(from(long[0], 0, 4), from(long[1], 2, 4))

	reduce := func(dst, src []descent.View) error { return g.AllReduce(Sum, dst, src) }
	scatter := func(dst, src []descent.View) error { return g.ReduceScatter(Average, dst, src) }
	cast := func(dst, src []descent.View) error { return g.Broadcast(dst, src[0]) }
	for i, r := range []struct {
		do       func(dst, src []descent.View) error
		dst, src []descent.View
		want     error
		text     string
	}{
		{func(dst, src []descent.View) error { return g.AllReduce(3, dst, src) }, a, b, nil, "Reduction(3) is none, want sum, average or max"},
		{func(dst, src []descent.View) error { return g.ReduceScatter(3, dst, src) }, a, long, nil, "Reduction(3) is none"},
		{reduce, a[:1], b, descent.ErrShape, "dst has 1 tensors, the group 2 devices"},
		{reduce, a, append(slices.Clone(b), b[0]), descent.ErrShape, "src has 3 tensors, the group 2 devices"},
		{reduce, nil, nil, descent.ErrShape, "dst has 0 tensors"},
		{reduce, pair(a[0], descent.View{}), b, descent.ErrNil, "dst[1]: "},
		{g.AllGather, long, pair(descent.View{}, a[1]), descent.ErrNil, "src[0]: "},
		{reduce, pair(a[1], a[0]), b, descent.ErrDevice, "dst[0] on cuda:1, want it on cuda:4"},
		{reduce, a, pair(b[0], onHost), descent.ErrDevice, "src[1] on host, want it on cuda:1"},
		{reduce, a, pair(foreign, b[1]), descent.ErrDevice, "src[0] on cuda:9, want it on cuda:4"},
		{reduce, pair(a[0], wide[1]), b, descent.ErrDType, "dst[0] is float32[4] on cuda:4, dst[1] is float64[4] on cuda:1"},
		{reduce, a, pair(b[0], long[1]), descent.ErrShape, "src[0] is float32[4] on cuda:4, src[1] is float32[8] on cuda:1"},
		{reduce, a, wide, descent.ErrDType, "dst is float32[4] on cuda:4, src is float64[4] on cuda:4"},
		{reduce, a, long, descent.ErrShape, "dst is float32[4] on cuda:4, src is float32[8] on cuda:4"},
		{reduce, a, matrix, descent.ErrShape, "src is float32[2 2]"},
		{reduce, ints, ints, descent.ErrDType, "dst[0] is int32[4]"},
		{scatter, ints, ints, descent.ErrDType, "dst[0] is int32[4]"},
		{scatter, a, b, descent.ErrShape, "want it 2 times as long"},
		{scatter, a, wide, descent.ErrDType, "src is float64[4]"},
		{g.AllGather, a, b, descent.ErrShape, "want it 2 times as long"},
		{g.AllGather, a, long, descent.ErrShape, "want it 2 times as long"},
		{reduce, shifted, pair(from(long[0], 0, 4), from(long[1], 0, 4)), descent.ErrOverlap, "dst[1] float32[4] on cuda:1 and src[1]"},
		{scatter, pair(from(long[0], 0, 4), from(long[1], 0, 4)), long, descent.ErrOverlap, "dst[1] float32[4]"},
		{g.AllGather, long, pair(from(long[0], 4, 4), from(long[1], 4, 4)), descent.ErrOverlap, "src[0] float32[4]"},
		{cast, a, pair(descent.View{}, b[1]), descent.ErrNil, "src: "},
		{cast, a, pair(foreign, b[1]), descent.ErrDevice, "src is float32[4] on cuda:9, the group has [cuda:4 cuda:1]"},
		{cast, a, pair(onHost, b[1]), descent.ErrDevice, "src is float32[4], the group has"},
		{cast, a[:1], b, descent.ErrShape, "dst has 1 tensors"},
		{cast, a, long, descent.ErrShape, "src is float32[8]"},
		{cast, a, wide, descent.ErrDType, "src is float64[4]"},
		{cast, pair(from(long[0], 2, 4), a[1]), pair(from(long[0], 0, 4), b[1]), descent.ErrOverlap, "dst and src"},
	} {
		if err := r.do(r.dst, r.src); err == nil || r.want != nil && !errors.Is(err, r.want) || !strings.Contains(err.Error(), r.text) {
			t.Errorf("%d: %v, want %v with %q", i, err, r.want, r.text)
		}
	}
	if w.queued != 0 {
		t.Errorf("%d exchanges are queued", w.queued)
	}
	none := spread(t, g, descent.F32, 0)
	must(t, errors.Join(reduce(none, none), scatter(none, none), g.AllGather(none, none), cast(none, none)))
	if w.queued != 0 {
		t.Errorf("%d exchanges of nothing are queued", w.queued)
	}
	must(t, reduce(a, b))
	if w.queued != 1 {
		t.Errorf("%d exchanges are queued, want 1", w.queued)
	}
	if n := testing.AllocsPerRun(10, func() {
		_ = g.AllGather(long, a)
		_ = g.Broadcast(a, b[0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNewGroupRefuses(t *testing.T) {
	d, _ := probed(t, 3)
	same, _ := probed(t, 3)
	gone, _ := probed(t, 4)
	must(t, gone.Close())
	for _, r := range []struct {
		devs []*Device
		want error
		text string
	}{
		{nil, descent.ErrDevice, "a group of no devices"},
		{[]*Device{d, nil}, descent.ErrDevice, "device 1 of 2 is nil"},
		{[]*Device{d, gone, same}, descent.ErrDevice, "devices 0 and 2 of the group are both cuda:3"},
		{[]*Device{d, gone}, ErrClosed, "cuda:4"},
		{[]*Device{d}, ErrUnavailable, ""}, // no engine of CUDA's
	} {
		g, err := NewGroup(r.devs...)
		if wants(t, err, r.want, r.text); g != nil {
			t.Errorf("%v and a group", err)
		}
	}
	if _, _, err := d.Memory(); err != nil { // it is not locked
		t.Error(err)
	}
}

// TestGroupLocks: two groups that list the same devices in other orders, and
// goroutines that use one device, do not wait for each other forever.
func TestGroupLocks(t *testing.T) {
	a, _ := probed(t, 0)
	b, _ := probed(t, 1)
	c, _ := probed(t, 2)
	inUse := map[*Device]*int{a: new(int), b: new(int), c: new(int)}
	var work sync.WaitGroup
	const rounds = 300
	orders := [][]*Device{{a, b, c}, {c, b, a}, {b, a}, {c, a}}
	for _, devs := range orders {
		g, w := connected(t, devs...)
		for _, d := range devs {
			w.working = append(w.working, inUse[d])
		}
		for range 2 { // two goroutines in one group
			dst, src := spread(t, g, descent.F32, 3), spread(t, g, descent.F32, 3)
			work.Add(1)
			go func() {
				defer work.Done()
				for range rounds {
					if err := g.AllReduce(Sum, dst, src); err != nil {
						t.Error(err)
					}
				}
			}()
		}
	}
	for d := range inUse {
		work.Add(1)
		go func() {
			defer work.Done()
			for range rounds {
				x, err := d.Upload(descent.Of([]float32{1, 2}))
				if err = errors.Join(err, x.Free()); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("waiting for each other")
	}
	if n := *inUse[a]; n != 2*rounds*len(orders) {
		t.Errorf("%d exchanges of %v, want %d", n, a, 2*rounds*len(orders))
	}
}

// TestGroupAfterFailure: a group whose link fails is closed; its devices are not.
func TestGroupAfterFailure(t *testing.T) {
	g, w := wired(t, 2)
	dst, src := spread(t, g, descent.F32, 3), spread(t, g, descent.F32, 3)
	w.failing = errors.New("unplugged")
	err := g.AllReduce(Sum, dst, src)
	wants(t, err, w.failing, "gpu: group of [cuda:4 cuda:1]: all-reduce: unplugged")
	if w.aborted != 1 {
		t.Errorf("aborted %d times", w.aborted)
	}
	wants(t, g.AllReduce(Sum, dst, src), ErrClosed, "group of [cuda:4 cuda:1]")
	wants(t, g.Broadcast(dst, src[0]), ErrClosed, "group")
	must(t, g.Close())
	for _, d := range g.Devices() {
		must(t, d.Synchronize())
	}
	next, _ := connected(t, g.Devices()...)
	must(t, next.AllReduce(Sum, dst, src))
}

// TestGroupOfClosed: a closed device is an error that names it, and leaves the
// others unlocked. Closing waits for those that are there.
func TestGroupOfClosed(t *testing.T) {
	for gone := range 3 {
		g, w := wired(t, 3)
		dst, src := spread(t, g, descent.F32, 3), spread(t, g, descent.F32, 3)
		none := spread(t, g, descent.F32, 0)
		must(t, g.devs[gone].Close())
		wants(t, g.AllReduce(Sum, dst, src), ErrClosed, g.devs[gone].String())
		wants(t, g.AllReduce(Sum, none, none), ErrClosed, g.devs[gone].String())
		for i, d := range g.devs {
			if i != gone {
				must(t, d.Synchronize())
			}
		}
		must(t, g.Close())
		must(t, g.Close())
		if w.queued != 0 || w.closed != 1 {
			t.Errorf("%d exchanges, closed %d times", w.queued, w.closed)
		}
		wants(t, g.AllReduce(Sum, dst, src), ErrClosed, "group of")
	}
}

// TestGroupCloseFails: the link of a lost device is aborted, for its queue never
// ends.
func TestGroupCloseFails(t *testing.T) {
	g, w := wired(t, 2)
	p := g.devs[1].engine.(*probe)
	p.lose()
	wants(t, g.Close(), errLost, "gpu: cuda:1: synchronize")
	if w.aborted != 1 || w.closed != 0 {
		t.Errorf("aborted %d times, closed %d times", w.aborted, w.closed)
	}
	must(t, g.Close())

	g, w = wired(t, 2)
	w.failing = errors.New("stuck")
	wants(t, g.Close(), w.failing, "gpu: disconnect [cuda:4 cuda:1]: stuck")
	must(t, g.Close())
}
