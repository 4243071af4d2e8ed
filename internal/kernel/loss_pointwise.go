package kernel

import (
	"math"

	"github.com/descent-ml/descent/internal/fmath"
)

// Pointwise is a loss of single numbers x with a target t. All of it is float64.
type Pointwise struct {
	Kind PointwiseKind
	A, B float64 // what the kind says
	C    float64
}

// PointwiseKind is a formula. σ is the logistic function, sp(x) = ln(1+eˣ) and
// d = x − t.
type PointwiseKind uint8

// The formulas.
const (
	Squared       PointwiseKind = iota // d²
	Absolute                           // |d|
	Huber                              // d²/2 where |d| ≤ A, else A·(|d| − A/2)
	SmoothL1                           // d²/(2A) where |d| < A, else |d| − A/2
	LogCosh                            // ln cosh d
	Hinge                              // max(0, A − t·x)
	Logistic                           // pos·t·sp(−x) + (1−t)·sp(x), t = (1−A)·t + B
	Focal                              // (A·t + (1−A)·(1−t))·(1−p_t)ᴮ·Logistic; without the first factor where A < 0
	Asymmetric                         // t·σ(−x)ᴬ·sp(−x) − (1−t)·mᴮ·ln(1−m), m = max(σ(x)−C, 0)
	Detached                           // Asymmetric, the powers constants to the slope
	Divergence                         // t·(ln t − x)
	LogDivergence                      // eᵗ·(t − x)
)

// Eval sets value to the losses and slope to their derivatives by x. pos is
// read by Logistic alone.
func (p Pointwise) Eval(value, slope, x, t, pos []float64) {
	n := len(value)
	slope, x, t = slope[:n], x[:n], t[:n]
	switch p.Kind {
	case Squared:
		for i := range value {
			d := x[i] - t[i]
			value[i], slope[i] = float64(d*d), d+d
		}
	case Absolute:
		for i := range value {
			d := x[i] - t[i]
			value[i], slope[i] = math.Abs(d), sign(d)
		}
	case Huber:
		for i := range value {
			d := x[i] - t[i]
			if a := math.Abs(d); a <= p.A {
				value[i], slope[i] = float64(d*d)/2, d
			} else {
				value[i], slope[i] = float64(p.A*(a-float64(p.A/2))), float64(p.A*sign(d))
			}
		}
	case SmoothL1:
		for i := range value {
			d := x[i] - t[i]
			if a := math.Abs(d); a < p.A {
				value[i], slope[i] = float64(d*d)/p.A/2, d/p.A
			} else {
				value[i], slope[i] = a-float64(p.A/2), sign(d)
			}
		}
	case LogCosh:
		for i := range value {
			d := x[i] - t[i]
			v, s := logCosh(math.Abs(d))
			value[i], slope[i] = v, math.Copysign(s, d)
		}
	case Hinge:
		for i := range value {
			switch v := p.A - float64(t[i]*x[i]); {
			case v < 0:
				value[i], slope[i] = 0, 0
			case v != v:
				value[i], slope[i] = v, v
			default:
				value[i], slope[i] = v, -t[i]
			}
		}
	case Logistic:
		pos = pos[:n]
		for i := range value {
			on := float64((1-p.A)*t[i]) + p.B
			off := 1 - on
			on *= pos[i]
			s := logistic(x[i])
			value[i] = times(on, s.below) + times(off, s.above)
			slope[i] = float64(off*s.p) - float64(on*s.q)
		}
	case Focal:
		for i := range value {
			value[i], slope[i] = focal(x[i], t[i], p.A, p.B)
		}
	case Divergence:
		for i := range value {
			value[i], slope[i] = 0, 0-t[i]
			if t[i] != 0 {
				value[i] = float64(t[i] * (fmath.Log(t[i]) - x[i]))
			}
		}
	case LogDivergence:
		for i := range value {
			e := fmath.Exp(t[i])
			value[i], slope[i] = times(e, t[i]-x[i]), -e
		}
	case Asymmetric, Detached:
		for i := range value {
			value[i], slope[i] = p.asymmetric(x[i], t[i])
		}
	}
}

