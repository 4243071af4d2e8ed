package backend

// Clippers is what package clip and the gradients ask of a device.
type Clippers interface {
	// ScaleEach multiplies buffer i by By[i]; 1 leaves it unread.
	ScaleEach(x *Set, by []float64) error
	// Clamp limits elements, all at once.
	Clamp(c Clamp) error
	Power(p *Power) error
	ClipUnits(c *ClipUnits) (clipped int, err error)
	ClipExamples(c ClipExamples) (ClippedExamples, error)
}

// Clamp sets each x of buffer i to By[i]·x limited to ±Limit. NaN stays NaN;
// with Zero a product that is not finite becomes 0 instead.
type Clamp struct {
	X     *Set
	By    []float64 // nil for 1
	Limit float64
	Zero  bool
}

// Power sums (|x|/Unit)ᴾ over the elements of each buffer, all of them finite.
// It is made once for a Norm, whose set it reads and whose scratch it uses.
type Power struct {
	Norm    *Norm
	P, Unit float64
	Sums    []float64 // of each buffer
}

// NewPower makes room for the results.
func NewPower(n *Norm) *Power { return &Power{Norm: n, Sums: make([]float64, len(n.X.Bufs))} }

// ClipUnits multiplies each unit of a gradient that exceeds its limit, and says
// how many it multiplied.
//
//	limit = Max·max(‖weight‖, Eps) / Factor;  grad = grad·limit/‖grad‖ where ‖grad‖ > limit
//
// A unit with a norm that is not finite stays.
type ClipUnits struct {
	Tensors     []UnitTensor
	P, Max, Eps float64 // P is the order of the norms
	// Count says that the number is wanted. Without, a device that would have to
	// wait for it says −1.
	Count bool
}

// UnitTensor is a gradient of Outer × Units × Inner elements, at least one, and the
// weights that it belongs to; norms are over Outer and Inner. Without memory
// Weight has the norms 0.
type UnitTensor struct {
	Grad, Weight        Buffer
	Outer, Units, Inner int
	Factor              float64 // more than 0
}

// ClipExamples sums the gradients of examples, each limited. Buffer i of Src is
// Examples × the elements of buffer i of Dst.
//
//	dst = Σ_e f_e·Factor·src_e + Sigma·z,  f_e = min(1, limit/‖Factor·src_e‖)
//
// The sum over the examples is in order and in float64, rounded once. Examples
// that are not finite are left out. z is normal and counted over all buffers in
// order.
type ClipExamples struct {
	Dst, Src     *Set
	Examples     int
	Factor       float64
	Limit        float64
	Split        Split
	Sigma        float64 // standard deviation of the noise
	Seed, Stream uint64
	Step         uint64
}

// Split is what an example's limit holds for.
type Split uint8

// The splits, of K buffers with D_i of D elements.
const (
	SplitNone   Split = iota // the norm over all buffers
	SplitEven                // each buffer's: Limit/√K
	SplitLength              // each buffer's: Limit·√(D_i/D)
)

// ClippedExamples is what ClipExamples did.
type ClippedExamples struct {
	Clipped   int // examples that were limited
	NonFinite int // examples that were left out
	Example   int // the first of them, -1 when there is none
	Buffer    int // and the first buffer of it that is not finite
}
