package host

import (
	"math"
	"sync/atomic"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// SoftPair implements backend.Backend.
func (Backend) SoftPair(p backend.SoftPair) (backend.Loss, error) {
	t := softPairs.get()
	t.SoftPair = p
	t.resize(p.Rows)
	t.kept.Store(0)
	out := t.over(p.Rows, p.X.Len+p.Y.Len, t)
	out.Rows = int(t.kept.Load())
	t.SoftPair = backend.SoftPair{}
	softPairs.put(t)
	return out, nil
}

type softTask struct {
	backend.SoftPair
	rowSums
	kept atomic.Int64
}

var softPairs pooled[softTask]

// softSide is one row's probabilities: e/z, of the logits u, which are over
// the temperature.
type softSide[F kernel.Float] struct {
	u, e       []F
	largest, z float64
	lnZ        float64
}

// softRows are scratch of one goroutine.
type softRows[F kernel.Float] struct{ x, y softSide[F] }

var (
	soft32 pooled[softRows[float32]]
	soft64 pooled[softRows[float64]]
)

func (t *softTask) Run(row int) {
	lo, hi := row*t.Classes, (row+1)*t.Classes
	weight := number(t.Weights, row)
	if weight == 0 {
		t.none(row, 0, lo, hi)
		return
	}
	if t.X.Type == backend.Float64 {
		s := soft64.get()
		s.x.u, s.y.u = resize(s.x.u, t.Classes), resize(s.y.u, t.Classes)
		copy(s.x.u, f64(t.X, lo, hi))
		if t.Y.Ptr != nil {
			copy(s.y.u, f64(t.Y, lo, hi))
		}
		softRow(t, s, row, weight)
		soft64.put(s)
		return
	}
	s := soft32.get()
	s.x.u, s.y.u = resize(s.x.u, t.Classes), resize(s.y.u, t.Classes)
	load32(s.x.u, t.X, lo, hi)
	if t.Y.Ptr != nil {
		load32(s.y.u, t.Y, lo, hi)
	}
	softRow(t, s, row, weight)
	soft32.put(s)
}

func load32(dst []float32, b backend.Buffer, lo, hi int) {
	if b.Type == backend.Float32 {
		copy(dst, f32(b, lo, hi))
		return
	}
	widen(dst, b, lo, hi)
}

// none is a row without a loss.
func (t *softTask) none(row int, weight float64, lo, hi int) {
	t.put(row, weight, 0)
	if !t.Add {
		zeroRow(t.GradX, lo, hi)
		zeroRow(t.GradY, lo, hi)
	}
}

// over divides the logits by a temperature and finds their probabilities. It
// reports whether they are numbers.
func (s *softSide[F]) over(temperature float64) bool {
	if temperature != 1 {
		for j, v := range s.u {
			s.u[j] = F(float64(v) / temperature)
		}
	}
	s.e = resize(s.e, len(s.u))
	largest, _ := kernel.MaxSum(s.u)
	s.largest, s.z = float64(largest), kernel.ExpSum(s.e, s.u, largest)
	s.lnZ = fmath.Log(s.z)
	return s.z > 0 && s.z <= math.MaxFloat64
}

// at is the probability of class j and its logarithm.
func (s *softSide[F]) at(j int) (p, ln float64) {
	return float64(s.e[j]) / s.z, float64(s.u[j]) - s.largest - s.lnZ
}

// first is the first most probable class.
func (s *softSide[F]) first() int {
	for j, v := range s.u {
		if float64(v) == s.largest {
			return j
		}
	}
	return 0
}

// softRow is one row.
func softRow[F kernel.Float](t *softTask, s *softRows[F], row int, weight float64) {
	lo, hi := row*t.Classes, (row+1)*t.Classes
	if t.Threshold > 0 {
		largest, _ := kernel.MaxSum(s.y.u)
		sure := 1 / kernel.ExpSum(nil, s.y.u, largest)
		if t.Kind == backend.SoftLabel && t.TempY != 1 {
			sure = 0
			for _, v := range s.y.u {
				sure += fmath.Exp(float64(v-largest) / t.TempY)
			}
			sure = 1 / sure
		}
		if sure < t.Threshold {
			if t.Kept {
				weight = 0
			}
			t.none(row, weight, lo, hi)
			return
		}
	}
	t.kept.Add(1)
	ok := s.x.over(t.TempX)
	if t.Y.Ptr != nil {
		ok = s.y.over(t.TempY) && ok
	}
	d := softDistance{kind: t.Kind, value: math.NaN(), classes: float64(t.Classes)}
	if ok {
		softSums(&d, s)
	}
	t.put(row, weight, float64(t.Factor*d.value))
	a := t.Scale * weight * t.Factor
	softGradient(t, &d, s, t.GradX, lo, a/t.TempX, ok, false)
	softGradient(t, &d, s, t.GradY, lo, a/t.TempY, ok, true)
}

// softDistance is what the derivatives of a row's distance need.
type softDistance struct {
	kind           backend.SoftKind
	classes        float64
	value          float64
	forward, other float64 // sums that are subtracted from the derivatives by v and u
	label          int
}

func softSums[F kernel.Float](d *softDistance, s *softRows[F]) {
	switch d.kind {
	case backend.SoftLabel:
		d.label = s.y.first()
		_, ln := s.x.at(d.label)
		d.value = 0 - ln
		return
	case backend.SoftEntropy:
		d.value = 0
		for j := range s.x.u {
			q, ln := s.x.at(j)
			d.value -= times(q, ln)
		}
		return
	}
	square := 0.0
	for j := range s.x.u {
		q, lnQ := s.x.at(j)
		p, lnP := s.y.at(j)
		byP, byQ := d.terms(p, lnP, q, lnQ)
		d.forward += times(p, byP)
		d.other += times(q, byQ)
		square += float64((q - p) * (q - p))
	}
	switch d.kind {
	case backend.SoftForward:
		d.value = d.forward
	case backend.SoftReverse:
		d.value = d.other
	case backend.SoftSquares:
		d.value = square / d.classes
	default:
		d.value = d.forward/2 + d.other/2
	}
}

// times is a·b, and 0 where a is 0.
func times(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return float64(a * b)
}

// terms are what p and q are multiplied by.
func (d *softDistance) terms(p, lnP, q, lnQ float64) (byP, byQ float64) {
	switch d.kind {
	case backend.SoftJensen: // ln(p/m) = ln(1 + (p−q)/(p+q))
		if p == 0 && q == 0 {
			return 0, 0
		}
		r := (p - q) / (p + q)
		if p != 0 {
			byP = fmath.Log1p(r)
		}
		if q != 0 {
			byQ = fmath.Log1p(-r)
		}
		return byP, byQ
	case backend.SoftSquares:
		return p - q, q - p
	}
	return lnP - lnQ, lnQ - lnP
}

// softGradient writes a times the derivatives by u or, for y, by v:
//
//	forward  q − p                          p·(ln p − ln q − D)
//	reverse  q·(ln q − ln p − D)            p − q
//	Jensen   ½q·(ln q − ln m − Σq(ln q−ln m))  the same of p
//	squares  2/K·q·(q − p − Σq(q−p))        the same of p
//	label    q − [j = label]
//	entropy  −q·(ln q + D)
func softGradient[F kernel.Float](t *softTask, d *softDistance, s *softRows[F], to backend.Buffer, lo int, a float64, ok, y bool) {
	if to.Ptr == nil {
		return
	}
	var run, old [chunk]float64
	for at := 0; at < t.Classes; at += chunk {
		g := run[:min(chunk, t.Classes-at)]
		if t.Add {
			load(old[:len(g)], to, lo+at)
		}
		for i := range g {
			v := math.NaN()
			if ok {
				v = float64(a * softSlope(d, s, at+i, y))
			}
			g[i] = v + old[i]
		}
		store(to, lo+at, g)
	}
}

func softSlope[F kernel.Float](d *softDistance, s *softRows[F], j int, y bool) float64 {
	q, lnQ := s.x.at(j)
	switch d.kind {
	case backend.SoftLabel:
		if j == d.label {
			return q - 1
		}
		return q
	case backend.SoftEntropy:
		return 0 - times(q, lnQ+d.value)
	}
	p, lnP := s.y.at(j)
	byP, byQ := d.terms(p, lnP, q, lnQ)
	own, sum, by, apart := q, d.other, byQ, q-p
	if y {
		own, sum, by, apart = p, d.forward, byP, p-q
	}
	curved := times(own, by-sum)
	switch {
	case d.kind == backend.SoftJensen:
		return curved / 2
	case d.kind == backend.SoftSquares:
		return float64(2*curved) / d.classes
	case d.kind == backend.SoftSymmetric:
		return (curved + apart) / 2
	case (d.kind == backend.SoftForward) == y:
		return curved
	}
	return apart
}
