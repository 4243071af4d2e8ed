package fmath

import (
	"math"
	"math/big"
	"sync"
)

// The functions again in 300 bits, by series: slow and plain. Package math is no
// reference: its assembly is off by more than a unit here and there.

const digits = 300

func number(x float64) *big.Float { return new(big.Float).SetPrec(digits).SetFloat64(x) }

func newFloat() *big.Float { return new(big.Float).SetPrec(digits) }

// series is Σ xⁿ/n! over n = first, first+step, … with the signs given.
func series(x *big.Float, first, step int, alternate bool) *big.Float {
	term := number(1)
	sum := newFloat()
	sign := 1
	for n := 0; n < 200; n++ {
		if n > 0 {
			term.Mul(term, x)
			term.Quo(term, number(float64(n)))
		}
		if n%step == first {
			if sign > 0 {
				sum.Add(sum, term)
			} else {
				sum.Sub(sum, term)
			}
			if alternate {
				sign = -sign
			}
		}
	}
	return sum
}

// bigExp halves the argument until its series is short, then squares.
func bigExp(x *big.Float) *big.Float {
	k := max(0, x.MantExp(nil)+4)
	y := series(newFloat().SetMantExp(x, -k), 0, 1, false)
	for range k {
		y.Mul(y, y)
	}
	return y
}

// bigLog is Newton's method on bigExp.
func bigLog(x *big.Float) *big.Float {
	m := newFloat()
	e := x.MantExp(m)
	f, _ := m.Float64()
	y := number(math.Log(f))
	for range 4 {
		t := bigExp(newFloat().Neg(y))
		t.Mul(t, m)
		t.Sub(t, number(1))
		y.Add(y, t.Sub(t, newFloat().Mul(number(0.5), newFloat().Mul(t, t))))
	}
	return y.Add(y, newFloat().Mul(number(float64(e)), bigLn2()))
}

var bigLn2 = sync.OnceValue(func() *big.Float {
	// ln 2 = Σ 1/(n·2ⁿ)
	sum := newFloat()
	for n := 1; n < digits+10; n++ {
		t := number(1)
		t.SetMantExp(t, -n)
		sum.Add(sum, t.Quo(t, number(float64(n))))
	}
	return sum
})

// bigPi is Machin's formula, in enough bits for the largest float64.
var bigPi = sync.OnceValue(func() *big.Float {
	const prec = 1500
	arctan := func(x int64) *big.Float { // of 1/x
		power := new(big.Float).SetPrec(prec).Quo(new(big.Float).SetPrec(prec).SetInt64(1), new(big.Float).SetPrec(prec).SetInt64(x))
		square := new(big.Float).SetPrec(prec).SetInt64(x * x)
		sum := new(big.Float).SetPrec(prec)
		for n := int64(0); n < 400; n++ {
			t := new(big.Float).SetPrec(prec).Quo(power, new(big.Float).SetPrec(prec).SetInt64(2*n+1))
			if n%2 == 0 {
				sum.Add(sum, t)
			} else {
				sum.Sub(sum, t)
			}
			power.Quo(power, square)
		}
		return sum
	}
	a, b := arctan(5), arctan(239)
	a.Mul(a, new(big.Float).SetPrec(prec).SetInt64(16))
	return a.Sub(a, b.Mul(b, new(big.Float).SetPrec(prec).SetInt64(4)))
})

// bigReduced is x less the nearest multiple of 2π.
func bigReduced(x float64) *big.Float {
	const prec = 1500
	turn := new(big.Float).SetPrec(prec).Mul(bigPi(), new(big.Float).SetInt64(2))
	y := new(big.Float).SetPrec(prec).SetFloat64(x)
	q := new(big.Float).SetPrec(prec).Quo(y, turn)
	n, _ := q.Int(nil)
	y.Sub(y, turn.Mul(turn, new(big.Float).SetPrec(prec).SetInt(n)))
	return newFloat().Set(y)
}

func result(x *big.Float) float64 {
	f, _ := x.Float64()
	return f
}

func refExp(x float64) float64   { return result(bigExp(number(x))) }
func refExpm1(x float64) float64 { e := bigExp(number(x)); return result(e.Sub(e, number(1))) }
func refLog(x float64) float64   { return result(bigLog(number(x))) }

func refLog1p(x float64) float64 {
	if x == 0 {
		return x
	}
	y := number(x)
	return result(bigLog(y.Add(y, number(1))))
}
func refCos(x float64) float64 { return result(series(bigReduced(x), 0, 2, true)) }
func refSin(x float64) float64 { return result(series(bigReduced(x), 1, 2, true)) }

func refTanh(x float64) float64 {
	e := bigExp(number(2 * x))
	low := newFloat().Sub(e, number(1))
	return result(low.Quo(low, e.Add(e, number(1))))
}

func refPow(x, y float64) float64 {
	l := bigLog(number(x))
	return result(bigExp(l.Mul(l, number(y))))
}
