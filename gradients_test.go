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
