package regularize

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/check"
)

// mask is what dropout of elements, blocks and samples have in common.
type mask struct {
	p, scale     float64
	group        int // so many elements in a row fall or stay together
	seed, stream uint64
}

// keeping is 1/(1−p), and 1 where nothing stays.
func keeping(p float64) float64 {
	if p < 1 {
		return 1 / (1 - p)
	}
	return 1
}

// apply sets dst to src under the mask.
func (m mask) apply(dst, src descent.View, step int) error {
	if err := operands(dst, src); err != nil {
		return err
	}
	return m.run(dst, descent.View{}, src, step)
}

// addTo sets dst to residual plus src under the mask.
func (m mask) addTo(dst, residual, src descent.View, step int) error {
	if err := operands(dst, src); err != nil {
		return err
	}
	if err := check.Same("dst", dst, "residual", residual); err != nil {
		return err
	}
	if err := check.Apart("dst", dst, "residual", residual); err != nil {
		return err
	}
	return m.run(dst, residual, src, step)
}

func (m mask) run(dst, residual, src descent.View, step int) error {
	return src.Device().Backend().Dropout(backend.Dropout{
		Dst:    dst.Buffer(),
		Src:    src.Buffer(),
		Add:    residual.Buffer(),
		Scale:  m.scale,
		Drop:   threshold(m.p),
		Group:  m.group,
		Seed:   m.seed,
		Stream: m.stream,
		Step:   uint64(step),
	})
}

// threshold is what a random word is less than with probability p.
func threshold(p float64) uint64 { return uint64(math.Floor(p * (1 << 32))) }
