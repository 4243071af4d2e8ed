package kernel

// PanelCols is how many reflections of a QR decomposition are applied together,
// as matrix products.
const PanelCols = 32

// Panel is reflections of N rows at most, and their product 1 − V·T·Vᵀ: the
// compact form of Schreiber and Van Loan. It need not be cleared.
type Panel[F Float] struct {
	columns []float64 // of V, one after the other
	tau     [PanelCols]float64
}

// Factor replaces a, of at least as many rows as columns and at most PanelCols
// columns, by the vectors V of its QR decomposition, zeros above their ones, and
// sets t, PanelCols × PanelCols, to T, which is upper triangular. R is not kept.
//
//	a = (1 − V·T·Vᵀ)·R
//
// All is done in float64 but that V is rounded to F, and T is that V's.
func (p *Panel[F]) Factor(a Matrix[F], t []F) {
	n, w := a.Rows, a.Cols
	if len(p.columns) < n*w {
		p.columns = make([]float64, n*w)
	}
	column := func(j int) []float64 { return p.columns[j*n : (j+1)*n] }
	for i := range n {
		row := a.Data[i*a.RowStride:]
		for j := range w {
			p.columns[j*n+i] = float64(row[j*a.ColStride])
		}
	}
	for j := range w {
		v := column(j)[j:]
		_, tau := reflect(v)
		if tau != 0 {
			for i := range v {
				v[i] = float64(F(v[i]))
			}
			tau = 2 / dot4(v, v)
		}
		p.tau[j] = tau
		for c := j + 1; c < w; c++ {
			x := column(c)[j:]
			AddWide(x, v, -float64(tau*dot4(v, x)))
		}
		clear(column(j)[:j])
	}
	for i := range n {
		row := a.Data[i*a.RowStride:]
		for j := range w {
			row[j*a.ColStride] = F(p.columns[j*n+i])
		}
	}
	p.triangle(t, n, w)
}

// triangle sets t to T: column j is −tau·T·Vᵀv over the columns before it, and
// tau below.
func (p *Panel[F]) triangle(t []F, n, w int) {
	var m [PanelCols][PanelCols]float64
	for j := range w {
		var z [PanelCols]float64
		v := p.columns[j*n+j : (j+1)*n]
		for i := range j {
			z[i] = dot4(p.columns[i*n+j:(i+1)*n], v)
		}
		for i := range j {
			m[i][j] = -float64(p.tau[j] * dot4(m[i][i:j], z[i:j]))
		}
		m[j][j] = p.tau[j]
	}
	for i := range PanelCols {
		for j := range PanelCols {
			t[i*PanelCols+j] = F(m[i][j])
		}
	}
}
