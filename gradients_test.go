package descent

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
)

// ramp fills n elements with values of both signs and many magnitudes.
func ramp[F float32 | float64](n int) []F {
	x := make([]F, n)
	s := uint64(n) + 1
	for i := range x {
		s = s*6364136223846793005 + 1442695040888963407
		x[i] = F(math.Ldexp(float64(int32(s>>32)), -31-int(s>>20%24)))
	}
	return x
}

func TestNormEqualsPlainSum(t *testing.T) {
	a, b, c := ramp[float32](100003), ramp[float64](777), ramp[float32](4096)
	h := make([]BFloat16, 5000)
	want, largest := 0.0, 0.0
	add := func(v float64) {
		want += v * v
		largest = math.Max(largest, math.Abs(v))
	}
	for i := range h {
		h[i] = NewBFloat16(ramp[float32](5000)[i%100])
		add(float64(h[i].Float32()))
	}
	for _, v := range a {
		add(float64(v))
	}
	for _, v := range b {
		add(v)
	}
	for _, v := range c {
		add(float64(v))
	}
	g, err := NewGradients([]View{Of(a), Of(b), Of(c), Of(h), Of([]float32{})})
	if err != nil {
		t.Fatal(err)
	}
	n, err := g.Norm()
	if err != nil {
		t.Fatal(err)
	}
	// Both are float64 sums of 1.1e5 terms in different orders.
	if want = math.Sqrt(want); !(math.Abs(n.L2-want) <= 1e-12*want) || n.MaxAbs != largest || n.NonFinite.Count != 0 {
		t.Errorf("Norm() = %+v, want L2 %v, MaxAbs %v", n, want, largest)
	}
	if err := g.Scale(-0.5); err != nil {
		t.Fatal(err)
	}
	half, _ := g.Norm()
	if half.L2 != n.L2/2 || half.MaxAbs != n.MaxAbs/2 {
		t.Errorf("with factor -0.5: %+v, want half of %+v", half, n)
	}
}

func TestNormSameBitsForEveryThreadCount(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	x, y := ramp[float32](1<<20+17), ramp[float32](300001)
	var want Norm
	for i, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		g, err := NewGradients([]View{Of(x), Of(y)})
		if err != nil {
			t.Fatal(err)
		}
		n, err := g.Norm()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = n
		}
		if n != want {
			t.Errorf("GOMAXPROCS %d: %+v, with 1: %+v", procs, n, want)
		}
	}
}

func TestFirstNonFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, n := range []int{1, 31, 4096, 4097, 40000, 200000} {
		for _, at := range []int{0, n / 2, n - 1} {
			quiet, x := ramp[float32](10), ramp[float32](n)
			x[at] = inf
			if at+1 < n {
				x[n-1] = nan
			}
			g, err := NewGradients([]View{Of(quiet), Of(x)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := g.Norm()
			if err != nil {
				t.Fatal(err)
			}
			count := 1
			if at+1 < n {
				count = 2
			}
			want := NonFinite{Count: count, Tensor: 1, Name: "1", Index: at}
			if got.NonFinite != want || !math.IsInf(got.L2, 1) {
				t.Fatalf("n %d: %+v, want %+v and L2 +Inf", n, got, want)
			}
			for i := range x {
				if i == at || i == n-1 && at+1 < n {
					x[i] = 0
				}
			}
			g.Reset(1)
			clean, _ := g.Norm()
			if clean.L2 != got.Finite {
				t.Fatalf("n %d: Finite %v, but with zeros in place of them %v", n, got.Finite, clean.L2)
			}
		}
	}
}

func TestFactor(t *testing.T) {
	x := []float32{3, 4}
	g, err := NewGradients([]View{Of(x)})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if err := g.Scale(bad); err == nil || g.Factor() != 1 {
			t.Errorf("Scale(%v): error %v, factor %v", bad, err, g.Factor())
		}
	}
	if err := g.Scale(math.MaxFloat64); err != nil {
		t.Fatal(err)
	}
	if err := g.Scale(2); err == nil {
		t.Error("a factor that overflows must be refused")
	}
	g.Reset(2)
	if err := g.Clip(0.25); err != nil {
		t.Fatal(err)
	}
	if g.Factor() != 0.5 || g.Clipped() != 0.25 {
		t.Errorf("factor %v, clipped %v", g.Factor(), g.Clipped())
	}
	if err := g.Apply(); err != nil {
		t.Fatal(err)
	}
	if x[0] != 1.5 || x[1] != 2 || g.Factor() != 1 {
		t.Errorf("after Apply: %v, factor %v", x, g.Factor())
	}
	if n, _ := g.TensorNorm(0); n != 2.5 {
		t.Errorf("norm after Apply: %v, want 2.5", n)
	}
}

