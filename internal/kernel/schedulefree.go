package kernel

// ScheduleFree moves z by the gradient at p, averages z in x, and puts p
// between them. z and x are slots 0 and 1; v, slot 2, is Adam's second moment,
// and without it the gradient is not divided:
//
//	g' = Factor·g
//	v  = Beta2·v + Omega2·(g'·g')
//	z  = z − LR·(g' / (√v·RSqrt + Eps) + Decay·p)
//	x  = Keep·x + Take·z
//	p  = Mix·x + Rest·z
type ScheduleFree struct {
	Factor, Beta2, Omega2, RSqrt, Eps float64
	Decay, LR                         float64
	Keep, Take, Mix, Rest             float64
}

// Update32 implements Rule.
func (c *ScheduleFree) Update32(p, g []float32, s Slots[float32]) { scheduleFree(p, g, s, c) }

// Update64 implements Rule.
func (c *ScheduleFree) Update64(p, g []float64, s Slots[float64]) { scheduleFree(p, g, s, c) }

func scheduleFree[F Float](p, g []F, s Slots[F], c *ScheduleFree) {
	z, x, v := s[0], s[1], s[2]
	factor, beta2, omega2, rsqrt, eps := F(c.Factor), F(c.Beta2), F(c.Omega2), F(c.RSqrt), F(c.Eps)
	decay, lr, keep, take, mix, rest := F(c.Decay), F(c.LR), F(c.Keep), F(c.Take), F(c.Mix), F(c.Rest)
	for i := range p {
		d := F(factor * g[i])
		if v != nil {
			v1 := F(beta2*v[i]) + F(omega2*F(d*d))
			v[i] = v1
			d /= F(sqrt(v1)*rsqrt) + eps
		}
		z1 := z[i] - F(lr*(d+F(decay*p[i])))
		x1 := F(keep*x[i]) + F(take*z1)
		z[i], x[i] = z1, x1
		p[i] = F(mix*x1) + F(rest*z1)
	}
}
