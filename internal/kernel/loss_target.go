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
		p := t.Probs[at : at+len(q)]
		if v, ok := any(p).([]float32); ok {
			targetMix32(q, v, t.Keep, t.Spread)
		} else {
			targetMixGeneric(q, p, t.Keep, t.Spread)
		}
	} else {
		q[0] = t.Spread
		for n := 1; n < len(q); n *= 2 { // a loop takes ten times as long
			copy(q[n:], q[:n])
		}
		if i := t.Class - at; i >= 0 && i < len(q) {
			q[i] += t.Keep
		}
	}
	if len(t.Weights) != 0 {
		targetWeigh(q, t.Weights[at:at+len(q)])
	}
}

// targetMixGeneric sets q = keep·p + spread.
func targetMixGeneric[F Float](q []float64, p []F, keep, spread float64) {
	for i, v := range p[:len(q)] {
		q[i] = float64(keep*float64(v)) + spread
	}
}

// targetWeighGeneric sets q = q·w.
func targetWeighGeneric(q, w []float64) {
	for i, v := range w[:len(q)] {
		q[i] *= v
	}
}

// Sums returns Σq and Σq·(shift − x). A class with q = 0 adds nothing, even
// where x is infinite.
func (t *Target[F]) Sums(x []F, shift F) (mass, cost float64) {
	var buf [Block]float64
	for at := 0; at < len(x); at += Block {
		q := buf[:min(Block, len(x)-at)]
		t.read(q, at)
		var m, c float64
		part := x[at : at+len(q)]
		if v, ok := any(part).([]float32); ok {
			m, c = targetSums32(q, v, float32(shift))
		} else {
			m, c = targetSumsGeneric(q, part, shift)
		}
		mass += m
		cost += c
	}
	return mass, cost
}

// targetSumsGeneric returns the sums of at most one block.
func targetSumsGeneric[F Float](q []float64, x []F, shift F) (mass, cost float64) {
	var m, c [Lanes]float64
	for i, v := range x[:len(q)] {
		if q[i] != 0 {
			m[i%Lanes] += q[i]
			c[i%Lanes] += float64(q[i] * (float64(shift) - float64(v)))
		}
	}
	return fold(&m), fold(&c)
}

// Gradient sets dst = a·dst − b·q, computed in float64 and rounded once.
func (t *Target[F]) Gradient(dst []F, a, b float64) {
	var buf [Block]float64
	for at := 0; at < len(dst); at += Block {
		q := buf[:min(Block, len(dst)-at)]
		t.read(q, at)
		d := dst[at : at+len(q)]
		if v, ok := any(d).([]float32); ok {
			targetGradient32(v, q, a, b)
		} else {
			targetGradientGeneric(d, q, a, b)
		}
	}
}

func targetGradientGeneric[F Float](dst []F, q []float64, a, b float64) {
	for i, e := range dst[:len(q)] {
		dst[i] = F(float64(a*float64(e)) - float64(b*q[i]))
	}
}
