package gpu_test

import (
	"errors"
	"fmt"
	"log"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/gpu"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/loss"
	"github.com/descent-ml/descent/optim"
)

// Gradients of two GPUs are averaged, or those of two slices where there are
// fewer.
func ExampleGroup() {
	grads := [][]float32{{1, -2}, {3, 6}}
	err := func() error {
		var devs []*gpu.Device
		var on []descent.View
		for i, g := range grads {
			dev, err := gpu.Open(i)
			if err != nil {
				return err
			}
			defer dev.Close()
			t, err := dev.Upload(descent.Of(g))
			if err != nil {
				return err
			}
			devs, on = append(devs, dev), append(on, t.View())
		}
		group, err := gpu.NewGroup(devs...)
		if err != nil {
			return err
		}
		defer group.Close()
		if err := group.AllReduce(gpu.Average, on, on); err != nil {
			return err
		}
		for i := range on { // waits
			if err := descent.Copy(descent.Of(grads[i]), on[i]); err != nil {
				return err
			}
		}
		return nil
	}()
	switch {
	case errors.Is(err, gpu.ErrUnavailable): // err says why
		for j := range grads[0] {
			grads[0][j] = (grads[0][j] + grads[1][j]) / 2
		}
		grads[1] = grads[0]
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(gpu.Average, grads)
	// Output:
	// average [[2 2] [2 2]]
}

func ExampleReduction() {
	fmt.Println(gpu.Sum, gpu.Average, gpu.Max)
	// Output:
	// sum average max
}

// devices opens n of them, or skips the test where there are fewer.
func devices(t testing.TB, n int) (devs []*gpu.Device) {
	t.Helper()
	for i := range n {
		dev, err := gpu.Open(i)
		if errors.Is(err, gpu.ErrUnavailable) {
			t.Skip(err)
		}
		must(t, err)
		t.Cleanup(func() { must(t, dev.Close()) })
		devs = append(devs, dev)
	}
	return devs
}

// grouped connects n devices, or skips the test where that cannot be.
func grouped(t testing.TB, n int) (*gpu.Group, []*gpu.Device) {
	t.Helper()
	devs := devices(t, n)
	g, err := gpu.NewGroup(devs...)
	if errors.Is(err, gpu.ErrUnavailable) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { must(t, g.Close()) })
	return g, devs
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// each runs a test with one device and with two.
func each(t *testing.T, do func(t *testing.T, g *gpu.Group, devs []*gpu.Device)) {
	for n := 1; n <= 2; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			g, devs := grouped(t, n)
			do(t, g, devs)
		})
	}
}

// terms are numbers from -7 to 7, others on each device: their sums, halves of
// them and the largest are exact in every type, in any order.
func terms(dev, n int) []float64 {
	x := make([]float64, n)
	for j := range x {
		x[j] = float64((j*j+3*j+5*dev*(j+1))%15 - 7)
	}
	return x
}

// put is a tensor of a device from its element `from` on: memory that is not
// aligned where that is odd.
func put(t testing.TB, dev *gpu.Device, typ descent.DType, from int, x []float64) descent.View {
	t.Helper()
	host, _ := encode(typ, slices.Concat(make([]float64, from), x))
	v, err := dev.Upload(host)
	must(t, err)
	return descent.NewView(dev, backend.Part(v.View().Buffer(), from, from+len(x)), len(x))
}

func equal(t testing.TB, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for j := range want {
		if math.Float64bits(got[j]) != math.Float64bits(want[j]) && !(got[j] == 0 && want[j] == 0) {
			t.Fatalf("%s: element %d is %v, want %v", what, j, got[j], want[j])
		}
	}
}

var lengths = []int{1, 2, 3, 31, 1021, 4096, 100_003}

