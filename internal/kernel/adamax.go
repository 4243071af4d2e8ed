package kernel

import "math"

// Adamax divides the mean gradient by a decaying maximum; m and u are slots 0
// and 1:
//
//	g' = Factor·g + L2·p
//	m  = Beta1·m + Omega1·g'
//	u  = max(Beta2·u, |g'| + Eps)
//	p  = Decay·p − Step·(m/u)
type Adamax struct {
	Factor, L2, Beta1, Omega1, Beta2, Eps, Decay, Step float64
}

// Update32 implements Rule.
func (c *Adamax) Update32(p, g []float32, s Slots[float32]) { adamax(p, g, s[0], s[1], c) }

// Update64 implements Rule.
func (c *Adamax) Update64(p, g []float64, s Slots[float64]) { adamax(p, g, s[0], s[1], c) }

func adamax[F Float](p, g, m, u []F, c *Adamax) {
	g, m, u = g[:len(p)], m[:len(p)], u[:len(p)]
	factor, l2, beta1, omega1, beta2 := F(c.Factor), F(c.L2), F(c.Beta1), F(c.Omega1), F(c.Beta2)
	eps, decay, step := F(c.Eps), F(c.Decay), F(c.Step)
	for i := range p {
		d := F(factor*g[i]) + F(l2*p[i])
		m1 := F(beta1*m[i]) + F(omega1*d)
		u1 := max(F(beta2*u[i]), F(math.Abs(float64(d)))+eps)
		m[i], u[i] = m1, u1
		p[i] = F(decay*p[i]) - F(step*(m1/u1))
	}
}
