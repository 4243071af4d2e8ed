package kernel

// IntegerRun is how many products of integers and numbers IntegerDot adds in
// float32 at most.
const IntegerRun = 128

// integerLanes is how many sums there are.
const integerLanes = 16

// integerMagic plus a number of magnitude below 2²² is the number rounded to
// the nearest integer, ties to even, plus integerMagic.
const integerMagic = 0x1.8p23

// RoundEven is x rounded to the nearest integer, ties to even, for |x| < 2²².
func RoundEven(x float32) float32 {
	y := x + integerMagic
	return y - integerMagic
}

// IntegerCode is code i of a row, signed (two's complement) or not.
func IntegerCode(codes []byte, i, bits int, signed bool) int {
	if bits == 8 {
		if signed {
			return int(int8(codes[i]))
		}
		return int(codes[i])
	}
	k := codes[i/2] >> (4 * (i % 2)) & 15
	if signed {
		return int(int8(k<<4) >> 4)
	}
	return int(k)
}

// IntegerDots sets sums to the products of x, of at most IntegerRun elements,
// with as many codes of rows that lie stride bytes apart, the first row at the
// beginning of codes.
//
// In float32: element i is multiplied and added to lane i mod 16; lane j gets
// lane j+8, then j+4, j+2, j+1.
func IntegerDots(sums []float32, codes []byte, stride int, x []float32, bits int, signed bool) {
	if len(sums) == 4 && len(x)%integerLanes == 0 && len(x) > 0 && integerDots4(sums, codes, stride, x, bits, signed) {
		return
	}
	for r := range sums {
		sums[r] = integerDot(codes[r*stride:], x, bits, signed)
	}
}

func integerDot(codes []byte, x []float32, bits int, signed bool) float32 {
	var l [integerLanes]float32
	switch {
	case bits == 8 && signed:
		for i, v := range x {
			l[i%integerLanes] += float32(float32(int8(codes[i])) * v)
		}
	case bits == 8:
		for i, v := range x {
			l[i%integerLanes] += float32(float32(codes[i]) * v)
		}
	default:
		for i, v := range x {
			l[i%integerLanes] += float32(float32(IntegerCode(codes, i, bits, signed)) * v)
		}
	}
	return foldLanes(&l)
}

// IntegerSum is the sum of x in the order of IntegerDots.
func IntegerSum(x []float32) float32 {
	var l [integerLanes]float32
	for i, v := range x {
		l[i%integerLanes] += v
	}
	return foldLanes(&l)
}

func foldLanes(l *[integerLanes]float32) float32 {
	for half := integerLanes / 2; half > 0; half /= 2 {
		for j := range half {
			l[j] += l[j+half]
		}
	}
	return l[0]
}
