package backend

// Bases is what SOAP asks of a device that has it.
type Bases interface {
	// Eigenbasis sets Q to the eigenvectors of S.
	Eigenbasis(e Eigenbasis) error
	// Refresh sets Q to an orthonormal basis of SQ.
	Refresh(r Refresh) error
}

// Eigenbasis is S, a symmetric matrix of N × N, and Q, whose columns become its
// eigenvectors, that of the largest eigenvalue first. Both have one type, float32
// or float64. Where S is not finite, or 0, Q becomes the unit matrix.
type Eigenbasis struct {
	Q, S Buffer
	N    int
}

// Refresh replaces Q, of N × N, by the orthonormal factor of SQ's QR
// decomposition. SQ is the symmetric matrix S times Q; its columns are first put
// in the order of qᵀSq, the largest first, and V, of Outer × N × Inner numbers,
// along its middle axis with them. SQ and Spare, as long as V, are overwritten.
// All have one type, float32 or float64. Without V the columns are in their order.
// Columns that are 0, or depend on those before them, become orthonormal to all
// others. Where SQ is not finite, Q and V stay.
type Refresh struct {
	Q, SQ           Buffer
	V, Spare        Buffer
	N, Outer, Inner int
}
