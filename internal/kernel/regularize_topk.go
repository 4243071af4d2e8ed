package kernel

import (
	"math"
	"math/bits"
)

// TopK32 sets dst = src where by is among the k largest and 0 elsewhere, by
// magnitude or, with signed, by value. Of equals the first stay, −0 equals +0,
// and NaN is larger than all numbers. k is 1 to len(dst); keys is scratch as
// long as dst.
func TopK32(dst, src, by []float32, k int, signed bool, keys []uint32) {
	src, by, keys = src[:len(dst)], by[:len(dst)], keys[:len(dst)]
	for i, v := range by {
		keys[i] = rank32(v, signed)
	}
	last, ties := kth(keys, k)
	for i, v := range by {
		r, b := rank32(v, signed), math.Float32bits(src[i])
		if r < last { // no branch: the compiler moves 0 on a condition
			b = 0
		}
		if r == last {
			if ties == 0 {
				b = 0
			} else {
				ties--
			}
		}
		dst[i] = math.Float32frombits(b)
	}
}

// TopK64 is TopK32 for float64.
func TopK64(dst, src, by []float64, k int, signed bool, keys []uint64) {
	src, by, keys = src[:len(dst)], by[:len(dst)], keys[:len(dst)]
	for i, v := range by {
		keys[i] = rank64(v, signed)
	}
	last, ties := kth(keys, k)
	for i, v := range by {
		r, b := rank64(v, signed), math.Float64bits(src[i])
		if r < last {
			b = 0
		}
		if r == last {
			if ties == 0 {
				b = 0
			} else {
				ties--
			}
		}
		dst[i] = math.Float64frombits(b)
	}
}

// rank32 orders as x does, or its magnitude.
func rank32(x float32, signed bool) uint32 {
	b := math.Float32bits(x + 0) // −0 is +0
	switch {
	case x != x:
		return math.MaxUint32
	case signed:
		return b ^ (uint32(int32(b)>>31) | 1<<31)
	}
	return b &^ (1 << 31)
}

func rank64(x float64, signed bool) uint64 {
	b := math.Float64bits(x + 0)
	switch {
	case x != x:
		return math.MaxUint64
	case signed:
		return b ^ (uint64(int64(b)>>63) | 1<<63)
	}
	return b &^ (1 << 63)
}

// kth returns the k-th largest of the keys and how many of its equals are among
// the k largest. It reorders keys: digit by digit from the highest, only those
// that may still be the one are kept.
func kth[K uint32 | uint64](keys []K, k int) (key K, ties int) {
	const digit = 11 // a float32's exponent and some bits
	var count [1 << digit]int32
	var largest K
	for _, x := range keys {
		largest = max(largest, x)
	}
	for high := bits.Len64(uint64(largest)); ; {
		shift := max(high-digit, 0)
		mask := K(1)<<(high-shift) - 1
		clear(count[:])
		for _, x := range keys {
			count[x>>shift&mask]++
		}
		d := mask
		for ; k > int(count[d]); d-- {
			k -= int(count[d])
		}
		n := 0
		for _, x := range keys {
			keys[n] = x
			if x>>shift&mask == d {
				n++
			}
		}
		keys = keys[:n]
		if n == 1 || shift == 0 {
			return keys[0], k
		}
		high = shift
	}
}
