package optim

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
)

// Muon moves a matrix by its momentum with all singular values brought near 1,
// so that no direction is left behind. β is Momentum.
//
//	g' = factor·g
//	m  = β·m + (1−β)·g'
//	X  = β·m + (1−β)·g'            NoNesterov: m
//	X  = X / max(‖X‖, Eps)         ‖X‖ is the root of the sum of squares
//	X  = a·X + (b·A + c·A²)·X      Steps times, A = X·Xᵀ
//	p  = p·(1 − lr·Decay) − lr·Scale·X
//
// With the default coefficients singular values of X from 0.002 on come between
// 0.68 and 1.21, not to 1, which is as good. A tensor of rank 2 or more is the matrix of its first axis and all others.
// Vectors and scalars are moved by Rest, at the same learning rate; embeddings and
// output layers, which are matrices, should be too: Group{Match: …, Rule: AdamW{}}.
//
// It is torch.optim.Muon in float32, or float64 for such values, where PyTorch
// multiplies in bfloat16; and optax.contrib.muon with Corrected and PerInput.
// optax's adaptive, which multiplies by ⟨X before, X after⟩, is left out.
//
// It keeps one number per parameter, m, in the format of Group.State. Matrices
// of rows × cols share scratch memory, 2·rows·cols + 2·min(rows, cols)² numbers of
// the largest. See https://kellerjordan.github.io/posts/muon and
// https://arxiv.org/abs/2502.16982.
type Muon struct {
	Momentum     float64    // β, less than 1; 0 means 0.95
	NoNesterov   bool       // X begins as m
	Corrected    bool       // X begins as β·m/(1−βᵗ⁺¹) + (1−β)·g'/(1−βᵗ)
	Steps        int        // 0 means 5
	Coefficients [3]float64 // a, b, c; all 0 means 3.4445, −4.775, 2.0315
	Eps          float64    // 0 means 1e-7
	Scale        MuonScale  // makes up for the matrix's shape
	Decay        float64    // decoupled: shrinks p by lr·Decay
	Rest         AdamW      // of vectors and scalars, with a Decay of its own
}

// MuonScale is what multiplies the learning rate of Muon's matrices.
type MuonScale uint8

// The scales of a matrix of rows × cols.
const (
	PerOutput MuonScale = iota // √max(1, rows/cols): of weights in PyTorch's layout, outputs × inputs
	PerInput                   // √max(1, cols/rows): of weights as inputs × outputs, as in JAX
	MatchRMS                   // 0.2·√max(rows, cols): learning rates are AdamW's
)

func (s MuonScale) String() string {
	switch s {
	case PerOutput:
		return "per output"
	case PerInput:
		return "per input"
	case MatchRMS:
		return "match RMS"
	}
	return fmt.Sprintf("MuonScale(%d)", uint8(s))
}

func (s MuonScale) of(rows, cols int) float64 {
	r, c := float64(rows), float64(cols)
	switch s {
	case PerInput:
		return math.Sqrt(max(1, c/r))
	case MatchRMS:
		return 0.2 * math.Sqrt(max(r, c))
	}
	return math.Sqrt(max(1, r/c))
}

func (r Muon) defaults() Muon {
	r.Momentum = orDefault(r.Momentum, 0.95)
	if r.Steps == 0 {
		r.Steps = 5
	}
	if r.Coefficients == [3]float64{} {
		r.Coefficients = [3]float64{3.4445, -4.775, 2.0315}
	}
	r.Eps = orDefault(r.Eps, 1e-7)
	return r
}

// Validate implements Rule.
func (r Muon) Validate() error {
	inf := math.Inf(1)
	if r.Scale > MatchRMS {
		return fmt.Errorf("optim.Muon: Scale is %v, want PerOutput, PerInput or MatchRMS", r.Scale)
	}
	for i, c := range r.Coefficients {
		if !(math.Abs(c) <= math.MaxFloat64) {
			return fmt.Errorf("optim.Muon: Coefficients[%d] is %v, want a finite number", i, c)
		}
	}
	if err := check.Fields("optim.Muon",
		check.Field{Name: "Momentum", Value: r.Momentum, Max: 1, OpenMax: true},
		check.Field{Name: "Steps", Value: float64(r.Steps), Max: inf},
		check.Field{Name: "Eps", Value: r.Eps, Max: inf},
		check.Field{Name: "Decay", Value: r.Decay, Max: inf}); err != nil {
		return err
	}
	if err := r.Rest.Validate(); err != nil {
		return fmt.Errorf("optim.Muon: Rest: %w", err)
	}
	return nil
}

