package precision

import (
	"math"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
	"github.com/descent-ml/descent/internal/kernel"
)

// Percentile observes the range that leaves out a share of the elements, half of
// it at each end.
//
// It keeps a histogram of 2048 bins from −B to B, B being a power of two above
// every magnitude; when B doubles, pairs of bins become one, exactly, so that
// the order of tensors does not matter. Ends are edges of bins, outwards, and at
// most the extremes.
type Percentile struct {
	Percent float64 // of elements within; 0 means 99.99
}

// Validate reports the first field out of range.
func (p Percentile) Validate() error {
	return check.Fields("precision.Percentile", check.Field{Name: "Percent", Value: p.Percent, Max: 100})
}

// New makes an observer.
func (p Percentile) New() (Observer, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if p.Percent == 0 {
		p.Percent = 99.99
	}
	return newHistogram("percentile", func(s *ObserverState) (lo, hi float64) { return s.within(p.Percent) }), nil
}

// MSE observes the range whose integers have the least squared error, of a
// hundred: the extremes times 1, 0.99, … 0.01. The largest of equals is taken.
//
// Errors are those of the middles of Percentile's bins.
type MSE struct {
	Integer Integer // PerTensor
}

// Validate reports the first field out of range.
func (m MSE) Validate() error { return FakeQuant(m).Validate() }

// New makes an observer.
func (m MSE) New() (Observer, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	return newHistogram("mse", m.best), nil
}

func (m MSE) best(s *ObserverState) (lo, hi float64) {
	lo, hi = s.Low, s.High
	least := math.Inf(1)
	bits, signed := m.Integer.filled().Bits, !m.Integer.Asymmetric
	low, high := kernel.IntegerRange(bits, signed)
	for percent := 100; percent > 0; percent-- {
		l, h := s.Low*float64(percent)/100, s.High*float64(percent)/100
		scale, zero := kernel.IntegerGrid(float32(l), float32(h), bits, !signed)
		z, sum := float64(zero), 0.0
		for i, n := range s.Bins {
			if n == 0 {
				continue
			}
			x := s.edge(i) + s.width()/2
			q := min(max(math.RoundToEven(x/float64(scale))+z, float64(low)), float64(high))
			d := x - float64(float64(scale)*(q-z))
			sum += float64(float64(n) * float64(d*d))
		}
		if sum < least {
			least, lo, hi = sum, l, h
		}
	}
	return lo, hi
}

// bins is how many a histogram has.
const bins = 2048

func newHistogram(kind string, pick func(*ObserverState) (lo, hi float64)) Observer {
	return &histogram{ObserverState{Kind: kind, Exponent: -120, Bins: make([]uint64, bins)}, pick}
}

// histogram is Percentile's and MSE's observer.
type histogram struct {
	s    ObserverState
	pick func(*ObserverState) (lo, hi float64)
}

func (o *histogram) Observe(x descent.View) error {
	lo, hi, ok, err := observed(x)
	if err != nil || !ok {
		return err
	}
	if !o.s.Seen {
		o.s.Seen, o.s.Low, o.s.High = true, lo, hi
	}
	o.s.Low, o.s.High = min(o.s.Low, lo), max(o.s.High, hi)
	for math.Ldexp(1, o.s.Exponent) <= max(-lo, hi) {
		o.s.double()
	}
	b, err := gridsOf("x", x)
	if err != nil {
		return err
	}
	return b.Histogram(x.Buffer(), o.s.width(), o.s.Bins)
}

func (o *histogram) Range() (lo, hi float64) {
	if !o.s.Seen {
		return 0, 0
	}
	return o.pick(&o.s)
}

func (o *histogram) State() ObserverState { return o.s.cloned() }

func (o *histogram) Restore(s ObserverState) error {
	if err := s.fits(o.s.Kind, bins); err != nil {
		return err
	}
	o.s = s.cloned()
	return nil
}

// width is a bin's.
func (s *ObserverState) width() float64 { return math.Ldexp(2.0/bins, s.Exponent) }

// edge is the lower edge of a bin.
func (s *ObserverState) edge(bin int) float64 { return float64(bin-bins/2) * s.width() }

// double makes the bins twice as wide.
func (s *ObserverState) double() {
	var wide [bins]uint64
	for i, n := range s.Bins {
		wide[(i+bins/2)/2] += n
	}
	copy(s.Bins, wide[:])
	s.Exponent++
}

func (s *ObserverState) within(percent float64) (lo, hi float64) {
	total := 0.0
	for _, n := range s.Bins {
		total += float64(n)
	}
	out := total * (100 - percent) / 200
	first, last := 0, bins-1
	for below := float64(s.Bins[0]); below <= out && first < bins-1; below += float64(s.Bins[first]) {
		first++
	}
	for above := float64(s.Bins[last]); above <= out && last > 0; above += float64(s.Bins[last]) {
		last--
	}
	return max(s.Low, s.edge(first)), min(s.High, s.edge(last+1))
}
