package kernel

// Sophia divides the mean gradient by a curvature and clips; m and h are slots
// 0 and 1:
//
//	m = Beta·m + Omega·(Factor·g)
//	u = clip(Mean·m / max(Gamma·h, Eps), ±Clip)
//	p = Decay·p − LR·u
type Sophia struct {
	Factor, Beta, Omega, Mean float64
	Gamma, Eps, Clip          float64
	Decay, LR                 float64
}

// Update32 implements Rule.
func (c *Sophia) Update32(p, g []float32, s Slots[float32]) { sophia(p, g, s[0], s[1], c) }

// Update64 implements Rule.
func (c *Sophia) Update64(p, g []float64, s Slots[float64]) { sophia(p, g, s[0], s[1], c) }

func sophia[F Float](p, g, m, h []F, c *Sophia) {
	g, m, h = g[:len(p)], m[:len(p)], h[:len(p)]
	factor, beta, omega, mean := F(c.Factor), F(c.Beta), F(c.Omega), F(c.Mean)
	gamma, eps, clip, decay, lr := F(c.Gamma), F(c.Eps), F(c.Clip), F(c.Decay), F(c.LR)
	for i := range p {
		m1 := F(beta*m[i]) + F(omega*F(factor*g[i]))
		m[i] = m1
		u := F(mean*m1) / max(F(gamma*h[i]), eps)
		p[i] = F(decay*p[i]) - F(lr*max(-clip, min(u, clip)))
	}
}

// Curvature is how Sophia's h follows an estimate g of the Hessian's diagonal;
// p and m stay as they are:
//
//	h = Beta·h + Omega·(Factor·g)
type Curvature struct {
	Factor, Beta, Omega float64
}

// Update32 implements Rule.
func (c *Curvature) Update32(_, g []float32, s Slots[float32]) { curvature(s[1], g, c) }

// Update64 implements Rule.
func (c *Curvature) Update64(_, g []float64, s Slots[float64]) { curvature(s[1], g, c) }

func curvature[F Float](h, g []F, c *Curvature) {
	g = g[:len(h)]
	factor, beta, omega := F(c.Factor), F(c.Beta), F(c.Omega)
	for i := range h {
		h[i] = F(beta*h[i]) + F(omega*F(factor*g[i]))
	}
}
