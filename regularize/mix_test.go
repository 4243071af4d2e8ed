package regularize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

func TestMixUpOfAReversedBatch(t *testing.T) {
	mixed[float32](t)
	mixed[float64](t)
}

func mixed[F float](t *testing.T) {
	for _, shape := range [][2]int{{4, 3}, {5, 4099}, {1, 7}, {2, 70001}, {0, 3}} {
		n, width := shape[0], shape[1]
		src := varied[F](n*width, 1)
		dst := make([]F, len(src))
		m := Mix{Lambda: 0.3}
		must(t, m.Apply(descent.Of(dst, n, width), descent.Of(src, n, width)))
		l, r := F(0.3), F(1-m.Lambda)
		for i, v := range dst {
			row, col := i/width, i%width
			want := F(l*src[i]) + F(r*src[(n-1-row)*width+col])
			if 2*row == n-1 {
				want = src[i] // its own partner
			}
			if v != want {
				t.Fatalf("%T %v: element %d is %v, want %v", dst, shape, i, v, want)
			}
		}
		must(t, m.Apply(descent.Of(src, n, width), descent.Of(src, n, width)))
		if !bitsEqual(src, dst) {
			t.Errorf("%v: in place differs", shape)
		}
	}
}

func TestCutMixMovesABox(t *testing.T) {
	const n, c, h, w = 3, 2, 5, 7
	for _, last := range []bool{false, true} {
		src := varied[float32](n*c*h*w, 1)
		dst := make([]float32, len(src))
		m := Mix{Lambda: 0.5, Top: 1, Left: 2, Height: 3, Width: 4, ChannelLast: last}
		shape := []int{n, c, h, w}
		if last {
			shape = []int{n, h, w, c}
		}
		must(t, m.Apply(descent.Of(dst, shape...), descent.Of(src, shape...)))
		for i, v := range dst {
			row, in := i/(c*h*w), i%(c*h*w)
			y, x := in/w%h, in%w
			if last {
				y, x = in/(w*c), in/c%w
			}
			want := src[i]
			if y >= 1 && y < 4 && x >= 2 && x < 6 {
				want = src[(n-1-row)*c*h*w+in]
			}
			if v != want {
				t.Fatalf("ChannelLast %t: element %d is %v, want %v", last, i, v, want)
			}
		}
		must(t, m.Apply(descent.Of(src, shape...), descent.Of(src, shape...)))
		if !bitsEqual(src, dst) {
			t.Errorf("ChannelLast %t: in place differs", last)
		}
	}
	half := []descent.BFloat16{1, 2, 3, 4} // any type
	v := descent.Of(half, 2, 1, 2)
	must(t, Mix{Lambda: 0.5, Left: 1, Height: 1, Width: 1}.Apply(v, v))
	if !slices.Equal(half, []descent.BFloat16{1, 4, 3, 2}) {
		t.Error(half)
	}
}

// λ is Beta(α, α): mean 1/2, variance 1/(4(2α+1)), fourth central moment
// 3/(16(2α+1)(2α+3)), and for α = 1 uniform.
func TestLambdaIsBeta(t *testing.T) {
	const draws = 20000
	for _, alpha := range []float64{0.1, 0.2, 0.5, 1, 2, 8} {
		var mean, square, fourth float64
		below := 0
		for step := range draws {
			l := MixUp{Alpha: alpha, Seed: 7}.Draw(step).Lambda
			if !(l >= 0 && l <= 1) {
				t.Fatalf("α = %v: λ = %v", alpha, l)
			}
			mean += l / draws
			square += (l - 0.5) * (l - 0.5) / draws
			fourth += math.Pow(l-0.5, 4) / draws
			if l < 0.25 {
				below++
			}
		}
		variance := 1 / (4 * (2*alpha + 1))
		kurt := 3 / (16 * (2*alpha + 1) * (2*alpha + 3))
		if !(math.Abs(mean-0.5) <= 5*math.Sqrt(variance/draws)) ||
			!(math.Abs(square-variance) <= 5*math.Sqrt((kurt-variance*variance)/draws)) ||
			!(math.Abs(fourth-kurt) <= 5*math.Sqrt(kurt/16/draws)) { // (λ−½)⁴ ≤ 1/16
			t.Errorf("α = %v: mean %v, variance %v of %v, fourth moment %v of %v", alpha, mean, square, variance, fourth, kurt)
		}
		if alpha == 1 && !(math.Abs(float64(below)-draws/4) <= 5*math.Sqrt(draws*3.0/16)) {
			t.Errorf("α = 1 is not uniform: %d of %d below 1/4", below, draws)
		}
	}
	if (MixUp{}).Draw(3).Lambda != 1 || (MixUp{Alpha: 1, Skip: 1}).Draw(3).Lambda != 1 {
		t.Error("α = 0 and Skip = 1 mix nothing")
	}
	skipped := 0
	for step := range draws {
		if (MixUp{Alpha: 1, Skip: 0.5}).Draw(step).Lambda == 1 {
			skipped++
		}
	}
	if !(math.Abs(float64(skipped)-draws/2) <= 5*math.Sqrt(draws/4)) {
		t.Errorf("%d of %d skipped", skipped, draws)
	}
	for _, alpha := range []float64{1e-300, 1e-9, 1e300} {
		if l := (MixUp{Alpha: alpha}).Draw(0).Lambda; !(l >= 0 && l <= 1) {
			t.Errorf("α = %v: λ = %v", alpha, l)
		}
	}
}

