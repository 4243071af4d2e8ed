package kernel

// RMSProp divides the gradient by a running root mean square. The slots are v,
// then a where Centered, then m where Heavy:
//
//	g' = Factor·g + L2·p
//	v  = Alpha·v + Omega·(g'·g')
//	a  = Alpha·a + Omega·g'                     Centered
//	q  = g' / (√(max(v − a², 0) + Root) + Eps)  a is 0 unless Centered
//	m  = Mu·m + Inner·q                         or Inner·q alone
//	p  = Decay·p − Outer·m
type RMSProp struct {
	Factor                  float64
	Centered, Heavy         bool
	L2, Alpha, Omega        float64
	Root, Eps               float64 // inside the root and after it
	Mu, Inner, Outer, Decay float64
}

// Update32 implements Rule.
func (c *RMSProp) Update32(p, g []float32, s Slots[float32]) { rmsprop(p, g, s, c) }

// Update64 implements Rule.
func (c *RMSProp) Update64(p, g []float64, s Slots[float64]) { rmsprop(p, g, s, c) }

func rmsprop[F Float](p, g []F, s Slots[F], c *RMSProp) {
	v, a, m := s[0], s[1], s[2]
	if !c.Centered {
		a, m = nil, a
	}
	factor, l2, alpha, omega := F(c.Factor), F(c.L2), F(c.Alpha), F(c.Omega)
	root, eps := F(c.Root), F(c.Eps)
	mu, inner, outer, decay := F(c.Mu), F(c.Inner), F(c.Outer), F(c.Decay)
	for i := range p {
		d := F(factor*g[i]) + F(l2*p[i])
		q := F(alpha*v[i]) + F(omega*F(d*d))
		v[i] = q
		if c.Centered {
			b := F(alpha*a[i]) + F(omega*d)
			a[i] = b
			q = max(q-F(b*b), 0) // rounding alone makes a variance negative
		}
		q = F(inner * (d / (sqrt(q+root) + eps)))
		if c.Heavy {
			q += F(mu * m[i])
			m[i] = q
		}
		p[i] = F(decay*p[i]) - F(outer*q)
	}
}