// elsewhere is a device that is not the host but computes as it does.
type elsewhere struct{ hostDevice }

func (elsewhere) String() string { return "elsewhere" }

func TestViewsOfADevice(t *testing.T) {
	x := []float32{3, 4}
	v := NewView(elsewhere{}, Of(x).Buffer(), 2)
	if v.Err() != nil || v.String() != "float32[2] on elsewhere" || v.Overlaps(Of(x)) || v.Is(Of(x)) {
		t.Errorf("%v: %v", v, v.Err())
	}
	if _, err := Data[float32](v); !errors.Is(err, ErrDevice) {
		t.Errorf("Data of a device's memory: %v, want ErrDevice", err)
	}
	g, err := NewGradients([]View{v})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := g.Norm(); err != nil || n.L2 != 5 || g.Device() != (elsewhere{}) {
		t.Errorf("%+v, %v", n, err)
	}
	if h := NewView(Host, Of(x).Buffer(), 2); !h.Is(Of(x)) {
		t.Errorf("%v is not host memory", h)
	}
}

func TestGradientsRefuse(t *testing.T) {
	x := make([]float32, 10)
	for _, c := range []struct {
		name  string
		views []View
		want  error
		text  string
	}{
		{"integers", []View{Of([]int32{1})}, ErrDType, "int32"},
		{"a bad shape", []View{Of(x), Of(x, 3)}, ErrShape, "tensor 1"},
		{"two devices", []View{Of(x), NewView(elsewhere{}, Of(x).Buffer(), 10)}, ErrDevice, "1 on elsewhere"},
		{"overlap", []View{Of(x[:6]), Of([]float32{1}), Of(x[5:])}, ErrOverlap, "0 and 2"},
	} {
		_, err := NewGradients(c.views)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v naming %q", c.name, err, c.want, c.text)
		}
	}
	if g, err := NewGradients([]View{}); err != nil {
		t.Error(err)
	} else if n, err := g.Norm(); err != nil || n.L2 != 0 {
		t.Errorf("no tensors: %+v, %v", n, err)
	}
}

func TestNormDoesNotAllocate(t *testing.T) {
	g, err := NewGradients([]View{Of(ramp[float32](200000)), Of(make([]BFloat16, 5000))})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(20, func() {
		g.Reset(0.5)
		_, _ = g.Norm()
		_ = g.Apply()
	}); n != 0 {
		t.Errorf("norm and apply allocate %v times", n)
	}
}

func TestTensorFactors(t *testing.T) {
	x, y, h := []float32{3, 4}, []float64{-2}, []BFloat16{NewBFloat16(float32(8))}
	g, err := NewGradients([]View{Of(x), Of(y), Of(h)})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Scale(0.5), g.ClipTensor(0, 0.25), g.Clip(0.5), g.ClipTensor(0, 2)); err != nil {
		t.Fatal(err)
	}
	if g.Factor() != 0.25 || g.Clipped() != 0.5 || g.TensorFactor(0) != 0.125 || g.TensorFactor(1) != 0.25 {
		t.Errorf("factors %v, %v, %v, clipped %v", g.Factor(), g.TensorFactor(0), g.TensorFactor(1), g.Clipped())
	}
	n, err := g.Norm()
	want := math.Sqrt(0.625*0.625 + 0.5*0.5 + 2*2)
	if err != nil || !(math.Abs(n.L2-want) <= 1e-15) || n.Finite != n.L2 || n.MaxAbs != 2 {
		t.Errorf("norm %+v, want %v", n, want)
	}
	if want := 0.5 * math.Sqrt(25+4+64); n.PreClip != want {
		t.Errorf("PreClip %v, want %v", n.PreClip, want)
	}
	if l, err := g.TensorNorm(0); err != nil || l != 0.625 {
		t.Errorf("norm of tensor 0: %v, %v", l, err)
	}
	if p, err := g.PNorm(math.Inf(1)); err != nil || p != 2 {
		t.Errorf("largest: %v, %v", p, err)
	}
	if p, err := g.PNorm(1); err != nil || p != 0.875+0.5+2 {
		t.Errorf("1-norm: %v, %v", p, err)
	}
	if err := g.Apply(); err != nil {
		t.Fatal(err)
	}
	if x[0] != 0.375 || x[1] != 0.5 || y[0] != -0.5 || h[0].Float32() != 2 || g.Factor() != 1 || g.TensorFactor(0) != 1 || g.Clipped() != 1 {
		t.Errorf("applied: %v %v %v, factor %v", x, y, h, g.TensorFactor(0))
	}
	y[0] = math.Inf(-1)
	g.Reset(2)
	if err := g.ClipTensor(1, 0); err != nil {
		t.Fatal(err)
	}
	if n, err := g.Norm(); err != nil || !math.IsInf(n.L2, 1) || !math.IsInf(n.PreClip, 1) || math.IsNaN(n.Finite) || n.NonFinite.Name != "1" {
		t.Errorf("not finite: %+v, %v", n, err)
	}
}

