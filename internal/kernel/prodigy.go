package kernel

import "math"

// Prodigy is Adam whose rate follows an estimate D of the distance to the
// solution; m, v, s and the first values p0 are slots 0 to 3. Measure moves the
// first three and sums Weight·g'·(p0 − p) and |s|:
//
//	g' = Factor·g
//	m  = Beta1·m + Omega1·(D·g')
//	v  = Beta2·v + Omega2·(D·g')²
//	s  = Beta3·s + Gain·(D·g')
//
// Update moves the values:
//
//	p  = Decay·p − Step·(m / (√v + Eps))
type Prodigy struct {
	Factor, D                                 float64
	Beta1, Omega1, Beta2, Omega2, Beta3, Gain float64
	Weight                                    float64
	Eps, Decay, Step                          float64
}

// Measure32 implements Measurer.
func (c *Prodigy) Measure32(p, g []float32, s Slots[float32]) Sums { return prodigyMeasure(p, g, s, c) }

// Measure64 implements Measurer.
func (c *Prodigy) Measure64(p, g []float64, s Slots[float64]) Sums { return prodigyMeasure(p, g, s, c) }

// Update32 implements Rule.
func (c *Prodigy) Update32(p, _ []float32, s Slots[float32]) { prodigy(p, s[0], s[1], c) }

// Update64 implements Rule.
func (c *Prodigy) Update64(p, _ []float64, s Slots[float64]) { prodigy(p, s[0], s[1], c) }

func prodigyMeasure[F Float](p, g []F, slots Slots[F], c *Prodigy) Sums {
	m, v, s, p0 := slots[0], slots[1], slots[2], slots[3]
	factor, scale := F(c.Factor), F(c.D)
	beta1, omega1, beta2, omega2 := F(c.Beta1), F(c.Omega1), F(c.Beta2), F(c.Omega2)
	beta3, gain := F(c.Beta3), F(c.Gain)
	var dot, abs [Lanes]float64
	for i := range p {
		d := F(factor * g[i])
		dot[i%Lanes] += float64(float64(d) * (float64(p0[i]) - float64(p[i])))
		d *= scale
		m[i] = F(beta1*m[i]) + F(omega1*d)
		v[i] = F(beta2*v[i]) + F(omega2*F(d*d))
		s1 := F(beta3*s[i]) + F(gain*d)
		s[i] = s1
		abs[i%Lanes] += math.Abs(float64(s1))
	}
	return Sums{float64(c.Weight * fold(&dot)), fold(&abs)}
}

func prodigy[F Float](p, m, v []F, c *Prodigy) {
	m, v = m[:len(p)], v[:len(p)]
	eps, decay, step := F(c.Eps), F(c.Decay), F(c.Step)
	for i := range p {
		p[i] = F(decay*p[i]) - F(step*(m[i]/(sqrt(v[i])+eps)))
	}
}
