package backend

// Products is what needs matrix products of a device.
type Products interface {
	MatMul(m MatMul) error
}

// Matrix is Rows × Cols elements of a buffer, of which (i, j) is element
// i·RowStride + j·ColStride. Strides are at least 0.
type Matrix struct {
	Buffer
	Rows, Cols           int
	RowStride, ColStride int
}

// Dense is the matrix whose rows follow one another in the buffer.
func Dense(b Buffer, rows, cols int) Matrix { return Matrix{b, rows, cols, cols, 1} }

// T is the transpose, over the same memory.
func (m Matrix) T() Matrix { return Matrix{m.Buffer, m.Cols, m.Rows, m.ColStride, m.RowStride} }

// MatMul sets C = A·B, or with Add C = C + A·B. The three have one type, float32
// or float64; C is A.Rows × B.Cols, its elements are all different memory and
// none of it is A's or B's.
//
// Symmetric says that the product is symmetric bit for bit, as A·Aᵀ always is
// and A·A is where A is symmetric, and with Add that C is: half of it need not
// be computed. The bits are the same.
//
// On the host they are those of kernel.Gemm, for any number of threads; other
// devices may order and round the sums in their own way.
type MatMul struct {
	C, A, B   Matrix
	Add       bool
	Symmetric bool
}