// sign is −1, 0 or 1, and NaN of NaN.
func sign(d float64) float64 {
	switch {
	case d > 0:
		return 1
	case d < 0:
		return -1
	}
	return d
}

// times is a·b, and 0 where a is 0.
func times(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return float64(a * b)
}

// power is uᵞ for u and γ of at least 0. Most γ are whole: 4 ns against 50.
func power(u, gamma float64) float64 {
	if n := int64(gamma); gamma < 64 && float64(n) == gamma {
		return fmath.PowInt(u, n)
	}
	return fmath.Pow(u, gamma)
}

// logCosh is ln cosh a and tanh a for a ≥ 0. Below a half it is
// ln(1 + (cosh a − 1)), which keeps the digits of a²/2; above, the sum with e⁻²ᵃ
// does not overflow.
func logCosh(a float64) (value, slope float64) {
	if a < 0.5 {
		u := fmath.Expm1(a)
		return fmath.Log1p(float64(u*u) / (2 + (u + u))), fmath.Tanh(a)
	}
	e, l := expLog1p(a + a)
	return a - math.Ln2 + l, (1 - e) / (1 + e)
}

// sigmoid is σ(x), σ(−x), sp(x) and sp(−x).
type sigmoid struct{ p, q, above, below float64 }

// logistic forms all four of e^−|x|, which does not overflow.
func logistic(x float64) sigmoid {
	e, l := expLog1p(math.Abs(x))
	p := 1 / (1 + e)
	s := sigmoid{p, float64(e * p), max(x, 0) + l, max(-x, 0) + l}
	if x < 0 {
		s.p, s.q = s.q, s.p
	}
	return s
}

// focal is one element of Focal. With u = 1 − p_t the slope is
//
//	a·u^γ·(γ·(u′/u)·ce + p − t),  u′/u = (1−2t)·p·q/u
//
// where for hard targets u′/u is −p or q, which has no 0/0.
func focal(x, t, alpha, gamma float64) (value, slope float64) {
	s := logistic(x)
	off := 1 - t
	ce := times(t, s.below) + times(off, s.above)
	var u, r float64
	switch t {
	case 0:
		u, r = s.p, s.q
	case 1:
		u, r = s.q, -s.p
	default:
		u = float64(s.p*off) + float64(s.q*t)
		r = (off - t) * s.p * s.q / u
	}
	a := power(u, gamma)
	if alpha >= 0 {
		a *= float64(alpha*t) + float64((1-alpha)*off)
	}
	r *= gamma
	return times(a, ce), times(a, times(r, ce)+(float64(off*s.p)-float64(t*s.q)))
}

// asymmetric is one element of Asymmetric or Detached.
func (p Pointwise) asymmetric(x, t float64) (value, slope float64) {
	s := logistic(x)
	if t != 0 {
		w := t * power(s.q, p.A)
		value = times(w, s.below)
		slope = -float64(w * s.q)
		if r := p.A * s.p; p.Kind == Asymmetric {
			slope -= times(r, value)
		}
	}
	// nll = −ln(1−m); down and up are m′/(1−m) and m′/m.
	m, nll, down, up := s.p, s.above, s.p, s.q
	if p.C > 0 {
		m = max(s.p-p.C, 0)
		nll = -fmath.Log1p(-m)
		d := float64(s.p * s.q)
		down, up = d/(1-m), d/m
		if m == 0 {
			down, up = 0, 0
		}
	}
	if t != 1 {
		w := (1 - t) * power(m, p.B)
		v := times(w, nll)
		value += v
		slope += float64(w * down)
		if r := p.B * up; p.Kind == Asymmetric {
			slope += times(r, v)
		}
	}
	return value, slope
}

// LaneSum is a sum in the making of at most one block.
type LaneSum [Lanes]float64

// Add adds the next elements. All calls but the last have a multiple of Lanes.
func (l *LaneSum) Add(x []float64) {
	for ; len(x) >= Lanes; x = x[Lanes:] {
		for j, v := range x[:Lanes] {
			l[j] += v
		}
	}
	for j, v := range x {
		l[j] += v
	}
}

// Total folds the lanes, which it spoils.
func (l *LaneSum) Total() float64 { return fold((*[Lanes]float64)(l)) }
