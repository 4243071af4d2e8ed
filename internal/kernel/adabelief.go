package kernel

// AdaBelief divides the mean gradient by how far gradients are from it; m and s
// are slots 0 and 1:
//
//	g' = Factor·g + L2·p
//	m  = Beta1·m + Omega1·g'
//	s  = Beta2·s + Omega2·(g'−m)² + Root
//	p  = Decay·p − Step·(m / (√s·RSqrt + Eps))
type AdaBelief struct {
	Factor, L2                   float64
	Beta1, Omega1, Beta2, Omega2 float64
	Root, RSqrt, Eps             float64
	Decay, Step                  float64
}

// Update32 implements Rule.
func (c *AdaBelief) Update32(p, g []float32, s Slots[float32]) { adabelief(p, g, s[0], s[1], c) }

// Update64 implements Rule.
func (c *AdaBelief) Update64(p, g []float64, s Slots[float64]) { adabelief(p, g, s[0], s[1], c) }

func adabelief[F Float](p, g, m, s []F, c *AdaBelief) {
	g, m, s = g[:len(p)], m[:len(p)], s[:len(p)]
	factor, l2 := F(c.Factor), F(c.L2)
	beta1, omega1, beta2, omega2 := F(c.Beta1), F(c.Omega1), F(c.Beta2), F(c.Omega2)
	root, rsqrt, eps, decay, step := F(c.Root), F(c.RSqrt), F(c.Eps), F(c.Decay), F(c.Step)
	for i := range p {
		d := F(factor*g[i]) + F(l2*p[i])
		m1 := F(beta1*m[i]) + F(omega1*d)
		d -= m1
		s1 := F(beta2*s[i]) + F(omega2*F(d*d)) + root
		m[i], s[i] = m1, s1
		p[i] = F(decay*p[i]) - F(step*(m1/(F(sqrt(s1)*rsqrt)+eps)))
	}
}
