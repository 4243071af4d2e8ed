package kernel

// pack copies m to dst in panels of width rows, a multiple of 4: each panel is
// its columns one after another, so that a kernel reads it from end to end.
// Rows that the last panel lacks are 0; depth is never filled up, because 0
// times Inf is NaN.
func pack[F Float](dst []F, m Matrix[F], width int) {
	size := width * m.Cols
	if last := m.Rows % width; last != 0 {
		clear(dst[m.Rows/width*size:][:size])
	}
	if m.RowStride == 1 {
		packColumns(dst, m, width)
		return
	}
	for i := 0; i < m.Rows; i += width {
		packRows(dst[:size], m.Part(i, min(i+width, m.Rows), 0, m.Cols), width)
		dst = dst[size:]
	}
}

// packColumns is for columns whose elements lie side by side: it reads each
// column from end to end, but for those that the assembly takes.
func packColumns[F Float](dst []F, m Matrix[F], width int) {
	if d, ok := any(dst).([]float32); ok {
		for {
			n := packColumns32(d, any(m.Data).([]float32), width, m.Rows, uint64(m.ColStride), uint64(m.Cols))
			if n == 0 {
				break
			}
			m, dst, d = m.Part(n, m.Rows, 0, m.Cols), dst[n*m.Cols:], d[n*m.Cols:]
		}
	}
	if m.Rows == 0 {
		return
	}
	for k := range m.Cols {
		column, d := m.Data[k*m.ColStride:][:m.Rows], dst[k*width:]
		for len(column) > width {
			copy(d[:width], column)
			column, d = column[width:], d[width*m.Cols:]
		}
		copy(d, column)
	}
}

// packRows transposes four rows at a time. The assembly takes elements that lie
// side by side, eight of each row: 0.4 ns for an element against 0.9 in Go.
func packRows[F Float](dst []F, m Matrix[F], width int) {
	i := 0
	for ; i+4 <= m.Rows; i += 4 {
		part, done := m.Part(i, i+4, 0, m.Cols), 0
		if d, ok := any(dst).([]float32); ok && m.ColStride == 1 {
			done = packFour32(d[i:], any(part.Data).([]float32), uint64(width), uint64(m.RowStride), uint64(m.Cols))
		}
		if done < m.Cols {
			packFour(dst[i+done*width:], part.Part(0, 4, done, m.Cols), width)
		}
	}
	for ; i < m.Rows; i++ {
		for k := range m.Cols {
			dst[k*width+i] = m.Data[i*m.RowStride+k*m.ColStride]
		}
	}
}

// packFour is the reference for four rows.
func packFour[F Float](dst []F, m Matrix[F], width int) {
	r0, r1, r2, r3 := m.Data, m.Data[m.RowStride:], m.Data[2*m.RowStride:], m.Data[3*m.RowStride:]
	for k, x := 0, 0; k < m.Cols; k, x = k+1, x+m.ColStride {
		d := dst[k*width:][:4]
		d[0], d[1], d[2], d[3] = r0[x], r1[x], r2[x], r3[x]
	}
}