// The trap of CutMix: λ is the area that is left, not the one that was drawn.
func TestCutMixCorrectsLambda(t *testing.T) {
	const h, w = 24, 32
	cutOff := 0
	for step := range 2000 {
		m := CutMix{Alpha: 1, Seed: 3}.Draw(step, h, w)
		if m.Top < 0 || m.Left < 0 || m.Top+m.Height > h || m.Left+m.Width > w {
			t.Fatalf("%+v is outside", m)
		}
		if want := 1 - float64(m.Height*m.Width)/(h*w); m.Lambda != want {
			t.Fatalf("%+v: λ should be %v", m, want)
		}
		if m.Height > 0 && (m.Top == 0 || m.Left == 0 || m.Top+m.Height == h || m.Left+m.Width == w) {
			cutOff++
		}
	}
	if cutOff < 500 {
		t.Errorf("%d boxes were cut off", cutOff)
	}
	if m := (CutMix{}).Draw(0, h, w); m != (Mix{Lambda: 1}) {
		t.Errorf("α = 0: %+v", m)
	}
	if m := (CutMix{Alpha: 1}).Draw(0, 0, 5); m.Lambda != 1 {
		t.Errorf("no image: %+v", m)
	}
}

// The trap of smoothing twice: rows add up to 1 and have the smoothing of one.
func TestTargetsAreSmoothedOnce(t *testing.T) {
	m := Mix{Lambda: 0.75}
	dst := make([]float64, 12)
	must(t, m.Targets(descent.Of(dst, 3, 4), descent.Of([]int64{1, 2, 3}), 0.2))
	want := []float64{
		0.05, 0.05 + 0.8*0.75, 0.05, 0.05 + 0.8*0.25,
		0.05, 0.05, 0.85, 0.05,
		0.05, 0.05 + 0.8*0.25, 0.05, 0.05 + 0.8*0.75,
	}
	if err := golden.Close(dst, want, 1e-15, 0); err != nil {
		t.Error(err)
	}
	single := make([]float32, 12)
	must(t, m.Targets(descent.Of(single, 3, 4), descent.Of([]int32{1, 2, 3}), 0.2))
	for i, v := range single {
		if v != float32(dst[i]) {
			t.Fatal("float32 differs from rounded float64")
		}
	}
}

// TestGoldenMixUp holds the targets to λ·CE(a) + (1−λ)·CE(b): cross-entropy is
// linear in its target.
func TestGoldenMixUp(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/mixup.json") {
		rows++
		logits := c.In["logits"]
		n, k := logits.Shape[0], logits.Shape[1]
		// Row i of 2n is a_i, and its partner b_i.
		y := make([]int64, 2*n)
		for i := range n {
			y[i], y[2*n-1-i] = int64(c.In["target_a"].Data[i]), int64(c.In["target_b"].Data[i])
		}
		q := make([]float64, 2*n*k)
		must(t, Mix{Lambda: c.Config.Float("lam")}.Targets(descent.Of(q, 2*n, k), descent.Of(y), 0))
		value, grad := 0.0, make([]float64, n*k)
		for i := range n {
			x := logits.Data[i*k : (i+1)*k]
			z := 0.0
			for _, v := range x {
				z += math.Exp(v)
			}
			for j, v := range x {
				value += q[i*k+j] * (math.Log(z) - v) / float64(n)
				grad[i*k+j] = (math.Exp(v)/z - q[i*k+j]) / float64(n)
			}
		}
		if err := golden.Close([]float64{value}, c.Out["value"].Data, 1e-14, 0); err != nil {
			t.Errorf("%s: value: %v", c.Name, err)
		}
		if err := golden.Close(grad, c.Out["grad_logits"].Data, 1e-13, 1e-16); err != nil {
			t.Errorf("%s: gradient: %v", c.Name, err)
		}
	}
	if rows != 2 {
		t.Errorf("%d golden rows, want 2", rows)
	}
}

