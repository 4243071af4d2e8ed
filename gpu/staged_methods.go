package gpu

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/host"
)

// Every method is the host's of that name, staged. Those that have a kernel as
// well use it for what it can do.

func (s staged) Measure(a *backend.Update) error { return stage(s, a, host.Backend.Measure) }

func (s staged) Update(a *backend.Update) error { return stage(s, a, host.Backend.Update) }

func (s staged) MoveFactored(a backend.Factored) error {
	return stage(s, a, host.Backend.MoveFactored)
}

func (s staged) Eigenbasis(a backend.Eigenbasis) error {
	return stage(s, a, host.Backend.Eigenbasis)
}

func (s staged) Refresh(a backend.Refresh) error { return stage(s, a, host.Backend.Refresh) }

func (s staged) Norm(a *backend.Norm) error { return stage(s, a, host.Backend.Norm) }

func (s staged) Accumulate(a *backend.Accumulate) error { return stage(s, a, host.Backend.Accumulate) }

func (s staged) Divide(a *backend.Divide) error { return stage(s, a, host.Backend.Divide) }

func (s staged) Clamp(a backend.Clamp) error { return stage(s, a, host.Backend.Clamp) }

func (s staged) Power(a *backend.Power) error { return stage(s, a, host.Backend.Power) }

func (s staged) ClipUnits(a *backend.ClipUnits) (int, error) {
	return staging(s, a, host.Backend.ClipUnits)
}

func (s staged) ClipExamples(a backend.ClipExamples) (backend.ClippedExamples, error) {
	return staging(s, a, host.Backend.ClipExamples)
}

func (s staged) CrossEntropy(a backend.CrossEntropy) (backend.Loss, error) {
	return staging(s, a, host.Backend.CrossEntropy)
}

func (s staged) LinearCrossEntropy(a backend.LinearCrossEntropy) (backend.Loss, error) {
	return staging(s, a, host.Backend.LinearCrossEntropy)
}

func (s staged) Contrastive(a backend.Contrastive) (backend.Loss, error) {
	return staging(s, a, host.Backend.Contrastive)
}

func (s staged) Pointwise(a backend.Pointwise) (backend.Loss, error) {
	return staging(s, a, host.Backend.Pointwise)
}

func (s staged) SoftmaxPoint(a backend.SoftmaxPoint) (backend.Loss, error) {
	return staging(s, a, host.Backend.SoftmaxPoint)
}

func (s staged) CosinePairs(a backend.CosinePairs) (backend.Loss, error) {
	return staging(s, a, host.Backend.CosinePairs)
}

func (s staged) Triplets(a backend.Triplets) (backend.Loss, error) {
	return staging(s, a, host.Backend.Triplets)
}

func (s staged) SoftPair(a backend.SoftPair) (backend.Loss, error) {
	return staging(s, a, host.Backend.SoftPair)
}

func (s staged) Cast(a backend.Cast) (float64, error) { return staging(s, a, host.Backend.Cast) }

func (s staged) Quantize(a backend.Quantize) (float64, error) {
	return staging(s, a, host.Backend.Quantize)
}

func (s staged) Dequantize(a backend.Quantize) error { return stage(s, a, host.Backend.Dequantize) }

func (s staged) MatMul(a backend.MatMul) error { return stage(s, a, host.Backend.MatMul) }

func (s staged) Dropout(a backend.Dropout) error { return stage(s, a, host.Backend.Dropout) }

func (s staged) DropBlock(a backend.DropBlock) error { return stage(s, a, host.Backend.DropBlock) }

func (s staged) Noise(a backend.Noise) error { return stage(s, a, host.Backend.Noise) }

func (s staged) TopK(a backend.TopK) error { return stage(s, a, host.Backend.TopK) }

func (s staged) MixUp(a backend.MixUp) error { return stage(s, a, host.Backend.MixUp) }

func (s staged) CutMix(a backend.CutMix) error { return stage(s, a, host.Backend.CutMix) }

func (s staged) MixTargets(a backend.MixTargets) error { return stage(s, a, host.Backend.MixTargets) }

func (s staged) Rows(a backend.Rows) error { return stage(s, a, host.Backend.Rows) }

func (s staged) Penalty(a backend.Penalty) (float64, error) {
	return staging(s, a, host.Backend.Penalty)
}

func (s staged) Shrink(a backend.Shrink) error { return stage(s, a, host.Backend.Shrink) }

func (s staged) Spectral(a backend.Spectral) (float64, error) {
	return staging(s, a, host.Backend.Spectral)
}

func (s staged) Balance(a backend.Balance) (backend.Balanced, error) {
	return staging(s, a, host.Backend.Balance)
}

func (s staged) Average(a *backend.Average) error { return stage(s, a, host.Backend.Average) }

func (s staged) Perturb(a *backend.Perturb) error { return stage(s, a, host.Backend.Perturb) }

// What has more than one argument is staged as a struct of them.

func (s staged) Convert(dst, src backend.Buffer) error {
	return stage(s, [2]backend.Buffer{dst, src}, func(h host.Backend, a [2]backend.Buffer) error {
		return h.Convert(a[0], a[1])
	})
}

func (s staged) Scale(x *backend.Set, factor float64) error {
	return stage(s, x, func(h host.Backend, x *backend.Set) error { return h.Scale(x, factor) })
}

func (s staged) ScaleEach(x *backend.Set, by []float64) error {
	return stage(s, x, func(h host.Backend, x *backend.Set) error { return h.ScaleEach(x, by) })
}

func (s staged) Begin(dst backend.Stored, value backend.Buffer, number float64, copied bool) error {
	type begin struct {
		Dst   backend.Stored
		Value backend.Buffer
	}
	return stage(s, begin{dst, value}, func(h host.Backend, a begin) error {
		return h.Begin(a.Dst, a.Value, number, copied)
	})
}

func (s staged) Amax(x backend.Buffer) (float64, error) { return staging(s, x, host.Backend.Amax) }

func (s staged) Histogram(x backend.Buffer, width float64, bins []uint64) error {
	return stage(s, x, func(h host.Backend, x backend.Buffer) error { return h.Histogram(x, width, bins) })
}

func (s staged) Swap(a, b *backend.Set) error {
	return stage(s, [2]*backend.Set{a, b}, func(h host.Backend, x [2]*backend.Set) error {
		return h.Swap(x[0], x[1])
	})
}

func (s staged) Multiply(dst, a, b *backend.Set) error {
	return stage(s, [3]*backend.Set{dst, a, b}, func(h host.Backend, x [3]*backend.Set) error {
		return h.Multiply(x[0], x[1], x[2])
	})
}
