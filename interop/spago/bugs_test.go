package spago

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/optim"
	"github.com/descent-ml/descent/schedule"
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
	"github.com/nlpodyssey/spago/optimizers/decay/exponential"
	"github.com/nlpodyssey/spago/optimizers/gradclipper"
)

// spaGO's Optimizer.Optimize returns while goroutines of its own still write.
func TestStepIsDone(t *testing.T) {
	var params []optim.Param
	var want []float32
	for range 200 {
		p := nn.NewParam(mat.NewDense[float32](mat.WithShape(16), mat.WithBacking(slices.Repeat([]float32{1}, 16))))
		p.AccGrad(mat.NewDense[float32](mat.WithShape(16), mat.WithBacking(slices.Repeat([]float32{2}, 16))))
		value, err := Of(p)
		if err != nil {
			t.Fatal(err)
		}
		grad, err := Of(p.Grad())
		if err != nil {
			t.Fatal(err)
		}
		params = append(params, optim.Param{Name: string(rune('a' + len(params))), Value: value, Grad: grad})
		want = append(want, 0.75)
	}
	opt, err := optim.New(params, optim.SGD{})
	if err != nil {
		t.Fatal(err)
	}
	gs, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opt.Step(gs, 0.125); err != nil {
		t.Fatal(err)
	}
	var got []float32
	for _, p := range params {
		s, _ := descent.Data[float32](p.Value.View())
		got = append(got, s[15])
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v right after a step, want all 0.75", got)
	}
}

// spaGO's NormClipper dereferences nil where a parameter has no gradient.
func TestNoGradientIsAnError(t *testing.T) {
	p := nn.NewParam(mat.Scalar(1.0))
	if _, err := Of(p.Grad()); !errors.Is(err, descent.ErrNil) {
		t.Errorf("%v, want ErrNil", err)
	}
	defer func() {
		if recover() == nil {
			t.Skip("spaGO's NormClipper has been mended")
		}
	}()
	(&gradclipper.NormClipper{MaxNorm: 1, NormType: 2}).ClipGradients(nn.StreamParams([]*nn.Param{p}))
}

// clipped are gradients limited to norm 1, by ours and by spaGO's NormClipper.
func clipped(t *testing.T, data []float32, norm float64) (ours, theirs []float32) {
	t.Helper()
	p := nn.NewParam(mat.NewDense[float32](mat.WithShape(len(data))))
	p.AccGrad(mat.NewDense[float32](mat.WithShape(len(data)), mat.WithBacking(slices.Clone(data))))
	v, err := Of(p.Grad())
	if err != nil {
		t.Fatal(err)
	}
	gs, err := descent.NewGradients([]descent.View{v})
	if err != nil {
		t.Fatal(err)
	}
	if err := (clip.GlobalNorm{Max: 1, P: norm}).Apply(gs); err != nil {
		t.Fatal(err)
	}
	if err := gs.Apply(); err != nil {
		t.Fatal(err)
	}
	ours, _ = descent.Data[float32](v)
	if norm == 2 {
		q := nn.NewParam(mat.NewDense[float32](mat.WithShape(len(data))))
		q.AccGrad(mat.NewDense[float32](mat.WithShape(len(data)), mat.WithBacking(slices.Clone(data))))
		(&gradclipper.NormClipper{MaxNorm: 1, NormType: 2}).ClipGradients(nn.StreamParams([]*nn.Param{q}))
		theirs = q.Grad().Data().F32()
	}
	return ours, theirs
}

// Squares of 3e20 are more than float32 holds: spaGO clips to 0.
func TestLargeGradients(t *testing.T) {
	ours, theirs := clipped(t, []float32{3e20, 4e20}, 2)
	if !(math.Abs(float64(ours[0])-0.6) <= 1e-7 && math.Abs(float64(ours[1])-0.8) <= 1e-7) {
		t.Errorf("%v, want 0.6 and 0.8", ours)
	}
	if theirs[0] != 0 {
		t.Skip("spaGO's NormClipper has been mended")
	}
}

// spaGO refuses the 1-norm.
func TestOneNorm(t *testing.T) {
	if ours, _ := clipped(t, []float32{3, 5}, 1); ours[0] != 0.375 || ours[1] != 0.625 {
		t.Errorf("%v, want 0.375 and 0.625", ours)
	}
}

// spaGO passes NaN on in silence: here the step is refused, nothing has moved
// and the report says where the NaN is.
func TestNaNIsReported(t *testing.T) {
	w, dw := []float32{1, 2}, []float32{1, float32(math.NaN())}
	params := []optim.Param{{Name: "w", Value: descent.Of(w), Grad: descent.Of(dw)}}
	opt, err := optim.New(params, optim.SGD{})
	if err != nil {
		t.Fatal(err)
	}
	gs, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	if err := (clip.GlobalNorm{Max: 1}).Apply(gs); err != nil {
		t.Fatal(err)
	}
	r, err := opt.Step(gs, 0.1)
	if err != nil || r.Applied || r.NonFinite.Index != 1 || r.NonFinite.Name != "w" || !slices.Equal(w, []float32{1, 2}) {
		t.Errorf("%v, weights %v, %v", r, w, err)
	}
}

// spaGO's exponential decay is made of the rate before, and is NaN past its end.
func TestExponentialPastItsEnd(t *testing.T) {
	ours := schedule.Exponential{Start: 0.01, Rate: 0.1, Steps: 10, Floor: 0.001}
	if at := ours.At(10); !(math.Abs(at-0.001) <= 1e-17) {
		t.Errorf("%v at 10, want 0.001", at)
	}
	for _, step := range []int{11, 12, 1000, math.MaxInt} {
		if at := ours.At(step); at != 0.001 {
			t.Errorf("%v at %d, want 0.001", at, step)
		}
	}
	theirs, lr := exponential.New(0.01, 0.001, 10), 0.01
	for step := 1; step <= 13; step++ {
		lr = theirs.Decay(lr, step)
	}
	if !math.IsNaN(lr) {
		t.Skip("spaGO's decay has been mended")
	}
}
