package precision

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/descent-ml/descent"
)

func observers(t *testing.T) map[string]func() Observer {
	made := func(o Observer, err error) Observer {
		must(t, err)
		return o
	}
	return map[string]func() Observer{
		"min-max":    func() Observer { return made(MinMax{}.New()) },
		"ema":        func() Observer { return made(EMA{Momentum: 0.5}.New()) },
		"percentile": func() Observer { return made(Percentile{Percent: 98}.New()) },
		"mse":        func() Observer { return made(MSE{Integer{Bits: 4}}.New()) },
	}
}

func TestObservers(t *testing.T) {
	for name, made := range observers(t) {
		a, b := made(), made()
		if lo, hi := a.Range(); lo != 0 || hi != 0 {
			t.Errorf("%s: empty range is %v to %v", name, lo, hi)
		}
		for i := range 4 {
			x := gaussian(30000, uint64(i))
			for k := range x {
				x[k] *= float32(i + 1)
			}
			v := descent.Of(x, len(x))
			must(t, a.Observe(v))
			if i == 1 {
				must(t, b.Restore(a.State()))
				continue
			}
			if i > 1 {
				must(t, b.Observe(v))
			}
		}
		if !reflect.DeepEqual(a.State(), b.State()) {
			t.Errorf("%s: restored state differs", name)
		}
		before := a.State()
		if a.Observe(descent.Of([]float32{1e9, float32(math.NaN())}, 2)) == nil || !reflect.DeepEqual(a.State(), before) {
			t.Errorf("%s: NaN", name)
		}
		before.High = math.Inf(1)
		if err := a.Restore(before); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", name, err)
		}
		if err := a.Restore(ObserverState{Kind: "other"}); !errors.Is(err, ErrState) {
			t.Errorf("%s: %v", name, err)
		}
		v := descent.Of(gaussian(1000, 1), 1000)
		noAllocations(t, func() { must(t, a.Observe(v)) })
	}
}

func TestObservedRanges(t *testing.T) {
	of := observers(t)
	see := func(o Observer, x ...[]float32) (lo, hi float64) {
		for _, v := range x {
			must(t, o.Observe(descent.Of(v, len(v))))
		}
		return o.Range()
	}
	if lo, hi := see(of["min-max"](), []float32{-1, 2}, []float32{0, 5}); lo != -1 || hi != 5 {
		t.Error("min-max", lo, hi)
	}
	if lo, hi := see(of["ema"](), []float32{-1, 2}, []float32{0, 5}); lo != -0.5 || hi != 3.5 {
		t.Error("ema", lo, hi)
	}
	line := make([]float32, 10000)
	for i := range line {
		line[i] = float32(i) / 10000
	}
	// 1 % at each end, to the edges of bins 1/1024 wide.
	if lo, hi := see(of["percentile"](), line); !(lo <= 0.01 && lo > 0.008 && hi >= 0.99 && hi < 0.992) {
		t.Error("percentile", lo, hi)
	}
	// The order of tensors does not matter: the bins are doubled exactly.
	big := []float32{1000, -3}
	a, b := of["percentile"](), of["percentile"]()
	see(a, line, big)
	see(b, big, line)
	if !reflect.DeepEqual(a.State(), b.State()) {
		t.Error("order matters")
	}
	// One outlier among many: the clipped range has the smaller error.
	x := append(gaussian(50000, 1), 30)
	lo, hi := see(of["mse"](), x)
	if !(hi < 20) {
		t.Fatal("mse", lo, hi)
	}
	y := make([]float32, len(x))
	loss := func(lo, hi float64) (sum float64) {
		must(t, FakeQuant{Integer{Bits: 4}}.Forward(descent.Of(y, len(y)), descent.Of(x, len(x)), lo, hi))
		for i := range y {
			sum += float64(y[i]-x[i]) * float64(y[i]-x[i])
		}
		return sum
	}
	full := loss(-5, 30)
	if got := loss(lo, hi); !(got < full/2) {
		t.Errorf("error %v, unclipped %v", got, full)
	}
	for _, bad := range []interface{ Validate() error }{EMA{1}, EMA{-1}, Percentile{101}, MSE{Integer{Per: PerRow}}} {
		if bad.Validate() == nil {
			t.Errorf("%+v", bad)
		}
	}
}
