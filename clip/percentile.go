package clip

import (
	"fmt"
	"math"
	"slices"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/check"
)

// Percentile limits the global 2-norm to a percentile of the norms so far, this
// one included.
//
//	limit = the norm below which P percent of the last Window norms lie
//
// Between two norms it interpolates as numpy.percentile does. Without a Window
// the percentile is of all norms, exact for the first five and from then on
// estimated from five numbers by Jain and Chlamtac's P².
//
// Special cases are: a gradient with NaN or ±Inf changes nothing and is not
// remembered; a percentile of 0 is no limit.
//
// This is AutoClip, which keeps every norm, sorts them at each step, and whose
// list one infinite norm spoils. A window takes Window numbers and, at each
// step, two binary searches and a move within a sorted list, 0.2 µs for 1000
// norms. State.Values are the window's norms, oldest first, or the heights and
// positions of P²'s five markers.
// See https://arxiv.org/abs/2007.14469 and https://doi.org/10.1145/4372.4378.
type Percentile struct {
	P      float64 // percent, more than 0 and at most 100
	Window int     // how many norms, at most 2²⁴; 0 means an estimate over all
}

// Validate implements Rule.
func (c Percentile) Validate() error {
	return check.Fields("clip.Percentile",
		check.Field{Name: "P", Value: c.P, OpenMin: true, Max: 100},
		check.Field{Name: "Window", Value: float64(c.Window), Max: 1 << 24})
}

func (c Percentile) name() string { return "Percentile" }

func (c Percentile) start() memory {
	if c.Window == 0 {
		return &markers{p: c.P / 100}
	}
	return &window{p: c.P / 100, size: c.Window}
}

// window is the last norms, exactly.
type window struct {
	p      float64
	size   int
	seen   int64
	ring   []float64 // norm number k is at k mod size
	sorted []float64
}

func (m *window) apply(g *descent.Gradients, n descent.Norm, finite bool) error {
	if !finite {
		return nil
	}
	m.push(n.L2)
	return to(g, n.L2, quantile(m.sorted, m.p))
}

func (m *window) push(x float64) {
	if len(m.ring) < m.size {
		if m.ring == nil {
			m.ring, m.sorted = make([]float64, 0, m.size), make([]float64, 0, m.size)
		}
		m.ring = append(m.ring, x)
	} else {
		oldest := &m.ring[m.seen%int64(m.size)]
		at, _ := slices.BinarySearch(m.sorted, *oldest)
		m.sorted = slices.Delete(m.sorted, at, at+1)
		*oldest = x
	}
	at, _ := slices.BinarySearch(m.sorted, x)
	m.sorted = slices.Insert(m.sorted, at, x)
	m.seen++
}

// quantile interpolates between the two nearest of sorted numbers.
func quantile(sorted []float64, p float64) float64 {
	at := float64(p * float64(len(sorted)-1))
	i := min(int(at), len(sorted)-1)
	low, high := sorted[i], sorted[min(i+1, len(sorted)-1)]
	return low + float64((high-low)*(at-float64(i)))
}

func (m *window) save() State {
	s := State{Seen: m.seen}
	for k := range m.ring {
		s.Values = append(s.Values, m.ring[(m.seen+int64(k))%int64(len(m.ring))])
	}
	return s
}

func (m *window) load(s State) error {
	if err := s.wantValues(int(min(s.Seen, int64(m.size)))); err != nil {
		return err
	}
	m.seen = s.Seen - int64(len(s.Values))
	if len(s.Values) == m.size { // so that the ring fills from where it will be read
		m.ring, m.sorted = make([]float64, m.size), make([]float64, 0, m.size)
		for _, x := range s.Values {
			m.ring[m.seen%int64(m.size)] = x
			m.seen++
		}
		m.sorted = append(m.sorted, s.Values...)
		slices.Sort(m.sorted)
		return nil
	}
	for _, x := range s.Values {
		m.push(x)
	}
	return nil
}

// markers is P²: estimates of the quantiles 0, p/2, p, (1+p)/2 and 1, and how
// many norms are at or below each. Up to five norms are kept as they are,
// sorted.
type markers struct {
	p      float64
	seen   int64
	height [5]float64
	below  [5]float64 // whole numbers
}

func (m *markers) apply(g *descent.Gradients, n descent.Norm, finite bool) error {
	if !finite {
		return nil
	}
	m.push(n.L2)
	switch {
	case m.seen <= 5:
		return to(g, n.L2, quantile(m.height[:m.seen], m.p))
	case m.p == 1: // the largest
		return nil
	}
	return to(g, n.L2, m.height[2])
}

func (m *markers) push(x float64) {
	m.seen++
	if k := int(m.seen); k <= 5 {
		m.height[k-1] = x
		slices.Sort(m.height[:k])
		m.below = [5]float64{1, 2, 3, 4, 5}
		return
	}
	q, n := &m.height, &m.below
	q[0], q[4] = min(q[0], x), max(q[4], x)
	cell := 0
	for cell < 3 && x >= q[cell+1] {
		cell++
	}
	for i := cell + 1; i < 5; i++ {
		n[i]++
	}
	for i, p := range [...]float64{m.p / 2, m.p, (1 + m.p) / 2} {
		i++
		d := 1 + float64(p*float64(m.seen-1)) - n[i] // to where the marker should be
		switch {
		case d >= 1 && n[i+1]-n[i] > 1:
			d = 1
		case d <= -1 && n[i-1]-n[i] < -1:
			d = -1
		default:
			continue
		}
		q[i] = m.move(i, d)
		n[i] += d
	}
}

// move returns the height of marker i one position to the right or left: on the
// parabola through it and its neighbours or, where that leaves their order, on
// the line.
func (m *markers) move(i int, d float64) float64 {
	q, n := &m.height, &m.below
	right := (n[i] - n[i-1] + d) * ((q[i+1] - q[i]) / (n[i+1] - n[i]))
	left := (n[i+1] - n[i] - d) * ((q[i] - q[i-1]) / (n[i] - n[i-1]))
	y := q[i] + float64(d*(float64(right)+float64(left)))/(n[i+1]-n[i-1])
	if q[i-1] < y && y < q[i+1] {
		return y
	}
	j := i + int(d)
	return q[i] + float64(d*((q[j]-q[i])/(n[j]-n[i])))
}

func (m *markers) save() State {
	return State{Seen: m.seen, Values: slices.Concat(m.height[:], m.below[:])}
}

func (m *markers) load(s State) error {
	if err := s.wantValues(10); err != nil {
		return err
	}
	h, n := s.Values[:5], s.Values[5:]
	known := min(s.Seen, 5)
	if !slices.IsSorted(h[:known]) {
		return fmt.Errorf("markers at %v, want them in order", h)
	}
	for i := range n {
		if s.Seen > 5 && (n[i] != math.Floor(n[i]) || i > 0 && n[i] <= n[i-1] || n[0] != 1 || n[4] != float64(s.Seen)) {
			return fmt.Errorf("positions %v, want whole numbers that rise from 1 to %d", n, s.Seen)
		}
	}
	m.seen = s.Seen
	copy(m.height[:], h)
	copy(m.below[:], n)
	return nil
}