// TestGroupReduces: sums, averages and the largest are exact by construction.
func TestGroupReduces(t *testing.T) {
	each(t, func(t *testing.T, g *gpu.Group, devs []*gpu.Device) {
		n := len(devs)
		for _, typ := range []descent.DType{descent.F32, descent.F64, descent.BF16, descent.F16} {
			for _, op := range []gpu.Reduction{gpu.Sum, gpu.Average, gpu.Max} {
				for i, k := range lengths {
					from := i % 2
					name := fmt.Sprintf("%v of %d %v", op, k, typ)
					want := terms(0, n*k)
					for dev := 1; dev < n; dev++ {
						for j, x := range terms(dev, n*k) {
							if op == gpu.Max {
								want[j] = max(want[j], x)
							} else {
								want[j] += x
							}
						}
					}
					if op == gpu.Average {
						for j := range want {
							want[j] /= float64(n)
						}
					}
					var src, dst, parts []descent.View
					for i, dev := range devs {
						src = append(src, put(t, dev, typ, from, terms(i, n*k)))
						dst = append(dst, put(t, dev, typ, 1-from, make([]float64, n*k)))
						parts = append(parts, put(t, dev, typ, 1-from, make([]float64, k)))
					}
					must(t, g.AllReduce(op, dst, src))
					must(t, g.ReduceScatter(op, parts, src))
					for i := range devs {
						equal(t, name+", all-reduce", got(t, dst[i]), want)
						equal(t, name+", reduce-scatter", got(t, parts[i]), want[i*k:i*k+k])
						equal(t, name+", source", got(t, src[i]), terms(i, n*k))
					}
					if typ == descent.F32 {
						for i := range devs { // in place
							parts[i] = descent.NewView(devs[i], backend.Part(dst[i].Buffer(), i*k, i*k+k), k)
							must(t, descent.Copy(dst[i], src[i]))
						}
						must(t, g.ReduceScatter(op, parts, dst))
						must(t, g.AllReduce(op, src, src))
						for i := range devs {
							equal(t, name+", all-reduce in place", got(t, src[i]), want)
							equal(t, name+", reduce-scatter in place", got(t, parts[i]), want[i*k:i*k+k])
						}
					}
				}
			}
		}
	})
}

// TestGroupGathers: all-gather and broadcast move every type.
func TestGroupGathers(t *testing.T) {
	each(t, func(t *testing.T, g *gpu.Group, devs []*gpu.Device) {
		n := len(devs)
		for _, typ := range []descent.DType{descent.F32, descent.F64, descent.BF16, descent.F16, descent.E4M3} {
			for i, k := range lengths {
				name := fmt.Sprintf("%d %v", k, typ)
				var src, dst []descent.View
				var want []float64
				for dev, d := range devs {
					src = append(src, put(t, d, typ, i%2, terms(dev, k)))
					dst = append(dst, put(t, d, typ, 1-i%2, make([]float64, n*k)))
					want = append(want, terms(dev, k)...)
				}
				must(t, g.AllGather(dst, src))
				for i := range devs {
					equal(t, name+", all-gather", got(t, dst[i]), want)
				}
				for root := range devs {
					for dev, d := range devs {
						must(t, descent.Copy(src[dev], put(t, d, typ, 0, terms(dev, k))))
						dst[dev] = put(t, d, typ, 1-i%2, make([]float64, k))
					}
					must(t, g.Broadcast(dst, src[root]))
					must(t, g.Broadcast(src, src[root])) // in place
					for i := range devs {
						equal(t, name+", broadcast", got(t, dst[i]), terms(root, k))
						equal(t, name+", broadcast in place", got(t, src[i]), terms(root, k))
					}
				}
			}
		}
		var none []descent.View
		for _, d := range devs {
			none = append(none, put(t, d, descent.F32, 0, nil))
		}
		must(t, errors.Join(g.AllReduce(gpu.Sum, none, none), g.AllGather(none, none), g.Broadcast(none, none[0])))
	})
}

// TestGroupOrder: kernels before and after an exchange follow each other without
// the host waiting, on every device.
func TestGroupOrder(t *testing.T) {
	g, devs := grouped(t, 2)
	const k, rounds = 8 << 20, 6
	var x []descent.View
	var grads []*descent.Gradients
	for i, d := range devs {
		x = append(x, put(t, d, descent.F32, 0, terms(i, k)))
		one, err := descent.NewGradients(x[i : i+1])
		must(t, err)
		grads = append(grads, one)
	}
	want := terms(0, k)
	for j, v := range terms(1, k) {
		want[j] = 4*want[j] + 2*v
	}
	for round := range rounds {
		for i, by := range []float64{4, 2} { // device 0 has more to do before it
			for range 8 * (1 - i) {
				must(t, grads[i].Scale(0.5))
				must(t, grads[i].Apply())
				must(t, grads[i].Scale(2))
				must(t, grads[i].Apply())
			}
			must(t, grads[i].Scale(by))
			must(t, grads[i].Apply())
		}
		must(t, g.AllReduce(gpu.Sum, x, x))
		for i := range devs {
			must(t, grads[i].Scale(0.5))
			must(t, grads[i].Apply())
		}
		if round > 0 { // both devices have the same numbers
			for j := range want {
				want[j] *= 4 + 2
			}
		}
		for j := range want {
			want[j] /= 2
		}
	}
	for i := range devs {
		equal(t, fmt.Sprint("device ", i), got(t, x[i]), want)
	}
}

