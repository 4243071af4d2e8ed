package host

import (
	"fmt"
	"math"
	"sync/atomic"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/fmath"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
)

// CrossEntropy implements backend.Backend. A row is read from memory once: its
// exponentials wait in the gradient, which then only has to be rescaled.
func (Backend) CrossEntropy(c backend.CrossEntropy) (backend.Loss, error) {
	if !c.Logits.Type.Float() || c.Logits.Type > backend.Float16 {
		return backend.Loss{}, unsupported("cross-entropy", c.Logits.Type)
	}
	t := entropies.get()
	defer entropies.put(t)
	t.CrossEntropy = c
	defer t.release()
	if err := t.begin(); err != nil {
		return backend.Loss{}, err
	}
	t.between(0, c.Rows)
	return t.sum(), nil
}

// entropyTask is one call. Logits and Grad begin with row first.
type entropyTask struct {
	backend.CrossEntropy
	entropy
	bias        backend.Buffer // of each class, added to the logits where they are; may have no memory
	first, last int            // rows that Run is about, last not one of them
	perItem     int            // rows
	losses      []float64      // of each row; of ignored rows 0
	correct     atomic.Int64
}

var entropies pooled[entropyTask]

// release forgets the caller's memory.
func (t *entropyTask) release() { t.CrossEntropy, t.bias = backend.CrossEntropy{}, backend.Buffer{} }

// begin looks at what is not a logit before anything is written.
func (t *entropyTask) begin() error {
	weights, err := classWeights(t.entropy.weights, t.Weights)
	t.entropy = entropy{
		smoothing: t.Smoothing,
		zLoss:     t.ZLoss,
		softCap:   t.SoftCap,
		scale:     t.Scale,
		weights:   weights,
	}
	if err != nil {
		return err
	}
	if !t.Targets.Type.Float() {
		if err := classTargets(t.Targets, t.Classes, t.Ignore); err != nil {
			return err
		}
	}
	// Rows of a few classes would cost less than handing them out.
	t.perItem = max(1, kernel.Block/t.Classes)
	t.losses = resize(t.losses, t.Rows)
	t.correct.Store(0)
	return nil
}

// classTargets returns the error of the first target that is neither a class
// nor the ignored one.
func classTargets(targets backend.Buffer, classes int, ignore int64) error {
	for r := range targets.Len {
		if y := class(targets, r); y != ignore && (y < 0 || y >= int64(classes)) {
			return fmt.Errorf("loss: target %d of row %d is not a class: want 0 to %d, or %d to ignore the row",
				y, r, classes-1, ignore)
		}
	}
	return nil
}

// classWeights returns the weights in float64, in dst's memory where that
// suffices. One that is negative or not finite is an error.
func classWeights(dst []float64, weights backend.Buffer) ([]float64, error) {
	dst = resize(dst, weights.Len)
	for i := range dst {
		dst[i] = number(weights, i)
		if w := dst[i]; !(w >= 0 && w <= math.MaxFloat64) {
			return dst[:0], fmt.Errorf("loss: the weight of class %d is %v, want at least 0 and finite", i, w)
		}
	}
	return dst, nil
}

// ignored reports whether a row does not count.
func (t *entropyTask) ignored(row int) bool {
	return !t.Targets.Type.Float() && class(t.Targets, row) == t.Ignore
}

// sum adds the rows in order.
func (t *entropyTask) sum() backend.Loss {
	out := backend.Loss{First: -1, Correct: int(t.correct.Load())}
	for r, v := range t.losses {
		if t.ignored(r) {
			continue
		}
		out.Rows++
		out.Sum += v
		if t.Targets.Type.Float() {
			out.Weight++
		} else {
			out.Weight += t.weight(int(class(t.Targets, r)))
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			if out.NonFinite == 0 {
				out.First = r
			}
			out.NonFinite++
		}
	}
	switch t.Losses.Type {
	case backend.Float64:
		copy(f64(t.Losses, 0, t.Rows), t.losses)
	case backend.Float32:
		dst := f32(t.Losses, 0, t.Rows)
		for r, v := range t.losses {
			dst[r] = float32(v)
		}
	}
	return out
}

