package kernel

import "math"

// The shape of a product's work, the same for every tier.
const (
	// Depth is how many products are added up before their sum joins the
	// element: an error of Depth + k/Depth roundings where one long sum has k.
	// It is also the depth of a packed panel.
	Depth = 256

	// TileRows × TileCols is a tile of c. It fills 24 of AVX-512's 32
	// registers; AVX2 takes it in four parts of 6 × 16 and NEON in four of
	// 12 × 8, in 12 of 16 registers and 24 of 32.
	TileRows = 12
	TileCols = 32

	// panelCols columns of b are packed at a time: 512 KiB of float32, which
	// the second cache holds while all rows of a pass by.
	panelCols = 512

	// panelRows rows of a are packed at a time: of a matrix that lies in columns
	// whole cache lines.
	panelRows = 4 * TileRows
)

// Panels is the memory that Gemm packs its operands into. It need not be
// cleared; one serves one call at a time.
type Panels[F Float] struct {
	b [panelCols * Depth]F
	a [panelRows * Depth]F
	c [TileRows * TileCols]F
}

// Gemm sets c = a·b, or c = c + a·b with add, on the calling goroutine. a is
// m × k, b is k × n and c is m × n, which shares no memory with them.
//
//	c[i][j] = ((c₀ + s₀) + s₁) + …,  c₀ = c[i][j] with add, else 0
//	s_t     = s after s = 0, then s = fma(a[i][l], b[l][j], s) for l from t·Depth to min(t·Depth+Depth, k) − 1
//
// fma(x, y, z) is x·y + z rounded once to F, and so is every sum. An element's
// order depends on nothing but k. So any part of c may be computed alone, (a·b)ᵀ
// has the bits of bᵀ·aᵀ, and a·aᵀ is symmetric. Where k is cut at multiples of
// Depth, adding the parts' products in order gives the bits of the whole.
//
// Special cases are:
//
//	m or n is 0: nothing is done
//	k is 0: c = 0, or with add c as it was
//	0·Inf and Inf − Inf are NaN: no product is left out
func Gemm[F Float](c, a, b Matrix[F], add bool, p *Panels[F]) {
	if a.Cols == 0 && !add {
		c.clear()
	}
	for j := 0; j < c.Cols; j += panelCols {
		nj := min(panelCols, c.Cols-j)
		for k := 0; k < a.Cols; k += Depth {
			nk := min(Depth, a.Cols-k)
			pack(p.b[:], b.Part(k, k+nk, j, j+nj).T(), TileCols)
			for i := 0; i < c.Rows; i += panelRows {
				ni := min(panelRows, c.Rows-i)
				p.rows(c.Part(i, i+ni, j, j+nj), a.Part(i, i+ni, k, k+nk), add || k > 0)
			}
		}
	}
}

// rows sets rows of c to the product of a with the packed panels, or adds it.
// Whole tiles may take a from where it lies.
func (p *Panels[F]) rows(c, a Matrix[F], add bool) {
	inPlace := 0
	if a.InPlace() {
		inPlace = a.Rows / TileRows * TileRows
	}
	for i := 0; i < inPlace; i += TileRows {
		p.tiles(c.Part(i, i+TileRows, 0, c.Cols), a.Part(i, i+TileRows, 0, a.Cols), add)
	}
	if inPlace == a.Rows {
		return
	}
	pack(p.a[:], a.Part(inPlace, a.Rows, 0, a.Cols), TileRows)
	for i, at := inPlace, 0; i < c.Rows; i, at = i+TileRows, at+TileRows*a.Cols {
		packed := Matrix[F]{p.a[at : at+TileRows*a.Cols], TileRows, a.Cols, 1, TileRows}
		p.tiles(c.Part(i, min(i+TileRows, c.Rows), 0, c.Cols), packed, add)
	}
}

