package kernel

import (
	"math"
	"math/big"
	"testing"

	"github.com/descent-ml/descent/internal/cpu"
)

// fma is x·y + z rounded once, for the tests' plain loops.
func fma[F Float](x, y, z F) F {
	if x, ok := any(x).(float32); ok {
		return F(fma32(x, float32(y), float32(z)))
	}
	return F(math.FMA(float64(x), float64(y), float64(z)))
}

// exactFMA32 is x·y + z by math/big, whose 1000 bits hold all of it.
func exactFMA32(x, y, z float32) float32 {
	if d := math.FMA(float64(x), float64(y), float64(z)); math.IsNaN(d) || math.IsInf(d, 0) {
		return float32(d) // math/big has no NaN; finite float32 have finite sums
	}
	number := func(v float32) *big.Float { return big.NewFloat(float64(v)).SetPrec(1000) }
	sum := new(big.Float).Mul(number(x), number(y))
	r, _ := sum.Add(sum, number(z)).Float32()
	return r
}

// factors yields pairs whose product is a power of two or next to it:
//
//	(1 + i·2⁻²³)(1 + j·2⁻²³) = 1 + (i+j)·2⁻²³ + ij·2⁻⁴⁶
//
// Beside 2²⁴ the last is less than a rounding of float64, and with 511 or 513 one
// away or more.
func factors(exponent int, yield func(x, y float32)) {
	half := exponent / 2
	factor := func(i, e int) float32 { return float32(math.Ldexp(1+float64(i)*0x1p-23, e)) }
	for i := -2; i <= 2; i++ {
		for j := -2; j <= 2; j++ {
			yield(factor(i, half), factor(j, exponent-half))
		}
	}
	for _, i := range []int{511, 512, 513} {
		yield(factor(i, half), factor(-i, exponent-half))
	}
}

// eachFMA32 yields triples of every exponent, results near and on the numbers
// halfway between two float32, cancellation, overflow, underflow, Inf and NaN.
func eachFMA32(yield func(x, y, z float32)) {
	var w words
	signs := func(x, y, z float32) {
		yield(x, y, z)
		yield(x, y, -z)
		yield(-x, y, z)
		yield(x, -y, -z)
	}
	special := []float32{
		0, 1, 1.5, 0x1p-149, 0x1p-148, 0x1.8p-127, 0x1.fffffcp-127, 0x1p-126, 0x1.000002p-126,
		0x1p-75, 0x1p-60, 0x1p64, 0x1p103, 0x1p127, math.MaxFloat32, float32(math.Inf(1)), float32(math.NaN()),
	}
	for _, x := range special {
		for _, y := range special {
			for _, z := range special {
				signs(x, y, z)
			}
		}
	}
	random := func() float32 { return math.Float32frombits(w.next()) }
	for range 100_000 {
		x, y := random(), random()
		yield(x, y, random())
		p := float64(x) * float64(y)
		yield(x, y, float32(-p)) // all that is left is the rounding
		yield(x, y, math.Float32frombits(math.Float32bits(float32(-p))+w.next()%5-2))
		yield(x, y, float32(math.Ldexp(p, int(w.next()%130)-65)))
	}
	// A product of half a unit of z's last place, just above and just below it.
	for field := range uint32(255) {
		half := max(int(field), 1) - 151
		for range 3 {
			z := math.Float32frombits(w.next()&0x007fffff | field<<23)
			factors(half, func(x, y float32) { signs(x, y, z) })
		}
		factors(half, func(x, y float32) {
			signs(x, y, math.Float32frombits(field<<23))
			signs(x, y, 0)
		})
	}
	// Halfway or all but halfway products of 25 bits, and next to nothing.
	for range 20_000 {
		x, y := float64(w.next()>>19|1), float64(w.next()>>20|1)
		e := int(w.next()%230) - 160
		half := e / 2
		z := float32(math.Ldexp(1, -149+int(w.next()%64)))
		signs(float32(math.Ldexp(x, half)), float32(math.Ldexp(y, e-half)), z)
	}
}

// TestFMA32: fma32 is right everywhere, and rounding twice is wherever twice
// says that it is, but not everywhere.
func TestFMA32(t *testing.T) {
	cases, slow, wrong := 0, 0, 0
	eachFMA32(func(x, y, z float32) {
		cases++
		want := exactFMA32(x, y, z)
		if err := equal([]float32{fma32(x, y, z)}, []float32{want}); err != nil {
			t.Fatalf("fma32(%x, %x, %x): %v", x, y, z, err)
		}
		s := float64(x)*float64(y) + float64(z)
		differs := equal([]float32{float32(s)}, []float32{want}) != nil
		if differs {
			wrong++
		}
		if twice(s) {
			slow++
		} else if differs {
			t.Fatalf("fma32(%x, %x, %x): %x rounds to %x, want %x", x, y, z, s, float32(s), want)
		}
	})
	t.Logf("%d cases, %d perhaps and %d really wrong when rounded twice", cases, slow, wrong)
	if wrong < 1000 {
		t.Errorf("only %d cases round wrongly twice", wrong)
	}
	if twice(0) || twice(1) || twice(math.Inf(-1)) {
		t.Error("0, 1 and Inf need no second look")
	}
}

// TestGemmTilesRound holds every tier to fma32 where rounding once matters: an
// element of the tile is 0 + fma(x, y, fma(1, z, 0)).
func TestGemmTilesRound(t *testing.T) {
	for _, k := range gemmTiers {
		t.Run(k.name, func(t *testing.T) {
			if !k.have {
				t.Skipf("%s: %s", k.name, cpu.Why(k.name))
			}
			var a [2 * TileRows]float32
			var b [2 * TileCols]float32
			for i := range TileRows {
				a[i] = 1
			}
			j := 0
			eachFMA32(func(x, y, z float32) {
				a[TileRows+j%TileRows], b[j], b[TileCols+j] = x, z, y
				if j++; j < TileCols {
					return
				}
				j = 0
				var got, want [TileRows * TileCols]float32
				for i := range want {
					x, y, z := a[TileRows+i/TileCols], b[TileCols+i%TileCols], b[i%TileCols]
					want[i] = 0 + fma32(x, y, fma32(1, z, 0))
				}
				k.tile(got[:], TileCols, a[:], b[:], true)
				if err := equal(got[:], want[:]); err != nil {
					t.Fatalf("a %x, b %x: %v", a, b, err)
				}
			})
		})
	}
}
