package regularize

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent"
)

// rotated is U·diag(s)·Vᵀ of two reflections: its singular values are s.
func rotated(rows, cols int, s []float64) []float64 {
	a, b := varied[float64](rows, 1), varied[float64](cols, 2)
	reflect := func(x []float64, i, j int) float64 {
		n := 0.0
		for _, v := range x {
			n += v * v
		}
		d := 0.0
		if i == j {
			d = 1
		}
		return d - 2*x[i]*x[j]/n
	}
	w := make([]float64, rows*cols)
	for i := range rows {
		for j := range cols {
			for k, v := range s {
				w[i*cols+j] += reflect(a, i, k) * v * reflect(b, k, j)
			}
		}
	}
	return w
}

func TestSpectrumFindsTheLargestSingularValue(t *testing.T) {
	for _, shape := range [][]int{{3, 3}, {5, 2}, {2, 700}, {40, 3, 9}} {
		cols := 1
		for _, d := range shape[1:] {
			cols *= d
		}
		w := rotated(shape[0], cols, []float64{3, 1})
		s, err := NewSpectrum(descent.Of(w, shape...), SpectralPenalty{Rate: 0.5, Iterations: 40, Seed: 1})
		must(t, err)
		grad := make([]float64, len(w))
		sigma, err := s.Add(descent.Of(grad, shape...), 2)
		if err != nil || !(math.Abs(sigma-3) <= 1e-13) {
			t.Errorf("%v: σ = %v, %v, want 3", shape, sigma, err)
		}
		// Its gradient, by differences: Rate/2·σ².
		for _, i := range []int{0, len(w) / 2, len(w) - 1} {
			const h = 1e-4
			f := func(d float64) float64 {
				x := slices.Clone(w)
				x[i] += d
				s, _ := NewSpectrum(descent.Of(x, shape...), SpectralPenalty{Iterations: 60, Seed: 1})
				sigma, _ := s.Add(descent.View{}, 0)
				return 0.25 * sigma * sigma
			}
			want := 2 * (f(h) - f(-h)) / (2 * h)
			if !(math.Abs(grad[i]-want) <= 1e-7) { // h² and roundings/h
				t.Errorf("%v: gradient %d is %v, want %v", shape, i, grad[i], want)
			}
		}
	}
}

func TestSpectrumSpecialCases(t *testing.T) {
	w := make([]float32, 6)
	s, err := NewSpectrum(descent.Of(w, 2, 3), SpectralPenalty{Rate: 1})
	must(t, err)
	u, _ := s.State()
	before, _ := descent.Data[float64](u)
	before = slices.Clone(before)
	grad := make([]float32, 6)
	for _, bad := range []float32{0, float32(math.NaN()), float32(math.Inf(1))} {
		w[4] = bad
		sigma, err := s.Add(descent.Of(grad, 2, 3), 1)
		if err != nil || sigma > 0 && sigma <= math.MaxFloat64 {
			t.Errorf("with %v: σ = %v, %v", bad, sigma, err)
		}
		if after, _ := descent.Data[float64](u); !slices.Equal(before, after) || !slices.Equal(grad, make([]float32, 6)) {
			t.Errorf("with %v: u %v, gradient %v", bad, after, grad)
		}
	}
	w[4] = 2 // it finds its way again
	for range 3 {
		if sigma, err := s.Add(descent.View{}, 1); err != nil || !(math.Abs(sigma-2) <= 1e-15) {
			t.Errorf("σ = %v, %v, want 2", sigma, err)
		}
	}
}

func TestSpectrumRestores(t *testing.T) {
	w := descent.Of(varied[float32](60, 1), 6, 10)
	a, err := NewSpectrum(w, SpectralPenalty{Rate: 1, Seed: 3})
	must(t, err)
	_, err = a.Add(descent.View{}, 1)
	must(t, err)
	b, err := NewSpectrum(w, SpectralPenalty{Rate: 1, Seed: 99})
	must(t, err)
	must(t, b.Restore(a.State()))
	x, _ := a.Add(descent.View{}, 1)
	y, _ := b.Add(descent.View{}, 1)
	if x != y {
		t.Errorf("restored: σ = %v, want %v", y, x)
	}
	u, v := a.State()
	if err := b.Restore(v, u); !errors.Is(err, descent.ErrShape) {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"rate":       SpectralPenalty{Rate: -1}.Validate(),
		"iterations": SpectralPenalty{Iterations: -1}.Validate(),
	} {
		if err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := NewSpectrum(descent.Of([]float32{}, 0, 3), SpectralPenalty{}); !errors.Is(err, descent.ErrShape) {
		t.Error(err)
	}
	if _, err := NewSpectrum(descent.Of(make([]int32, 3)), SpectralPenalty{}); !errors.Is(err, descent.ErrDType) {
		t.Error(err)
	}
	if _, err := a.Add(w, 1); !errors.Is(err, descent.ErrOverlap) {
		t.Error(err)
	}
}

func TestSpectrumThreadsAndMemory(t *testing.T) {
	anyThreads(t, func() []float32 {
		grad := make([]float32, 300*1100)
		s, err := NewSpectrum(descent.Of(varied[float32](300*1100, 1), 300, 1100), SpectralPenalty{Rate: 1, Iterations: 2})
		must(t, err)
		_, err = s.Add(descent.Of(grad, 300, 1100), 1)
		must(t, err)
		return grad
	})
	s, err := NewSpectrum(descent.Of(ones(300*400), 300, 400), SpectralPenalty{Rate: 1})
	must(t, err)
	grad := descent.Of(ones(300*400), 300, 400)
	noAllocations(t, func() { _, _ = s.Add(grad, 1) })
}

func ExampleSpectralPenalty() {
	w := descent.Of([]float32{3, 0, 0, 1}, 2, 2)
	spectrum, err := NewSpectrum(w, SpectralPenalty{Rate: 0.1, Iterations: 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	grad := make([]float32, 4)
	sigma, err := spectrum.Add(descent.Of(grad, 2, 2), 1)
	fmt.Printf("%.3f %.3f %v\n", sigma, grad[0], err)
	// Output: 3.000 0.300 <nil>
}

func ExampleSpectrum() {
	s, err := NewSpectrum(descent.Of([]float32{4, 0, 0, 1}, 2, 2), SpectralPenalty{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 { // one iteration a step follows the weight
		sigma, _ := s.Add(descent.View{}, 0)
		fmt.Printf("%.3f\n", sigma)
	}
	// Output:
	// 3.987
	// 4.000
	// 4.000
}
