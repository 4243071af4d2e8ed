package kernel

// Lion moves by the sign of a mean gradient; m is slot 0:
//
//	g' = Factor·g
//	u  = sign(Beta1·m + Omega1·g')
//	m  = Beta2·m + Omega2·g'
//	p  = Decay·p − LR·u
//
// The sign of 0 is 0, of NaN NaN.
type Lion struct {
	Factor, Beta1, Omega1, Beta2, Omega2, Decay, LR float64
}

// Update32 implements Rule.
func (c *Lion) Update32(p, g []float32, s Slots[float32]) {
	k := lionCoef[float32]{
		float32(c.Factor), float32(c.Beta1), float32(c.Omega1), float32(c.Beta2), float32(c.Omega2),
		float32(c.Decay), float32(c.LR),
	}
	lion32(p, g, s[0], &k)
}

// Update64 implements Rule.
func (c *Lion) Update64(p, g []float64, s Slots[float64]) {
	lionGeneric(p, g, s[0], &lionCoef[float64]{
		c.Factor, c.Beta1, c.Omega1, c.Beta2, c.Omega2, c.Decay, c.LR,
	})
}

// lionCoef is laid out for the assembly: seven elements in this order.
type lionCoef[F Float] struct{ factor, beta1, omega1, beta2, omega2, decay, lr F }

func lionGeneric[F Float](p, g, m []F, c *lionCoef[F]) {
	g, m = g[:len(p)], m[:len(p)]
	for i := range p {
		d := F(c.factor * g[i])
		u := F(sign(float64(F(c.beta1*m[i]) + F(c.omega1*d))))
		m[i] = F(c.beta2*m[i]) + F(c.omega2*d)
		p[i] = F(c.decay*p[i]) - F(c.lr*u)
	}
}