func (r Muon) name() string        { return "Muon" }
func (r Muon) slots() []slot       { return []slot{{name: "m"}} }
func (r Muon) kernel() kernel.Rule { return nil }

func (r Muon) set(kernel.Rule, *clock, float64, float64) {}

// shaped implements shapedRule.
func (r Muon) shaped(v descent.View) Rule {
	rows, cols, ok := asMatrix(v)
	if !ok {
		return r.Rest
	}
	return orthogonal{r.defaults(), rows, cols}
}

// orthogonal is Muon of a matrix.
type orthogonal struct {
	Muon
	rows, cols int
}

func (r orthogonal) fits(descent.View) error { return nil }

func (r orthogonal) room() int { return 2*r.rows*r.cols + 2*r.short()*r.short() }

// short is the side of the products.
func (r orthogonal) short() int { return min(r.rows, r.cols) }

func (r orthogonal) mover(m matrix) mover {
	n, s := r.rows*r.cols, r.short()
	o := &orthogonalMover{orthogonal: r, on: m}
	for k := range o.x {
		o.x[k], o.a[k] = o.on.take(n), o.on.take(s*s)
	}
	o.begin = newPass(m.b, plain(o.x[0]), m.slots[0])
	o.square = newPass(m.b, plain(o.a[1]))
	for k := range o.x {
		o.next[k] = newPass(m.b, plain(o.x[k]))
	}
	o.end = newPass(m.b, m.value)
	o.norm = backend.NewNorm(backend.NewSet(o.x[:1]))
	return o
}

type orthogonalMover struct {
	orthogonal
	on       matrix
	x        [2]backend.Buffer // X and the next X
	a        [2]backend.Buffer // A and b·A + c·A²
	momentum kernel.Momentum
	begin    *pass // m, and X[0]
	square   *pass
	next     [2]*pass
	end      *pass // the value
	norm     *backend.Norm
}

func (o *orthogonalMover) move(g backend.Buffer, at uint64, c *clock, lr, factor float64) error {
	if g.Len == 0 {
		return nil
	}
	// Momentum's kernel multiplies X by 0, so it has to be finite.
	if err := o.on.widen(o.x[0], g); err != nil {
		return err
	}
	ofG, ofM := 0.0, 1.0
	switch beta := o.Momentum; {
	case o.NoNesterov:
	case o.Corrected:
		ofG, ofM = (1-beta)/(1-fmath.PowInt(beta, c.t)), beta/(1-fmath.PowInt(beta, c.t+1))
	default:
		ofG, ofM = 1-beta, beta
	}
	o.momentum = kernel.Momentum{Factor: factor, Mu: o.Momentum, Damp: 1 - o.Momentum, A: ofG, B: ofM, LR: -1}
	if err := o.begin.do(&o.momentum, g, at); err != nil {
		return err
	}
	if err := o.on.b.Norm(o.norm); err != nil {
		return err
	}
	if err := o.on.b.Scale(o.norm.X, 1/max(math.Sqrt(o.norm.Sums[0]), o.Eps)); err != nil {
		return err
	}
	for k := range o.Steps {
		if err := o.iterate(k % 2); err != nil {
			return err
		}
	}
	return o.end.combine(1-float64(lr*o.Decay), -float64(lr*o.Scale.of(o.rows, o.cols)), o.x[o.Steps%2], at)
}

// iterate makes the next X, of x[k].
func (o *orthogonalMover) iterate(k int) error {
	x, y, s := backend.Dense(o.x[k], o.rows, o.cols), backend.Dense(o.x[1-k], o.rows, o.cols), o.short()
	if o.rows > o.cols {
		x, y = x.T(), y.T()
	}
	a, b, abc := backend.Dense(o.a[0], s, s), backend.Dense(o.a[1], s, s), o.Coefficients
	if err := o.on.b.MatMul(backend.MatMul{C: a, A: x, B: x.T(), Symmetric: true}); err != nil {
		return err
	}
	if err := o.on.b.MatMul(backend.MatMul{C: b, A: a, B: a, Symmetric: true}); err != nil {
		return err
	}
	if err := o.square.combine(abc[2], abc[1], o.a[0], 0); err != nil {
		return err
	}
	if err := o.on.b.MatMul(backend.MatMul{C: y, A: b, B: x}); err != nil {
		return err
	}
	return o.next[1-k].combine(1, abc[0], o.x[k], 0)
}
