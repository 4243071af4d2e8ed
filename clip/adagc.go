package clip

import (
	"fmt"
	"slices"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// AdaGC limits the 2-norm of each tensor by the average of what it was.
//
//	t < Warmup:  h_i = min(1, Abs/norm),            γ_i = min(γ_i, h_i·norm_i)
//	later:       h_i = min(1, Rel·γ_i/norm_i),      γ_i = Beta·γ_i + (1−Beta)·h_i·norm_i
//
// t counts gradients from 1; norm is of all tensors together.
//
// Special cases are: a γ of 0, of a tensor whose norms were all 0, is no limit:
// the tensor goes on as in warm-up and begins its γ with the first norm above 0,
// where the paper's would stay 0, and the tensor with it. A gradient with NaN or
// ±Inf changes nothing and is not remembered. The tensors must be the same at
// each call, by name. State.Values are γ, State.Names the tensors.
// See https://arxiv.org/abs/2502.11034.
type AdaGC struct {
	Abs    float64 // 0 means 1
	Rel    float64 // 0 means 1.05
	Beta   float64 // less than 1; 0 means 0.98
	Warmup int     // 0 means 100
}

// Validate implements Rule.
func (c AdaGC) Validate() error {
	return check.Fields("clip.AdaGC",
		check.Field{Name: "Abs", Value: c.Abs, Max: inf, AllowsInf: true},
		check.Field{Name: "Rel", Value: c.Rel, Max: inf},
		check.Field{Name: "Beta", Value: c.Beta, Max: 1, OpenMax: true},
		check.Field{Name: "Warmup", Value: float64(c.Warmup), Max: inf})
}

func (c AdaGC) name() string { return "AdaGC" }

func (c AdaGC) start() memory {
	c.Abs = orDefault(c.Abs, 1)
	c.Rel = orDefault(c.Rel, 1.05)
	c.Beta = orDefault(c.Beta, 0.98)
	if c.Warmup == 0 {
		c.Warmup = 100
	}
	return &tensorNorms{c: c}
}

type tensorNorms struct {
	c     AdaGC
	seen  int64
	names []string
	gamma []float64
}

func (m *tensorNorms) apply(g *descent.Gradients, n descent.Norm, finite bool) error {
	if !finite {
		return nil
	}
	if m.names == nil {
		m.gamma = make([]float64, g.Len())
		for i := range m.gamma {
			m.names = append(m.names, g.Name(i))
		}
	}
	if !sameNames(g, m.names) {
		return fmt.Errorf("clip.AdaGC: the gradients are not of the tensors that it remembers")
	}
	m.seen++
	warm := min(1, m.c.Abs/n.L2)
	for i, gamma := range m.gamma {
		norm, err := g.TensorNorm(i)
		if err != nil {
			return err
		}
		h := warm
		switch {
		case gamma == 0:
			m.gamma[i] = h * norm
		case m.seen < int64(m.c.Warmup):
			if clipped := h * norm; clipped > 0 {
				m.gamma[i] = min(gamma, clipped)
			}
		default:
			h = min(1, m.c.Rel*gamma/norm)
			m.gamma[i] = float64(m.c.Beta*gamma) + float64((1-m.c.Beta)*(h*norm))
		}
		if h < 1 {
			if err := g.ClipTensor(i, h); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *tensorNorms) save() State {
	return State{Seen: m.seen, Values: slices.Clone(m.gamma), Names: slices.Clone(m.names)}
}

func (m *tensorNorms) load(s State) error {
	if len(s.Values) != len(s.Names) {
		return fmt.Errorf("%d values and %d names, want as many", len(s.Values), len(s.Names))
	}
	m.seen, m.gamma, m.names = s.Seen, slices.Clone(s.Values), slices.Clone(s.Names)
	return nil
}