// tiles does a row of tiles with TileRows of a.
func (p *Panels[F]) tiles(c, a Matrix[F], add bool) {
	for j := 0; j < c.Cols; j += TileCols {
		tile := c.Part(0, c.Rows, j, min(j+TileCols, c.Cols))
		b := p.b[j*a.Cols : (j+TileCols)*a.Cols]
		if tile.Rows == TileRows && tile.Cols == TileCols && tile.ColStride == 1 {
			gemmTile(tile, a, b, add)
			continue
		}
		edge := Matrix[F]{p.c[:], tile.Rows, tile.Cols, TileCols, 1}
		if add {
			edge.Set(tile)
		}
		gemmTile(edge, a, b, add)
		tile.Set(edge)
	}
}

// gemmTile sets a whole tile of c, or of the memory for one, to a·b or adds it.
// Step l of the panel b is elements TileCols·l on; a is a panel too or has rows
// whose elements lie side by side.
func gemmTile[F Float](c, a Matrix[F], b []F, add bool) {
	stride, row := uint64(c.RowStride), uint64(a.RowStride)
	to, ok := any(c.Data).([]float32)
	switch {
	case !ok:
		gemmTileGeneric(c.Data, stride, a.Data, row, uint64(a.ColStride), b, add)
	case a.ColStride == 1:
		gemmRows32(to, stride, any(a.Data).([]float32), row, any(b).([]float32), add)
	default:
		gemmTile32(to, stride, any(a.Data).([]float32), any(b).([]float32), add)
	}
}

// gemmTileGeneric is the reference.
func gemmTileGeneric[F Float](c []F, stride uint64, a []F, row, step uint64, b []F, add bool) {
	for i := range TileRows {
		to := c[i*int(stride):][:TileCols]
		for j := 0; j < TileCols; j += 4 {
			s := fourSums(a[i*int(row):], int(step), b[j:])
			for h := range s {
				if add {
					to[j+h] += s[h]
				} else {
					to[j+h] = 0 + s[h]
				}
			}
		}
	}
}

// fourSums adds the products of a row of a, whose elements are step apart, with the
// first four columns of the panel b.
func fourSums[F Float](a []F, step int, b []F) [4]F {
	if a, ok := any(a).([]float32); ok {
		s := fourSums32(a, step, any(b).([]float32))
		return [4]F{F(s[0]), F(s[1]), F(s[2]), F(s[3])}
	}
	var s0, s1, s2, s3 float64
	for l, at := 0, 0; l < len(b); l, at = l+TileCols, at+step {
		x, y := float64(a[at]), b[l:][:4]
		s0 = math.FMA(x, float64(y[0]), s0)
		s1 = math.FMA(x, float64(y[1]), s1)
		s2 = math.FMA(x, float64(y[2]), s2)
		s3 = math.FMA(x, float64(y[3]), s3)
	}
	return [4]F{F(s0), F(s1), F(s2), F(s3)}
}

// fourSums32 is fourSums for float32, in a quarter of the time that fma32 alone
// takes.
func fourSums32(a []float32, step int, b []float32) [4]float32 {
	var s0, s1, s2, s3 float32
	for l, at := 0, 0; l < len(b); l, at = l+TileCols, at+step {
		x, y := a[at], b[l:][:4]
		// Exact products: fused or not, the sums are the same.
		t0 := float64(x)*float64(y[0]) + float64(s0)
		t1 := float64(x)*float64(y[1]) + float64(s1)
		t2 := float64(x)*float64(y[2]) + float64(s2)
		t3 := float64(x)*float64(y[3]) + float64(s3)
		if twice(t0) || twice(t1) || twice(t2) || twice(t3) {
			s0, s1, s2, s3 = fma32(x, y[0], s0), fma32(x, y[1], s1), fma32(x, y[2], s2), fma32(x, y[3], s3)
		} else {
			s0, s1, s2, s3 = float32(t0), float32(t1), float32(t2), float32(t3)
		}
	}
	return [4]float32{s0, s1, s2, s3}
}
