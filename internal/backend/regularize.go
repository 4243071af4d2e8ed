package backend

import "github.com/descent-ml/descent/internal/kernel"

// Regularizers is what package regularize asks of a device.
type Regularizers interface {
	Dropout(d Dropout) error
	DropBlock(d DropBlock) error
	Noise(n Noise) error
	TopK(t TopK) error

	MixUp(m MixUp) error
	CutMix(c CutMix) error
	MixTargets(m MixTargets) error
	Rows(r Rows) error

	Penalty(p Penalty) (float64, error)
	Shrink(s Shrink) error
	Spectral(s Spectral) (float64, error)
	Balance(b Balance) (Balanced, error)

	Average(a *Average) error
	Swap(a, b *Set) error
	Multiply(dst, a, b *Set) error
	Perturb(p *Perturb) error
}

// Dropout sets Dst = Add + Scale·Src where an element's random word is at least
// Drop, and Add + 0 elsewhere. Without memory Add is nothing: no sum is formed.
type Dropout struct {
	Dst, Src, Add Buffer
	Scale         float64
	Drop          uint64 // of 2³²
	Group         int    // so many elements in a row share a word; 0 is 1
	Seed, Stream  uint64
	Step          uint64
}

// DropBlock sets squares of planes to 0. The top left corner of a square lies
// where a position's random word is less than Drop, positions being those that
// leave the whole square inside, numbered row by row, plane after plane. What
// stays is multiplied by all elements' count over theirs.
type DropBlock struct {
	Dst, Src              Buffer
	Planes, Height, Width int
	Size                  int    // side of a square, at most Height and Width
	Drop                  uint64 // of 2³²
	Seed, Stream          uint64
	Step                  uint64
}

// Noise sets Dst = Src + Sigma·z, z normal: kernel.Normals of a block's words.
type Noise struct {
	Dst, Src     Buffer
	Sigma        float64
	Seed, Stream uint64
	Step         uint64
}

// TopK sets Dst = Src where By is among the K largest of its row, and 0
// elsewhere: by magnitude, or with Signed by value. Of equals the first stay;
// NaN is largest.
type TopK struct {
	Dst, Src, By Buffer // Rows × Cols
	Rows, Cols   int
	K            int // at most Cols
	Signed       bool
}

// MixUp sets row i of Dst to Lambda·Src[i] + (1−Lambda)·Src[Rows−1−i]. The
// middle row of an odd number stays. Dst may be Src.
type MixUp struct {
	Dst, Src Buffer
	Rows     int
	Lambda   float64
}

// CutMix sets row i of Dst to row i of Src, but to row Rows−1−i in a box. A row
// is Outer × Height × Width × Inner. Dst may be Src.
type CutMix struct {
	Dst, Src                          Buffer
	Rows, Outer, Height, Width, Inner int
	Top, Left, BoxHeight, BoxWidth    int
}

// MixTargets sets row i of Dst to Lambda·q(Y[i]) + (1−Lambda)·q(Y[Rows−1−i]),
// q being Smoothing/Classes everywhere and 1−Smoothing more at the class. A
// target that is not a class is an error, and nothing has been written.
type MixTargets struct {
	Dst           Buffer // Rows × Classes
	Y             Buffer // Rows of Int32 or Int64
	Rows, Classes int
	Lambda        float64
	Smoothing     float64
}

// Rows sets row i of Dst to Factor times row Index[i] of Src, or with Scatter
// adds Factor times row i of Src to row Index[i] of Dst. No row is named twice.
type Rows struct {
	Dst, Src Buffer
	Index    []int
	Width    int // elements of a row
	Factor   float64
	Scatter  bool
}

// Penalty returns L1·Σ|x| + L2/2·Σx² and, where Grad has memory, adds
// Scale·(L1·sign(x) + L2·x) to it; sign(0) = 0.
type Penalty struct {
	Grad, X       Buffer
	L1, L2, Scale float64
}

// Shrink sets X = sign(x)·max(|x| − By, 0)·Factor.
type Shrink struct {
	X          Buffer
	By, Factor float64
}

// Spectral moves U and V by Iterations turns of
//
//	v = Wᵀu/‖Wᵀu‖,  u = Wv/‖Wv‖
//
// and returns σ = uᵀWv. Where Grad has memory it adds Scale·σ·u·vᵀ to it.
type Spectral struct {
	Grad, W    Buffer // Rows × Cols
	Rows, Cols int
	U, V       Buffer // Float64
	Iterations int
	Scale      float64
}

// Balance is the load of experts. With f_i the share of the tokens that expert
// i was given, p = softmax(logits) and N experts, the sum is
//
//	Σ = N·Σ_t Σ_i f_i·p_ti
//
// and Grad, where it has memory, gets Scale times its gradient added, f held
// fixed. A token whose first expert is negative does not count.
type Balance struct {
	Grad, Logits     Buffer // Tokens × Experts
	Chosen           Buffer // Tokens × Choices of Int32 or Int64
	Tokens           int
	Experts, Choices int
	Scale            float64
}

// Balanced is what Balance comes to.
type Balanced struct {
	Sum    float64
	Tokens int // that count
}

// Average moves Dst towards Src: dst = dst + Weight·(src − dst), and with a
// Weight of 1 sets it. An element of Src that is NaN or ±Inf is left out, and
// counted. Dst is as wide as Src or wider.
type Average struct {
	Dst, Src *Set
	Weight   float64
	Stats    []kernel.Stats // of each buffer of Src

	PerItem []kernel.Stats // scratch
}

// NewAverage makes room for the results.
func NewAverage(dst, src *Set) *Average {
	return &Average{
		Dst: dst, Src: src,
		Stats:   make([]kernel.Stats, len(dst.Bufs)),
		PerItem: make([]kernel.Stats, dst.Items()),
	}
}

// Perturb sets Saved = p and p = p + Factor·g for each parameter p, g being the
// gradient. With Adaptive g is p·Saved, Saved as it was.
type Perturb struct {
	Params, Grads, Saved *Set
	Factor               float64
	Adaptive             bool
}
