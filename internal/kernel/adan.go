package kernel

// Adan adds to the mean gradient the mean of its changes. m, w, n and h, the
// gradient before, are slots 0 to 3:
//
//	g' = Factor·g
//	e  = Fresh·(g' − h)               Fresh is 0 where there is no h, else 1
//	m  = Beta1·m + Omega1·g'
//	w  = Beta2·w + Omega2·e
//	n  = Beta3·n + Omega3·(g' + Ahead·e)²
//	h  = g'
//	p  = (Decay·p − (A·m + B·w) / (√(n + Root)·RSqrt + Eps))·Shrink
//
// The learning rate is in A and B.
type Adan struct {
	Factor, Fresh                                float64
	Beta1, Omega1, Beta2, Omega2, Beta3, Omega3  float64
	Ahead, A, B, Root, RSqrt, Eps, Decay, Shrink float64
}

// Update32 implements Rule.
func (c *Adan) Update32(p, g []float32, s Slots[float32]) { adan(p, g, s[0], s[1], s[2], s[3], c) }

// Update64 implements Rule.
func (c *Adan) Update64(p, g []float64, s Slots[float64]) { adan(p, g, s[0], s[1], s[2], s[3], c) }

func adan[F Float](p, g, m, w, n, h []F, c *Adan) {
	g, m, w, n, h = g[:len(p)], m[:len(p)], w[:len(p)], n[:len(p)], h[:len(p)]
	factor, fresh := F(c.Factor), F(c.Fresh)
	beta1, omega1, beta2, omega2 := F(c.Beta1), F(c.Omega1), F(c.Beta2), F(c.Omega2)
	beta3, omega3, ahead, a, b := F(c.Beta3), F(c.Omega3), F(c.Ahead), F(c.A), F(c.B)
	root, rsqrt, eps, decay, shrink := F(c.Root), F(c.RSqrt), F(c.Eps), F(c.Decay), F(c.Shrink)
	for i := range p {
		d := F(factor * g[i])
		e := F(fresh * (d - h[i]))
		m1 := F(beta1*m[i]) + F(omega1*d)
		w1 := F(beta2*w[i]) + F(omega2*e)
		x := d + F(ahead*e)
		n1 := F(beta3*n[i]) + F(omega3*F(x*x))
		m[i], w[i], n[i], h[i] = m1, w1, n1, d
		q := (F(a*m1) + F(b*w1)) / (F(sqrt(n1+root)*rsqrt) + eps)
		p[i] = F((F(decay*p[i]) - q) * shrink)
	}
}
