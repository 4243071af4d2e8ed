package kernel

// Adagrad divides the gradient by the root of the sum v of its squares, in
// slot 0:
//
//	g' = Factor·g + L2·p
//	v  = v + g'·g'
//	p  = Decay·p − Step·(g' / (√v + Eps))
type Adagrad struct {
	Factor, L2, Eps, Decay, Step float64
}

// Update32 implements Rule.
func (c *Adagrad) Update32(p, g []float32, s Slots[float32]) { adagrad(p, g, s[0], c) }

// Update64 implements Rule.
func (c *Adagrad) Update64(p, g []float64, s Slots[float64]) { adagrad(p, g, s[0], c) }

func adagrad[F Float](p, g, v []F, c *Adagrad) {
	g, v = g[:len(p)], v[:len(p)]
	factor, l2, eps, decay, step := F(c.Factor), F(c.L2), F(c.Eps), F(c.Decay), F(c.Step)
	for i := range p {
		d := F(factor*g[i]) + F(l2*p[i])
		v1 := v[i] + F(d*d)
		v[i] = v1
		p[i] = F(decay*p[i]) - F(step*(d/(sqrt(v1)+eps)))
	}
}
