package main

import (
	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/precision"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
)

// emulated is linear layers on the host: operands are rounded as a device reads
// them, sums are float64, results are rounded as it writes them.
type emulated struct {
	m      mode
	w      [layers]blas64.General
	scales *precision.DelayedScales
}

func emulate(m mode, s shape, w [layers][]float32) (*emulated, error) {
	scales, err := newScales()
	if err != nil {
		return nil, err
	}
	e := &emulated{m: m, scales: scales}
	for l := range layers {
		in, out := s.sizes(l)
		e.w[l] = matrix(out, in)
		if err := (precision.Cast{}).Apply(view(e.w[l]), descent.Of(w[l], out, in), 0); err != nil {
			return nil, err
		}
		if err := e.operand(weightScale(l), e.w[l]); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// operand rounds what a product reads, in place.
func (e *emulated) operand(scale int, x blas64.General) error {
	switch {
	case e.m.narrow():
		codes := tensor(e.m.operand, x.Rows, x.Cols)
		by, err := e.scales.Cast(scale, codes, view(x))
		if err != nil {
			return err
		}
		if err := (precision.Cast{}).Apply(view(x), codes, 0); err != nil {
			return err
		}
		blas64.Scal(1/float64(by), blas64.Vector{N: len(x.Data), Inc: 1, Data: x.Data})
		return nil
	case e.m.tf32:
		for i, v := range x.Data {
			x.Data[i] = float64(precision.TF32(float32(v)))
		}
		return nil
	}
	return round(e.m.operand, x)
}

func (e *emulated) apply(l layer, x blas64.General) (blas64.General, error) {
	y := matrix(x.Rows, e.w[l].Rows)
	if err := e.operand(inputScale(l), x); err != nil {
		return y, err
	}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, x, e.w[l], 0, y)
	return y, round(e.m.activation, y)
}

// newScales makes the FP8 scales of all layers. Each is set by the first tensor
// that is cast with it and stays, as scales do that were found before inference.
func newScales() (*precision.DelayedScales, error) {
	names := make([]string, 2*layers)
	for l, name := range layerNames {
		names[weightScale(layer(l))], names[inputScale(layer(l))] = name+" weights", name+" input"
	}
	return precision.Delayed{History: 1}.New(names...)
}

func weightScale(l layer) int { return int(l) }
func inputScale(l layer) int  { return int(layers + l) }

// emulatedErrors are the errors of each mode that can be emulated, on the host.
func emulatedErrors(s shape, seed uint64, done func(string)) (map[string]deviation, error) {
	w, x := draw(s, seed)
	var want blas64.General
	all := map[string]deviation{}
	for i, m := range modes {
		if m.fast {
			continue
		}
		e, err := emulate(m, s, w)
		if err != nil {
			return nil, err
		}
		y, err := block(s, m, x, e)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			want = y
			continue
		}
		all[m.name] = deviationOf(y, want, x)
		done(m.name)
	}
	return all, nil
}
