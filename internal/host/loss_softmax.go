package host

import (
	"math"
	"sync/atomic"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// SoftmaxPoint implements backend.Backend.
func (Backend) SoftmaxPoint(s backend.SoftmaxPoint) (backend.Loss, error) {
	t := softmaxes.get()
	defer softmaxes.put(t)
	var err error
	if t.of, err = classWeights(t.of[:0], s.Weights); err != nil {
		return backend.Loss{}, err
	}
	if err := classTargets(s.Targets, s.Classes, s.Ignore); err != nil {
		return backend.Loss{}, err
	}
	t.SoftmaxPoint = s
	t.resize(s.Rows)
	t.correct.Store(0)
	out := t.over(s.Rows, s.Logits.Len, t)
	out.Correct = int(t.correct.Load())
	t.SoftmaxPoint = backend.SoftmaxPoint{}
	return out, nil
}

type softmaxTask struct {
	backend.SoftmaxPoint
	rowSums
	of      []float64 // the classes' weights; none is 1 for all
	correct atomic.Int64
}

var softmaxes pooled[softmaxTask]

func (t *softmaxTask) Run(row int) {
	lo, hi := row*t.Classes, (row+1)*t.Classes
	y := class(t.Targets, row)
	weight := 1.0
	switch {
	case y == t.Ignore:
		weight = 0
	case len(t.of) > 0:
		weight = t.of[y]
	}
	if weight == 0 {
		t.put(row, 0, 0)
		zeroRow(t.Grad, lo, hi)
		return
	}
	var loss float64
	var right bool
	switch t.Logits.Type {
	case backend.Float32:
		var grad []float32
		if t.Grad.Ptr != nil {
			grad = f32(t.Grad, lo, hi)
		}
		loss, right = softmaxRow(grad, f32(t.Logits, lo, hi), y, weight, &t.SoftmaxPoint)
	case backend.Float64:
		var grad []float64
		if t.Grad.Ptr != nil {
			grad = f64(t.Grad, lo, hi)
		}
		loss, right = softmaxRow(grad, f64(t.Logits, lo, hi), y, weight, &t.SoftmaxPoint)
	default:
		s := exponentials.get()
		s.of32 = resize(s.of32, t.Classes)
		x, grad := s.of32, s.of32
		widen(x, t.Logits, lo, hi)
		if t.Grad.Ptr == nil {
			grad = nil
		}
		loss, right = softmaxRow(grad, x, y, weight, &t.SoftmaxPoint)
		if grad != nil {
			narrow(t.Grad, lo, hi, grad)
		}
		exponentials.put(s)
	}
	if right {
		t.correct.Add(1)
	}
	t.put(row, weight, loss)
}

// softmaxRow is one row without its weight; grad, which may be x, gets
// Scale·weight·∂loss/∂x. With q_y = 1−ε+ε/K, elsewhere ε/K, and u = 1 − p_y
//
//	focal:   a = u^γ + γ·u^(γ−1)·p_y·(−ln p_y),  ∂/∂x_j = a·(p_j − [j = y])
//	poly-1:  a = 1 + Epsilon·(1−ε)·p_y,          ∂/∂x_j = a·p_j − ε/K for j ≠ y
//	         1 − Σ q·p = ε − ε/K + (1−ε)·u,      ∂/∂x_y = ε − ε/K − a·u
//
// The exponential of x_y is kept out of the sum z of the others, so that
// u = z/(z+e) has all its digits where p_y is nearly 1.
//
// right reports whether the first largest logit is the target.
//
// A row with NaN or +Inf, or with nothing but −Inf, has the loss NaN and, in
// every element, the gradient NaN. A logit −Inf is probability 0.
func softmaxRow[F kernel.Float](grad, x []F, y int64, weight float64, s *backend.SoftmaxPoint) (loss float64, right bool) {
	largest, sum := kernel.MaxSum(x)
	right = rowTarget[F]{class: int(y)}.first(x, largest)
	shifted := float64(x[y]) - float64(largest)
	var of [3][]F
	if grad != nil {
		of = [3][]F{grad[:y], grad[y : y+1], grad[y+1:]}
	}
	z := kernel.ExpSum(of[0], x[:y], largest) + kernel.ExpSum(of[2], x[y+1:], largest)
	e := kernel.ExpSum(of[1], x[y:y+1], largest)
	all := z + e
	if !(all > 0 && all <= math.MaxFloat64) {
		for j := range grad {
			grad[j] = F(math.NaN())
		}
		return math.NaN(), false
	}
	nll := fmath.Log(all) - shifted
	if shifted == 0 {
		nll = fmath.Log1p(z)
	}
	p, u, k := e/all, z/all, float64(s.Classes)
	scale := s.Scale * weight
	if s.Gamma != 0 {
		power := fmath.Pow(u, s.Gamma)
		if grad != nil {
			a := power
			if u != 0 && p != 0 { // their products' limits are 0
				a += float64(s.Gamma * (power / u) * p * nll)
			}
			kernel.ScaleSub(grad, F(float64(scale*a)/all), 0)
			grad[y] = F(-float64(scale * a * u))
		}
		return float64(power * nll), right
	}
	// −Σ q·ln p = nll + ε·(x_y − mean)
	loss = nll
	eps := s.Smoothing
	switch {
	case eps > 0 && math.IsInf(sum, -1): // a class of probability 0 is asked for
		loss = math.Inf(1)
	case eps > 0:
		loss += float64(eps * (shifted + (float64(largest) - sum/k)))
	}
	off, on := eps/k, 1-eps
	loss += float64(s.Epsilon * (eps - off + float64(on*u)))
	if grad != nil {
		a := 1 + float64(s.Epsilon*on*p)
		kernel.ScaleSub(grad, F(float64(scale*a)/all), F(scale*off))
		grad[y] = F(scale * (eps - off - float64(a*u)))
	}
	return loss, right
}