// TestGroupGoroutines: exchanges of several goroutines, of two groups that list
// the devices in another order, and work on each device do not wait for each
// other forever.
func TestGroupGoroutines(t *testing.T) {
	g, devs := grouped(t, 2)
	h, err := gpu.NewGroup(devs[1], devs[0])
	must(t, err)
	defer h.Close()
	var work sync.WaitGroup
	for worker := range 4 {
		group := g
		if worker%2 == 1 {
			group = h
		}
		var src, dst []descent.View
		for i, d := range group.Devices() {
			src = append(src, put(t, d, descent.F32, 0, terms(i+worker, 5000)))
			dst = append(dst, put(t, d, descent.F32, 0, make([]float64, 5000)))
		}
		want := terms(worker, 5000)
		for j, x := range terms(worker+1, 5000) {
			want[j] += x
		}
		work.Add(1)
		go func() {
			defer work.Done()
			for range 100 {
				if err := group.AllReduce(gpu.Sum, dst, src); err != nil {
					t.Error(err)
					return
				}
				x := make([]float32, 5000)
				if err := descent.Copy(descent.Of(x), dst[worker/2]); err != nil {
					t.Error(err)
					return
				}
				for j := range x {
					if float64(x[j]) != want[j] {
						t.Errorf("worker %d: element %d is %v, want %v", worker, j, x[j], want[j])
						return
					}
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
}

func TestGroupRefusals(t *testing.T) {
	g, devs := grouped(t, 2)
	a, b := put(t, devs[0], descent.F32, 0, terms(0, 4)), put(t, devs[1], descent.F32, 0, terms(1, 4))
	for _, r := range []struct {
		err, want error
	}{
		{g.AllReduce(gpu.Sum, []descent.View{b, a}, []descent.View{a, b}), descent.ErrDevice},
		{g.AllGather([]descent.View{a, b}, []descent.View{a, b}), descent.ErrShape},
		{g.Broadcast([]descent.View{a, b}, descent.Of([]float32{1, 2, 3, 4})), descent.ErrDevice},
	} {
		if !errors.Is(r.err, r.want) {
			t.Errorf("%v, want %v", r.err, r.want)
		}
	}
	equal(t, "after refusals", got(t, a), terms(0, 4))
	equal(t, "after refusals", got(t, b), terms(1, 4))
	must(t, g.Close())
	must(t, g.Close())
	if err := g.AllReduce(gpu.Sum, []descent.View{a, b}, []descent.View{a, b}); !errors.Is(err, gpu.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	must(t, devs[0].Synchronize())
	again, err := gpu.NewGroup(devs[0], devs[1])
	must(t, err)
	must(t, devs[1].Close())
	if err := again.AllReduce(gpu.Sum, []descent.View{a, b}, []descent.View{a, b}); !errors.Is(err, gpu.ErrClosed) {
		t.Errorf("of a closed device: %v", err)
	}
	must(t, devs[0].Synchronize())
	must(t, again.Close())
}

// replica is a linear classifier and its share of a batch on one device.
type replica struct {
	x, y, w, dw, logits descent.View
	rows                int
	opt                 *optim.Optimizer
	grads               *descent.Gradients
}

const features, classes = 64, 10

// newReplica takes examples lo to hi-1. Features are eighths and weights 64ths,
// so that the first products are exact.
func newReplica(t testing.TB, dev *gpu.Device, lo, hi int) *replica {
	t.Helper()
	r := &replica{rows: hi - lo}
	x, w, y := make([]float32, r.rows*features), make([]float32, features*classes), make([]int32, r.rows)
	for i := range x {
		k := lo*features + i
		x[i] = float32((k*k/7+k)%17-8) / 8
	}
	for i := range w {
		w[i] = float32((i*i+5*i)%33-16) / 64
	}
	for i := range y {
		y[i] = int32((lo + i) * 7 % classes)
	}
	place := func(v descent.View) descent.View {
		on, err := dev.Upload(v)
		must(t, err)
		return on.View()
	}
	r.x, r.w, r.y = place(descent.Of(x, r.rows, features)), place(descent.Of(w, features, classes)), place(descent.Of(y))
	r.dw = place(descent.Of(make([]float32, len(w)), features, classes))
	r.logits = place(descent.Of(make([]float32, r.rows*classes), r.rows, classes))
	params := []optim.Param{{Name: "w", Value: r.w, Grad: r.dw}}
	var err error
	r.opt, err = optim.New(params, optim.AdamW{Decay: 0.1, Eps: eps})
	must(t, err)
	r.grads, err = descent.GradientsOf(params)
	must(t, err)
	return r
}

// backward is the gradient of the mean loss of the replica's examples.
func (r *replica) backward(t testing.TB) {
	t.Helper()
	must(t, gpu.MatMul{}.Apply(r.logits, r.x, r.w))
	_, err := loss.CrossEntropy{Scale: 1 / float64(r.rows)}.Eval(r.logits, r.logits, r.y)
	must(t, err)
	must(t, gpu.MatMul{TransA: true}.Apply(r.dw, r.x, r.logits))
}

func (r *replica) step(t testing.TB) {
	t.Helper()
	r.grads.Reset(1)
	report, err := r.opt.Step(r.grads, rate)
	must(t, err)
	if !report.Applied {
		t.Fatal(report)
	}
}

// eps is large so that an error of the gradient is not magnified by 1/|g|: what
// AdamW's first step moves, rate·g/(|g|+eps), has a derivative of at most
// rate/eps.
const rate, eps = 0.01, 1.0 / 64

// TestDataParallel: two devices with half a batch each, whose gradients are
// averaged, keep the same bits, and move as one with all of it does.
func TestDataParallel(t *testing.T) {
	g, devs := grouped(t, 2)
	const rows = 64
	whole := newReplica(t, devs[0], 0, rows)
	halves := []*replica{newReplica(t, devs[0], 0, rows/2), newReplica(t, devs[1], rows/2, rows)}
	grads := []descent.View{halves[0].dw, halves[1].dw}
	weights := func(r *replica) []float64 { return got(t, r.w) }
	for step := range 20 {
		for _, h := range halves {
			h.backward(t)
		}
		must(t, g.AllReduce(gpu.Average, grads, grads))
		for _, h := range halves {
			h.step(t)
		}
		if step > 0 {
			continue
		}
		whole.backward(t)
		whole.step(t)
		// The terms of a gradient's sum are the same numbers, logits being exact and
		// 1/rows a power of two. Two orders of adding them up differ by at most twice
		// the number of roundings times u times the sum of magnitudes, each at most
		// 1/rows, as features and gradients of a logit are at most 1.
		const u = 0x1p-24
		bound := rate/eps*(2*rows*u) + 8*u // and roundings of the step
		one, two := weights(whole), weights(halves[0])
		moved := 0.
		before := newReplica(t, devs[1], 0, 1)
		start := weights(before)
		for j := range one {
			moved = max(moved, math.Abs(one[j]-start[j]))
			if d := math.Abs(one[j] - two[j]); !(d <= bound) {
				t.Errorf("weight %d is %v with two devices, %v with one: %.2g, want at most %.2g", j, two[j], one[j], d, bound)
			}
		}
		if !(moved > 100*bound) {
			t.Errorf("the step moves weights by %v, the bound is %v", moved, bound)
		}
	}
	equal(t, "weights of device 1", weights(halves[1]), weights(halves[0]))
	equal(t, "gradients of device 1", got(t, grads[1]), got(t, grads[0]))
	for i, s := range halves[0].opt.State().Params[0].Slots {
		equal(t, s.Name, got(t, halves[1].opt.State().Params[0].Slots[i].Value), got(t, s.Value))
	}
}

// BenchmarkAllReduce is of float32 on two devices. What it reports is the
// traffic over each device's connections, 2(n−1)/n of the tensor.
func BenchmarkAllReduce(b *testing.B) {
	for _, size := range []int{1 << 20, 32 << 20, 1 << 30} {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			g, devs := grouped(b, 2)
			var x []descent.View
			for _, d := range devs {
				x = append(x, alloc(b, d, descent.F32, size/4).View())
			}
			b.SetBytes(int64(2 * (len(devs) - 1) * size / len(devs)))
			wait := func() {
				for _, d := range devs {
					must(b, d.Synchronize())
				}
			}
			for range 5 {
				must(b, g.AllReduce(gpu.Sum, x, x))
			}
			wait()
			b.ResetTimer()
			for range b.N {
				must(b, g.AllReduce(gpu.Sum, x, x))
			}
			wait()
		})
	}
}