// between computes rows first to last-1, which Logits begins with.
func (t *entropyTask) between(first, last int) {
	t.first, t.last = first, last
	if n := last - first; n*t.Classes <= serial/4 {
		t.rows(first, last)
	} else {
		parallel.Do((n+t.perItem-1)/t.perItem, t)
	}
}

func (t *entropyTask) Run(item int) {
	lo := t.first + item*t.perItem
	t.rows(lo, min(lo+t.perItem, t.last))
}

func (t *entropyTask) rows(lo, hi int) {
	if t.Logits.Type == backend.Float64 {
		b := entropyBuffers64.get()
		entropyRows(t, b, lo, hi)
		entropyBuffers64.put(b)
		return
	}
	b := entropyBuffers32.get()
	entropyRows(t, b, lo, hi)
	entropyBuffers32.put(b)
}

// entropyBuffers are rows of one goroutine, made when a call needs them.
type entropyBuffers[F kernel.Float] struct{ wide, capped, probs []F }

var (
	entropyBuffers32 pooled[entropyBuffers[float32]]
	entropyBuffers64 pooled[entropyBuffers[float64]]
)

// entropyRows computes rows lo to hi-1 in F.
func entropyRows[F kernel.Float](t *entropyTask, b *entropyBuffers[F], lo, hi int) {
	native := t.Logits.Type == backend.Float32 || t.Logits.Type == backend.Float64
	if t.SoftCap > 0 {
		b.capped = resize(b.capped, t.Classes)
	}
	correct := 0
	for r := lo; r < hi; r++ {
		from, to := (r-t.first)*t.Classes, (r-t.first+1)*t.Classes
		x := inFloat(&b.wide, t.Logits, from, to)
		var grad []F
		switch {
		case t.Grad.Ptr == nil:
		case native:
			grad = backend.Slice[F](t.Grad, from, to)
		default:
			grad = x
		}
		y := rowTarget[F]{}
		if t.Targets.Type.Float() {
			y.probs = inFloat(&b.probs, t.Targets, r*t.Classes, (r+1)*t.Classes)
		} else {
			y.class = int(class(t.Targets, r))
		}
		if t.ignored(r) {
			t.losses[r] = 0
			clear(grad)
		} else {
			if t.bias.Ptr != nil {
				kernel.Add(x, backend.Slice[F](t.bias, 0, t.Classes), 1)
			}
			loss, right := entropyRow(&t.entropy, grad, x, b.capped, y)
			t.losses[r] = loss
			if right {
				correct++
			}
		}
		if grad != nil && !native {
			narrow(t.Grad, from, to, any(grad).([]float32))
		}
	}
	t.correct.Add(int64(correct))
}

// inFloat is elements lo to hi-1 of a buffer as Fs: its own memory where it
// holds Fs, otherwise a copy in buf.
func inFloat[F kernel.Float](buf *[]F, b backend.Buffer, lo, hi int) []F {
	var f F
	_, single := any(f).(float32)
	switch {
	case single == (b.Type == backend.Float32) && b.Type <= backend.Float64:
		return backend.Slice[F](b, lo, hi)
	case b.Type == backend.Float32:
		*buf = resize(*buf, hi-lo)
		for i, v := range f32(b, lo, hi) {
			(*buf)[i] = F(v)
		}
	default:
		*buf = resize(*buf, hi-lo)
		widen(any(*buf).([]float32), b, lo, hi)
	}
	return *buf
}

// entropy is what the rows of one call share.
type entropy struct {
	smoothing, zLoss, softCap, scale float64
	weights                          []float64 // of each class; none is 1 for all
}

// weight is a class's.
func (e *entropy) weight(class int) float64 {
	if len(e.weights) == 0 {
		return 1
	}
	return e.weights[class]
}

// rowTarget is a class, or the probabilities of all.
type rowTarget[F kernel.Float] struct {
	class int
	probs []F
}

