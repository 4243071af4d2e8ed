package kernel

// Matrix is Rows × Cols elements of Data, of which (i, j) is
// Data[i·RowStride + j·ColStride]. Strides are at least 0.
type Matrix[F Float] struct {
	Data                 []F
	Rows, Cols           int
	RowStride, ColStride int
}

// Dense is the matrix whose rows follow one another in data.
func Dense[F Float](data []F, rows, cols int) Matrix[F] {
	return Matrix[F]{data, rows, cols, cols, 1}
}

// T is the transpose, over the same memory.
func (m Matrix[F]) T() Matrix[F] {
	return Matrix[F]{m.Data, m.Cols, m.Rows, m.ColStride, m.RowStride}
}

// Part is rows i0 to i1-1 of columns j0 to j1-1, over the same memory.
func (m Matrix[F]) Part(i0, i1, j0, j1 int) Matrix[F] {
	p := Matrix[F]{nil, i1 - i0, j1 - j0, m.RowStride, m.ColStride}
	if p.Rows > 0 && p.Cols > 0 {
		p.Data = m.Data[i0*m.RowStride+j0*m.ColStride:]
	}
	return p
}

// clear sets every element to 0.
func (m Matrix[F]) clear() {
	if m.Rows == 0 || m.Cols == 0 {
		return
	}
	for i := range m.Rows {
		row := m.Data[i*m.RowStride:]
		if m.ColStride == 1 {
			clear(row[:m.Cols])
			continue
		}
		for j := range m.Cols {
			row[j*m.ColStride] = 0
		}
	}
}

// Set copies src, which has m's shape and at least one element.
func (m Matrix[F]) Set(src Matrix[F]) {
	for i := range m.Rows {
		to, from := m.Data[i*m.RowStride:], src.Data[i*src.RowStride:]
		if m.ColStride == 1 && src.ColStride == 1 {
			copy(to[:m.Cols], from)
			continue
		}
		for j := range m.Cols {
			to[j*m.ColStride] = from[j*src.ColStride]
		}
	}
}

// InPlace reports whether Gemm takes rows of m, on the left, from where they lie.
func (m Matrix[F]) InPlace() bool { return haveRows && m.ColStride == 1 }
