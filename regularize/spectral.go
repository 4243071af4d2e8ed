package regularize

import (
	"errors"
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/philox"
)

// SpectralPenalty keeps the largest singular value σ of a weight small.
//
//	penalty  = Rate/2·σ²
//	gradient = Rate·σ·u·vᵀ
//
// u and v, σ's singular vectors, follow the weight by power iteration.
// See https://arxiv.org/abs/1705.10941.
type SpectralPenalty struct {
	Rate       float64
	Iterations int // of each call; 0 means 1
	Seed       uint64
}

// Validate reports the first field out of range.
func (s SpectralPenalty) Validate() error {
	return check.Fields("regularize.SpectralPenalty",
		check.Field{Name: "Rate", Value: s.Rate, Max: math.Inf(1)},
		check.Field{Name: "Iterations", Value: float64(s.Iterations), Max: math.Inf(1)})
}

// Spectrum follows the largest singular value of one weight. Its first
// dimension counts the rows of the matrix, all others together the columns. Its
// memory is a float64 for each row and column; u begins as random numbers of
// the Seed. A Spectrum must not be used by two goroutines at once.
type Spectrum struct {
	rule SpectralPenalty
	w    descent.View
	u, v descent.View
}

// NewSpectrum makes a Spectrum of w, which is float32 or float64 and not empty.
func NewSpectrum(w descent.View, rule SpectralPenalty) (*Spectrum, error) {
	if err := rule.Validate(); err != nil {
		return nil, err
	}
	if err := check.Usable("w", w); err != nil {
		return nil, err
	}
	if err := check.DType("w", w, descent.F32, descent.F64); err != nil {
		return nil, err
	}
	if w.Len() == 0 {
		return nil, fmt.Errorf("regularize: %w: w is %v, want elements", descent.ErrShape, w)
	}
	s := &Spectrum{rule: rule, w: w}
	rows, cols := w.Dim(0), group(w)
	start := make([]float64, rows)
	key := philox.NewKey(rule.Seed, 0x737065637472) // "spectr"
	for i := range start {
		start[i] = 2*key.Uniform(uint64(i), 0) - 1
	}
	var err error
	if s.u, err = vector(w.Device(), rows); err != nil {
		return nil, err
	}
	if s.v, err = vector(w.Device(), cols); err != nil {
		return nil, err
	}
	return s, descent.Copy(s.u, descent.Of(start))
}

// vector is n zeros of float64.
func vector(dev descent.Device, n int) (descent.View, error) {
	b, err := dev.Backend().Alloc(descent.F64, n)
	if err != nil {
		return descent.View{}, fmt.Errorf("regularize: %w", err)
	}
	return descent.NewView(dev, b, n), nil
}

// Add moves u and v by the rule's iterations, adds scale times the gradient of
// the penalty to grad, and returns σ, of which the penalty is Rate/2·σ². The
// zero View as grad asks for σ alone; about scale see Elastic.Add. It reads the
// weight twice an iteration and once more for the gradient.
//
// Special cases are: a weight of zeros has σ = 0 and a gradient of 0; one that
// holds NaN or ±Inf gives σ NaN or +Inf, and nothing is added; either leaves u
// and v as they were.
func (s *Spectrum) Add(grad descent.View, scale float64) (float64, error) {
	if err := penalized(grad, s.w, scale); err != nil {
		return 0, err
	}
	return s.w.Device().Backend().Spectral(backend.Spectral{
		Grad: grad.Buffer(), W: s.w.Buffer(), Rows: s.u.Len(), Cols: s.v.Len(),
		U: s.u.Buffer(), V: s.v.Buffer(),
		Iterations: max(s.rule.Iterations, 1), Scale: s.rule.Rate * scale,
	})
}

// State is u and v: the Spectrum's own memory. Copy what is to outlive the next
// call.
func (s *Spectrum) State() (u, v descent.View) { return s.u, s.v }

// Restore copies a saved u and v into the Spectrum, which then continues with
// the bits that the saved one would have had. Vectors of another type or length
// are an error, and nothing changes.
func (s *Spectrum) Restore(u, v descent.View) error {
	if err := errors.Join(check.Same("saved u", u, "own", s.u), check.Same("saved v", v, "own", s.v)); err != nil {
		return err
	}
	b := s.w.Device().Backend()
	return errors.Join(b.Copy(s.u.Buffer(), u.Buffer()), b.Copy(s.v.Buffer(), v.Buffer()))
}
