package descent

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/backend"
)

// LimitNorm is Clip by what limits the norm to max:
//
//	min(1, max/(L2+eps)),  L2 of Norm
//
// Special cases are: gradients that are not finite, or whose norm overflows, stay
// as they are. max that is not more than 0 and eps that is not a finite number
// of at least 0 are errors.
//
// A device that can begins to read the gradients and finds the factor itself, so
// that an optimizer's step queues its update without waiting. An error of the
// device comes back from the next method that returns one; until Reset the
// factor is 0 then.
func (g *Gradients) LimitNorm(max, eps float64) error {
	if !(max > 0) || !(eps >= 0 && eps <= math.MaxFloat64) {
		return fmt.Errorf("descent: Gradients.LimitNorm: max %v, eps %v, want more than 0 and a finite number of at least 0", max, eps)
	}
	if err := g.settle(); err != nil {
		return err
	}
	if queued, err := g.queue(max, eps); queued || err != nil {
		return err
	}
	n, err := g.Norm()
	if err != nil {
		return err
	}
	return g.limitTo(n.L2, max, eps)
}

// limitTo is Clip for a norm.
func (g *Gradients) limitTo(norm, max, eps float64) error {
	if norm+eps > max && !math.IsInf(norm, 1) {
		return g.Clip(max / (norm + eps))
	}
	return nil
}

// Deferred is the limit that the device is finding the factor of, for the
// packages of this module. Where the norm is not known and nothing has been
// clipped it begins to, with no limit. It is nil elsewhere.
func (g *Gradients) Deferred() (*backend.Limit, error) {
	if !g.queued {
		if queued, err := g.queue(math.Inf(1), 0); !queued {
			return nil, err
		}
	}
	return &g.limit, nil
}

// queue begins the read where the device can go on meanwhile.
func (g *Gradients) queue(max, eps float64) (bool, error) {
	d, ok := g.dev.Backend().(backend.Deferrer)
	if !ok || g.known || g.lost != nil || g.clip != 1 || g.uneven {
		return false, nil
	}
	g.limit = backend.Limit{Norm: g.pass, Scale: g.scale, Max: max, Eps: eps}
	queued, err := d.QueueNorm(&g.limit)
	g.queued = queued && err == nil
	return g.queued, err
}

// settle waits for a queued read and puts the limit into clip.
func (g *Gradients) settle() error {
	if !g.queued {
		return g.lost
	}
	g.queued = false
	if err := g.dev.Backend().(backend.Deferrer).AwaitNorm(g.pass); err != nil {
		g.clip, g.lost = 0, err
		return err
	}
	g.found()
	return g.limitTo(times(g.norm.L2, math.Abs(g.scale)), g.limit.Max, g.limit.Eps)
}
