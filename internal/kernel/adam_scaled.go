package kernel

// Scaled is state in 8 bits, as ToScaled stores it.
type Scaled struct {
	Codes []uint8
	Scale []float32
}

// block returns the codes of block k and its scale.
func (s *Scaled) block(k, n int) ([]uint8, []float32) {
	return s.Codes[k*ScaleBlock:][:n], s.Scale[k : k+1]
}

// UpdateScaled is Update32 between FromScaled and ToScaled, of m and of the
// root of v.
func (c *Adam) UpdateScaled(p, g []float32, m, v Scaled) {
	k := c.coef32()
	adamScaled(p, g, m, v, &k)
}

func adamScaledGeneric(p, g []float32, m, v Scaled, c *adamCoef[float32]) {
	for k := 0; k*ScaleBlock < len(p); k++ {
		adamScaledBlock(p, g, m, v, k, c)
	}
}

// adamScaledBlock is adamScaled of one block.
func adamScaledBlock(p, g []float32, m, v Scaled, k int, c *adamCoef[float32]) {
	var scratch [2][ScaleBlock]float32
	p, g = p[k*ScaleBlock:], g[k*ScaleBlock:]
	n := min(ScaleBlock, len(p))
	x, y := scratch[0][:n], scratch[1][:n]
	mCodes, mScale := m.block(k, n)
	vCodes, vScale := v.block(k, n)
	FromScaled(x, mCodes, mScale, false)
	FromScaled(y, vCodes, vScale, true)
	adam32(p[:n], g[:n], x, y, c)
	ToScaled(mCodes, mScale, x, false)
	ToScaled(vCodes, vScale, y, true)
}
