package kernel

// Yogi is Adam whose v moves by a share of g², whatever v is; m and v are slots
// 0 and 1:
//
//	g' = Factor·g + L2·p
//	m  = Beta1·m + Omega1·g'
//	v  = v − Omega2·sign(v − g'²)·g'²
//	p  = Decay·p − Step·(m / (√v·RSqrt + Eps))
type Yogi struct {
	Factor, L2, Beta1, Omega1, Omega2 float64
	RSqrt, Eps, Decay, Step           float64
}

// Update32 implements Rule.
func (c *Yogi) Update32(p, g []float32, s Slots[float32]) { yogi(p, g, s[0], s[1], c) }

// Update64 implements Rule.
func (c *Yogi) Update64(p, g []float64, s Slots[float64]) { yogi(p, g, s[0], s[1], c) }

func yogi[F Float](p, g, m, v []F, c *Yogi) {
	g, m, v = g[:len(p)], m[:len(p)], v[:len(p)]
	factor, l2, beta1, omega1, omega2 := F(c.Factor), F(c.L2), F(c.Beta1), F(c.Omega1), F(c.Omega2)
	rsqrt, eps, decay, step := F(c.RSqrt), F(c.Eps), F(c.Decay), F(c.Step)
	for i := range p {
		d := F(factor*g[i]) + F(l2*p[i])
		m1 := F(beta1*m[i]) + F(omega1*d)
		v1, square := v[i], F(d*d)
		switch {
		case v1 > square:
			v1 -= F(omega2 * square)
		case v1 < square:
			v1 += F(omega2 * square)
		}
		m[i], v[i] = m1, v1
		p[i] = F(decay*p[i]) - F(step*(m1/(F(sqrt(v1)*rsqrt)+eps)))
	}
}
