package kernel

import "math"

// Adam is Adam and AdamW; the moments m and v are slots 0 and 1:
//
//	g' = Factor·g + L2·p
//	m  = Beta1·m + Omega1·g'
//	v  = Beta2·v + Omega2·(g'·g')
//	p  = Decay·p − Step·(m / (√v·RSqrt + Eps))
//
// Bias correction is in Step = lr/(1−β₁ᵗ) and RSqrt = 1/√(1−β₂ᵗ).
type Adam struct {
	Factor, L2                   float64
	Beta1, Omega1, Beta2, Omega2 float64
	RSqrt, Eps, Decay, Step      float64
}

// Update32 implements Rule.
func (c *Adam) Update32(p, g []float32, s Slots[float32]) {
	k := c.coef32()
	adam32(p, g, s[0], s[1], &k)
}

// coef32 is c in float32.
func (c *Adam) coef32() adamCoef[float32] {
	return adamCoef[float32]{
		float32(c.Factor), float32(c.L2),
		float32(c.Beta1), float32(c.Omega1), float32(c.Beta2), float32(c.Omega2),
		float32(c.RSqrt), float32(c.Eps), float32(c.Decay), float32(c.Step),
	}
}

// Update64 implements Rule.
func (c *Adam) Update64(p, g []float64, s Slots[float64]) {
	adamGeneric(p, g, s[0], s[1], &adamCoef[float64]{
		c.Factor, c.L2, c.Beta1, c.Omega1, c.Beta2, c.Omega2, c.RSqrt, c.Eps, c.Decay, c.Step,
	})
}

// adamCoef is laid out for the assembly: ten elements in this order.
type adamCoef[F Float] struct {
	factor, l2, beta1, omega1, beta2, omega2, rsqrt, eps, decay, step F
}

func adamGeneric[F Float](p, g, m, v []F, c *adamCoef[F]) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	for i := range p {
		d := F(c.factor*g[i]) + F(c.l2*p[i])
		m1 := F(c.beta1*m[i]) + F(c.omega1*d)
		v1 := F(c.beta2*v[i]) + F(c.omega2*F(d*d))
		m[i], v[i] = m1, v1
		q := m1 / (F(sqrt(v1)*c.rsqrt) + c.eps)
		p[i] = F(c.decay*p[i]) - F(c.step*q)
	}
}

// sqrt rounds correctly in both types: the float64 root of a float32, rounded
// again, is the correctly rounded float32 root, since 53 ≥ 2·24 + 2.
func sqrt[F Float](x F) F { return F(math.Sqrt(float64(x))) }