func TestMixRefuses(t *testing.T) {
	x := ones(12)
	v, dst := descent.Of(x, 3, 2, 2), descent.Of(ones(12), 3, 2, 2)
	apply := func(m Mix, dst, src descent.View) error { return m.Apply(dst, src) }
	targets := func(dst, y descent.View, s float64) error { return Mix{Lambda: 0.5}.Targets(dst, y, s) }
	q := descent.Of(x, 3, 4)
	for name, c := range map[string]struct{ err, want error }{
		"lambda":   {apply(Mix{Lambda: 1.5}, dst, v), nil},
		"NaN":      {apply(Mix{Lambda: math.NaN()}, dst, v), nil},
		"shape":    {apply(Mix{}, descent.Of(ones(12)), v), descent.ErrShape},
		"integers": {apply(Mix{}, descent.Of(make([]int32, 2)), descent.Of(make([]int32, 2))), descent.ErrDType},
		"overlap":  {apply(Mix{}, descent.Of(x[:6]), descent.Of(x[3:9])), descent.ErrOverlap},
		"outside":  {apply(Mix{Left: 1, Height: 1, Width: 2}, dst, v), descent.ErrShape},
		"negative": {apply(Mix{Left: -1, Height: 1, Width: 2}, dst, v), nil},
		"rank":     {apply(Mix{Height: 1, Width: 1, ChannelLast: true}, v, v), descent.ErrShape},
		"class":    {targets(q, descent.Of([]int64{0, 1, 4}), 0), nil},
		"below":    {targets(q, descent.Of([]int32{0, 1, -1}), 0), nil},
		"rows":     {targets(q, descent.Of([]int64{0, 1}), 0), descent.ErrShape},
		"floats":   {targets(q, descent.Of(ones(3)), 0), descent.ErrDType},
		"smooth":   {targets(q, descent.Of([]int64{0, 1, 2}), 1.1), nil},
		"alpha":    {MixUp{Alpha: -1}.Validate(), nil},
		"skip":     {CutMix{Skip: 2}.Validate(), nil},
	} {
		if c.err == nil || c.want != nil && !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if !slices.Equal(x, ones(12)) {
		t.Error("a refused call wrote")
	}
	big, y := descent.Of(varied[float32](64*3000, 1), 64, 50, 60), descent.Of(make([]int64, 64))
	dense := descent.Of(make([]float32, 640), 64, 10)
	for _, m := range []Mix{{Lambda: 0.3}, {Lambda: 0.3, Top: 3, Height: 20, Width: 30}} {
		noAllocations(t, func() { _ = m.Apply(big, big); _ = m.Targets(dense, y, 0.1) })
		anyThreads(t, func() []float32 {
			x := varied[float32](64*3000, 1)
			v := descent.Of(x, 64, 50, 60)
			must(t, m.Apply(v, v))
			return x
		})
	}
}

func ExampleMixUp() {
	mixUp := MixUp{Alpha: 1, Seed: 1}
	x := descent.Of([]float32{0, 1, 2, 3}, 4, 1)
	mix := mixUp.Draw(0)
	if err := mix.Apply(x, x); err != nil {
		fmt.Println(err)
		return
	}
	y, _ := descent.Data[float32](x)
	fmt.Printf("%.3f %.3f\n", mix.Lambda, y)
	// Output: 0.094 [2.718 1.906 1.094 0.282]
}

func ExampleCutMix() {
	cutMix := CutMix{Alpha: 1, Seed: 4}
	mix := cutMix.Draw(0, 4, 4)
	x := make([]float32, 32) // two images: zeros and ones
	for i := range 16 {
		x[16+i] = 1
	}
	if err := mix.Apply(descent.Of(x, 2, 4, 4), descent.Of(x, 2, 4, 4)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(mix.Lambda)
	for y := range 4 {
		fmt.Println(x[4*y : 4*y+4])
	}
	// Output:
	// 0.875
	// [0 0 0 0]
	// [1 0 0 0]
	// [1 0 0 0]
	// [0 0 0 0]
}

func ExampleMix() {
	mix := Mix{Lambda: 0.75}
	q := make([]float32, 6)
	err := mix.Targets(descent.Of(q, 2, 3), descent.Of([]int64{0, 2}), 0)
	fmt.Println(q, err)
	// Output: [0.75 0 0.25 0.25 0 0.75] <nil>
}
