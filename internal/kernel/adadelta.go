package kernel

// Adadelta moves by the ratio of two running root mean squares, of past moves
// and of gradients; v and u are slots 0 and 1:
//
//	g' = Factor·g + L2·p
//	v  = Rho·v + Omega·(g'·g')
//	d  = √(u + Eps) / √(v + Eps) · g'
//	u  = Rho·u + Omega·(d·d)
//	p  = Decay·p − LR·d
type Adadelta struct {
	Factor, L2, Rho, Omega, Eps, Decay, LR float64
}

// Update32 implements Rule.
func (c *Adadelta) Update32(p, g []float32, s Slots[float32]) { adadelta(p, g, s[0], s[1], c) }

// Update64 implements Rule.
func (c *Adadelta) Update64(p, g []float64, s Slots[float64]) { adadelta(p, g, s[0], s[1], c) }

func adadelta[F Float](p, g, v, u []F, c *Adadelta) {
	g, v, u = g[:len(p)], v[:len(p)], u[:len(p)]
	factor, l2, rho, omega := F(c.Factor), F(c.L2), F(c.Rho), F(c.Omega)
	eps, decay, lr := F(c.Eps), F(c.Decay), F(c.LR)
	for i := range p {
		d := F(factor*g[i]) + F(l2*p[i])
		v1 := F(rho*v[i]) + F(omega*F(d*d))
		d = F(sqrt(u[i]+eps) / sqrt(v1+eps) * d)
		v[i], u[i] = v1, F(rho*u[i])+F(omega*F(d*d))
		p[i] = F(decay*p[i]) - F(lr*d)
	}
}
