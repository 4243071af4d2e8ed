package kernel

// Target is what a row's classes should be: class c has
//
//	q = Weights[c]·(Keep·t + Spread)
//
// where t is Probs[c] or, without Probs, 1 for Class and 0 for all others.
type Target[F Float] struct {
	Probs   []F
	Class   int
	Weights []float64 // none is 1 for all
	Keep    float64
	Spread  float64
}

// read sets q to the classes from at on.
func (t *Target[F]) read(q []float64, at int) {
	if t.Probs != nil {
		for i, p := range t.Probs[at : at+len(q)] {
			q[i] = float64(t.Keep*float64(p)) + t.Spread
		}
	} else {
		for i := range q {
			q[i] = t.Spread
		}
		if i := t.Class - at; i >= 0 && i < len(q) {
			q[i] += t.Keep
		}
	}
	if len(t.Weights) != 0 {
		for i, w := range t.Weights[at : at+len(q)] {
			q[i] *= w
		}
	}
}

// Sums returns Σq and Σq·(shift − x). A class with q = 0 adds nothing, even
// where x is infinite.
func (t *Target[F]) Sums(x []F, shift F) (mass, cost float64) {
	var buf [Block]float64
	for at := 0; at < len(x); at += Block {
		q := buf[:min(Block, len(x)-at)]
		t.read(q, at)
		var m, c [Lanes]float64
		for i, v := range x[at : at+len(q)] {
			if q[i] != 0 {
				m[i%Lanes] += q[i]
				c[i%Lanes] += float64(q[i] * (float64(shift) - float64(v)))
			}
		}
		mass += fold(&m)
		cost += fold(&c)
	}
	return mass, cost
}

// Gradient sets dst = a·dst − b·q, computed in float64 and rounded once.
func (t *Target[F]) Gradient(dst []F, a, b float64) {
	var buf [Block]float64
	for at := 0; at < len(dst); at += Block {
		q := buf[:min(Block, len(dst)-at)]
		t.read(q, at)
		for i, e := range dst[at : at+len(q)] {
			dst[at+i] = F(float64(a*float64(e)) - float64(b*q[i]))
		}
	}
}
