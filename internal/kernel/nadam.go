package kernel

// NAdam is Adam that looks a step ahead; m and v are slots 0 and 1:
//
//	g' = Factor·g + L2·p
//	m  = Beta1·m + Omega1·g'
//	v  = Beta2·v + Omega2·(g'·g')
//	p  = Decay·p − (A·g' + B·m) / (√v·RSqrt + Eps)
//
// The learning rate is in A and B.
type NAdam struct {
	Factor, L2                   float64
	Beta1, Omega1, Beta2, Omega2 float64
	A, B, RSqrt, Eps, Decay      float64
}

// Update32 implements Rule.
func (c *NAdam) Update32(p, g []float32, s Slots[float32]) { nadam(p, g, s[0], s[1], c) }

// Update64 implements Rule.
func (c *NAdam) Update64(p, g []float64, s Slots[float64]) { nadam(p, g, s[0], s[1], c) }

func nadam[F Float](p, g, m, v []F, c *NAdam) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	factor, l2 := F(c.Factor), F(c.L2)
	beta1, omega1, beta2, omega2 := F(c.Beta1), F(c.Omega1), F(c.Beta2), F(c.Omega2)
	a, b, rsqrt, eps, decay := F(c.A), F(c.B), F(c.RSqrt), F(c.Eps), F(c.Decay)
	for i := range p {
		d := F(factor*g[i]) + F(l2*p[i])
		m1 := F(beta1*m[i]) + F(omega1*d)
		v1 := F(beta2*v[i]) + F(omega2*F(d*d))
		m[i], v[i] = m1, v1
		q := (F(a*d) + F(b*m1)) / (F(sqrt(v1)*rsqrt) + eps)
		p[i] = F(decay*p[i]) - q
	}
}