func TestFactorsRefuse(t *testing.T) {
	g, err := NewGradients([]View{Of([]float32{1})})
	if err != nil {
		t.Fatal(err)
	}
	for _, by := range []float64{math.NaN(), math.Inf(1)} {
		if g.Scale(by) == nil || g.Clip(by) == nil || g.ClipTensor(0, by) == nil || g.TensorFactor(0) != 1 {
			t.Errorf("factor %v was taken: %v", by, g.TensorFactor(0))
		}
	}
	for _, p := range []float64{0, -1, math.NaN()} {
		if _, err := g.PNorm(p); err == nil || !strings.Contains(err.Error(), "more than 0") {
			t.Errorf("p = %v: %v", p, err)
		}
	}
	for _, limit := range []float64{-1, math.NaN()} {
		if err := g.Clamp(limit); err == nil {
			t.Errorf("Clamp(%v) was taken", limit)
		}
	}
}

// A factor of 0, which makes the optimizer skip, leaves the norm before clipping
// to be reported.
func TestPreClipOfZeroFactor(t *testing.T) {
	g, err := NewGradients([]View{Of([]float32{3, 4})})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Scale(2), g.Clip(0)); err != nil {
		t.Fatal(err)
	}
	if n, err := g.Norm(); err != nil || n.PreClip != 10 || n.L2 != 0 || g.Factor() != 0 {
		t.Errorf("norm %+v, factor %v, %v", n, g.Factor(), err)
	}
}

func TestPNorm(t *testing.T) {
	a, b := ramp[float32](70001), ramp[float64](777)
	g, err := NewGradients([]View{Of(a), Of(b), Of([]float32{})})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Scale(-3); err != nil {
		t.Fatal(err)
	}
	for _, p := range []float64{0.5, 1, 1.5, 2, 3, 7, 100} {
		sum := 0.0
		for _, v := range a {
			sum += math.Pow(math.Abs(float64(v)), p)
		}
		for _, v := range b {
			sum += math.Pow(math.Abs(v), p)
		}
		// 7·10⁴ terms in another order.
		want := 3 * math.Pow(sum, 1/p)
		if got, err := g.PNorm(p); err != nil || !(math.Abs(got-want) <= 1e-11*want) {
			t.Errorf("p = %v: %v, want %v (%v)", p, got, want, err)
		}
	}
	// No power of an element overflows, only the result can.
	big, err := NewGradients([]View{Of([]float64{1e300, -1e300})})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := big.PNorm(3); err != nil || !(math.Abs(got-1e300*math.Cbrt(2)) <= 1e286) {
		t.Errorf("large elements: %v, %v", got, err)
	}
	for _, v := range []View{Of([]float32{}), Of([]float32{0, 0})} {
		zero, err := NewGradients([]View{v})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []float64{0.5, 1, 2, 3, math.Inf(1)} {
			if got, err := zero.PNorm(p); err != nil || got != 0 {
				t.Errorf("%v, p = %v: %v, %v", v, p, got, err)
			}
		}
	}
	a[5] = float32(math.NaN())
	g.Changed()
	for _, p := range []float64{0.5, 1, 2, 3, math.Inf(1)} {
		if got, err := g.PNorm(p); err != nil || !math.IsInf(got, 1) {
			t.Errorf("NaN, p = %v: %v, %v", p, got, err)
		}
	}
	if n := testing.AllocsPerRun(5, func() { _, _ = g.PNorm(3) }); n != 0 {
		t.Errorf("PNorm allocates %v times", n)
	}
}
