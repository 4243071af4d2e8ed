package kernel

import "math"

// Stats is what one read of a gradient tells.
type Stats struct {
	MaxAbs    float64 // largest finite magnitude
	NonFinite int     // how many elements are NaN or ±Inf
	First     int     // index of the first of them, -1 when there is none
}

// Merge adds the stats of a run that starts at element offset.
func (s *Stats) Merge(t Stats, offset int) {
	s.MaxAbs = max(s.MaxAbs, t.MaxAbs)
	if t.NonFinite > 0 && s.NonFinite == 0 {
		s.First = offset + t.First
	}
	s.NonFinite += t.NonFinite
}

// Norm writes the sum of squares of each block of x to partial, which has
// Blocks(len(x)) elements, and returns the rest of the stats. Non-finite
// elements are counted and otherwise left out: sums and maximum speak of the
// finite ones.
//
// Each square is formed in float64 (for float32 exactly) and added to its lane.
func Norm[F Float](partial []float64, x []F) Stats {
	s := Stats{First: -1}
	for b := range partial {
		block := x[b*Block : min((b+1)*Block, len(x))]
		sum, mag, finite := normBlock(block)
		if finite {
			partial[b] = sum
			s.MaxAbs = max(s.MaxAbs, mag)
			continue
		}
		var t Stats
		partial[b], t = normFinite(block)
		s.Merge(t, b*Block)
	}
	return s
}

// normBlock returns the sum of squares and the largest magnitude of a block,
// and whether every element is finite; where not, the first two mean nothing.
func normBlock[F Float](x []F) (sum, maxAbs float64, finite bool) {
	switch x := any(x).(type) {
	case []float32:
		// Magnitudes order as their bits do, NaN and Inf above all others.
		sum, mag := normBlock32(x)
		return sum, float64(math.Float32frombits(mag)), mag < 0x7f800000
	case []float64:
		return normBlock64(x)
	}
	panic("unreachable")
}

// normBlock32Generic is the reference: the sum of squares of at most one block
// and the largest of the elements' bits without their signs.
func normBlock32Generic(x []float32) (sum float64, maxBits uint32) {
	var l [Lanes]float64
	for i, v := range x {
		d := float64(v)
		l[i%Lanes] += float64(d * d)
		maxBits = max(maxBits, math.Float32bits(v)&0x7fffffff)
	}
	return fold(&l), maxBits
}

// normBlock64 serves float64 tensors. Squares above 1.8e308 overflow: a finite
// element beyond 1.3e154 gives an infinite sum.
func normBlock64(x []float64) (sum, maxAbs float64, finite bool) {
	var l [Lanes]float64
	finite = true
	for i, v := range x {
		l[i%Lanes] += float64(v * v)
		maxAbs = max(maxAbs, math.Abs(v))
		finite = finite && math.Abs(v) <= math.MaxFloat64
	}
	return fold(&l), maxAbs, finite
}

// normFinite is normBlock over the finite elements only, each in its own lane.
func normFinite[F Float](x []F) (float64, Stats) {
	var l [Lanes]float64
	s := Stats{First: -1}
	for i, v := range x {
		d := float64(v)
		if !(math.Abs(d) <= math.MaxFloat64) {
			if s.NonFinite == 0 {
				s.First = i
			}
			s.NonFinite++
			continue
		}
		l[i%Lanes] += float64(d * d)
		s.MaxAbs = max(s.MaxAbs, math.Abs(d))
	}
	return fold(&l), s
}
