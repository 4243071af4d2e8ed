package optim_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/clip"
	"github.com/descent-ml/descent/descenttest"
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/optim"
)

// late is the host behind a queue: norms are there when they are awaited, and
// updates behind them decide by themselves.
type late struct {
	backend.Backend
	backend.Factors
	backend.Grids
	found   map[*backend.Norm]*backend.Norm
	limited int
	lost    error
}

func (l *late) String() string         { return "late" }
func (l *late) device() descent.Device { return lateDevice{l} }
func newLate() *late {
	return &late{
		Backend: descent.Host.Backend(),
		Factors: descent.Host.Backend().(backend.Factors),
		Grids:   descent.Host.Backend().(backend.Grids),
		found:   map[*backend.Norm]*backend.Norm{},
	}
}

func (l *late) AwaitNorm(n *backend.Norm) error {
	if l.lost != nil {
		return l.lost
	}
	copy(n.Stats, l.found[n].Stats)
	copy(n.Sums, l.found[n].Sums)
	delete(l.found, n)
	return nil
}

func (l *late) QueueNorm(by *backend.Limit) (bool, error) {
	n := by.Norm
	l.found[n] = backend.NewNorm(n.X)
	for i := range n.Sums {
		n.Sums[i] = math.NaN()
	}
	return true, l.Norm(l.found[n])
}

func (l *late) UpdateLimited(u *backend.Update, by *backend.Limit) (bool, error) {
	l.limited++
	sum, bad := 0., 0
	for i, s := range l.found[by.Norm].Sums {
		sum += s
		bad += l.found[by.Norm].Stats[i].NonFinite
	}
	norm, factor := math.Sqrt(sum)*math.Abs(by.Scale), 1.
	if norm+by.Eps > by.Max {
		factor = by.Max / (norm + by.Eps)
	}
	if bad > 0 || math.IsInf(norm, 1) || by.Scale*factor == 0 {
		return true, nil
	}
	for _, r := range u.Rules {
		if r != nil {
			f := reflect.ValueOf(r).Elem().FieldByName("Factor")
			f.SetFloat(f.Float() * factor)
		}
	}
	return true, l.Update(u)
}

type lateDevice struct{ *late }

func (d lateDevice) Backend() backend.Backend { return d.late }

// TestStepBeforeTheNorm: a device that goes on without the norm makes the steps
// that the host makes, skipped ones included.
func TestStepBeforeTheNorm(t *testing.T) {
	if testing.Short() {
		t.Skip("the whole suite of a device, minutes in emulation")
	}
	l := newLate()
	descenttest.Device(t, l.device())
	if l.limited == 0 {
		t.Error("no step was queued")
	}
}

func TestStepOfLostNorm(t *testing.T) {
	l := newLate()
	on := func(x ...float32) descent.View { return descent.NewView(l.device(), descent.Of(x).Buffer(), len(x)) }
	params := []optim.Param{{Name: "w", Value: on(1, 2), Grad: on(3, 4)}}
	o, err := optim.New(params, optim.AdamW{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := descent.GradientsOf(params)
	if err != nil {
		t.Fatal(err)
	}
	if err := (clip.GlobalNorm{Max: 1}).Apply(g); err != nil {
		t.Fatal(err)
	}
	l.lost = descent.ErrDevice
	if _, err := o.Step(g, 1); err == nil {
		t.Error("a step without a norm")
	}
	if f := g.Factor(); f != 0 {
		t.Errorf("factor %v of gradients whose limit is lost", f)
	}
	for name, err := range map[string]error{
		"Apply": g.Apply(), "Scale": g.Scale(2), "Clip": g.Clip(1), "ClipTensor": g.ClipTensor(0, 1),
		"Clamp": g.Clamp(1), "LimitNorm": g.LimitNorm(1, 0),
	} {
		if err == nil {
			t.Errorf("%s goes on", name)
		}
	}
	l.lost = nil
	g.Reset(1)
	if r, err := o.Step(g, 1); err != nil || !r.Applied || r.Step != 1 {
		t.Error(r, err)
	}
}