// entropyRow is one row of K logits: with the targets t, 1 for the class and 0
// elsewhere or probabilities, the class weights w, the weight W of the row, w of
// its class or 1, and p = softmax(x),
//
//	q = w·((1−ε)·t + ε/K)
//	l = ln Σexp(x)
//	loss = Σ q·(l − x) + W·λ·l²
//	grad = scale·((Σq + 2·W·λ·l)·p − q)
//
// where a soft-cap replaces x by c·tanh(x/c), in the memory of capped, and
// multiplies grad by 1 − tanh². grad is x itself, other memory or nil. right
// reports whether the first largest logit is the target.
//
// A row with NaN or +Inf, or with nothing but −Inf, has the loss NaN and, in
// every element, the gradient NaN. A logit −Inf is probability 0: where q is
// not 0 the loss is +Inf and the gradient finite.
func entropyRow[F kernel.Float](e *entropy, grad, x, capped []F, y rowTarget[F]) (loss float64, right bool) {
	if e.softCap > 0 {
		kernel.SoftCap(capped, x, F(e.softCap))
		x = capped
	}
	k, eps, w := float64(len(x)), e.smoothing, 1.0
	if y.probs == nil {
		w = e.weight(y.class)
	}
	q := kernel.Target[F]{
		Probs: y.probs, Class: y.class, Weights: e.weights,
		Keep: 1 - eps, Spread: eps / k,
	}
	// Otherwise all classes but the target have one q.
	each := y.probs != nil || eps > 0 && len(e.weights) > 0

	largest, sum := kernel.MaxSum(x)
	right = y.first(x, largest)
	var mass, cost, xy float64
	if each {
		mass, cost = q.Sums(x, largest)
	} else {
		mass, xy = w, float64(x[y.class])
	}
	z := kernel.ExpSum(grad, x, largest)
	if !(z > 0 && z <= math.MaxFloat64) {
		for j := range grad {
			grad[j] = F(math.NaN())
		}
		return math.NaN(), false
	}
	lnZ := fmath.Log(z)
	switch {
	case each:
		loss = float64(mass*lnZ) + cost
	case w == 0:
		loss = 0
	case eps > 0 && math.IsInf(sum, -1): // a class of probability 0 is asked for
		loss = math.Inf(1)
	default:
		// x_y − largest before the logarithm keeps the digits of large logits.
		loss = lnZ - (xy - float64(largest))
		if eps > 0 {
			loss += float64(eps * (xy - sum/k))
		}
		loss *= w
	}
	pull := mass
	if e.zLoss > 0 && w > 0 {
		l := float64(largest) + lnZ
		loss += float64(w * e.zLoss * l * l)
		pull += float64(2 * w * e.zLoss * l)
	}
	if grad == nil {
		return loss, right
	}
	if each {
		q.Gradient(grad, e.scale*pull/z, e.scale)
	} else {
		ey := float64(grad[y.class])
		kernel.ScaleSub(grad, F(e.scale*pull/z), F(float64(e.scale*w*eps)/k))
		grad[y.class] = F(e.scale * (float64(pull*ey)/z - float64(w*float64(eps/k)) - float64(w*(1-eps))))
	}
	if e.softCap > 0 {
		kernel.SoftCapGradient(grad, x, F(e.softCap))
	}
	return loss, right
}

// first reports whether the first largest logit is the target, of
// probabilities the first largest.
func (y rowTarget[F]) first(x []F, largest F) bool {
	class := y.class
	if y.probs != nil {
		most, _ := kernel.MaxSum(y.probs)
		for class < len(x) { // whole blocks without it take the least
			end := min(class+kernel.Block, len(x))
			if m, _ := kernel.MaxSum(y.probs[class:end]); m == most {
				break
			}
			class = end
		}
		for class < len(x) && y.probs[class] != most {
			class++
		}
		if class == len(x) {
			return false // nothing but NaN
		}
	}
	if x[class] != largest {
		return false
	}
	before, _ := kernel.MaxSum(x[:class])
	return before < largest || class == 0
}
