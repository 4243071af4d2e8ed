package kernel

import (
	"math"
	"testing"
	"unsafe"
)

// TestLerp holds what callers get to the reference: every length, misalignment
// and special value, alone and as exact aliases, with guards on both sides.
func TestLerp(t *testing.T) {
	special := []float32{
		0, float32(math.Copysign(0, -1)), 1, -1, 1e-45, -1e-39, 3e38, -3e38, math.MaxFloat32,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0xff800001),
	}
	const guard = 8
	for n := range 131 {
		for offset := range 8 {
			for shift := range 3 {
				buf := func(seed int) []float32 {
					x := make([]float32, n+2*guard+offset)
					for i := range x {
						x[i] = float32(math.NaN())
					}
					x = x[offset:]
					for i := range n {
						x[guard+i] = float32(int32(uint32(i+seed)*2654435761)) * 0x1p-31
						if shift > 0 && (i+seed)%3 == shift {
							x[guard+i] = special[(i*7+seed)%len(special)]
						}
					}
					return x
				}
				dst, src := buf(1), buf(5)
				want := append([]float32(nil), dst...)
				bits := lerp32(dst[guard:guard+n], src[guard:guard+n], 0.3)
				wantBits := lerp32Generic(want[guard:guard+n], src[guard:guard+n], 0.3)
				if bits != wantBits {
					t.Fatalf("n %d, offset %d: bits %#x, want %#x", n, offset, bits, wantBits)
				}
				for i := range dst {
					if math.Float32bits(dst[i]) != math.Float32bits(want[i]) && (dst[i] == dst[i] || want[i] == want[i]) {
						t.Fatalf("n %d, offset %d: element %d is %v, want %v", n, offset, i-guard, dst[i], want[i])
					}
				}
				same, alias := buf(3), buf(3)
				lerp32Generic(same[guard:guard+n], same[guard:guard+n], 0.7)
				lerp32(alias[guard:guard+n], alias[guard:guard+n], 0.7)
				for i := range same {
					if same[i] == same[i] && math.Float32bits(same[i]) != math.Float32bits(alias[i]) {
						t.Fatalf("n %d: alias element %d is %v, want %v", n, i-guard, alias[i], same[i])
					}
				}
			}
		}
	}
}

// A kernel that reads or writes outside of its operands dies at a page's edge.
func TestLerpFences(t *testing.T) {
	a, b := fenced(t), fenced(t)
	at := func(page []byte, n int, end bool) []float32 {
		if end {
			page = page[len(page)-4*n:]
		}
		return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(page))), n)
	}
	for n := range 131 {
		for _, end := range []bool{false, true} {
			lerp32(at(a, n, end), at(b, n, end), 0.5)
		}
	}
}

func TestLerpOfFloat64(t *testing.T) {
	dst := []float64{1, 2, 3}
	if Lerp(dst, []float64{3, math.NaN(), math.Inf(1)}, 0.5) || dst[0] != 2 || dst[1] != 2 || dst[2] != 3 {
		t.Errorf("dst %v", dst)
	}
	if !Lerp(dst, []float64{3, 2, 3}, 0.5) {
		t.Error("all are finite")
	}
}

func BenchmarkLerp(b *testing.B) {
	for _, n := range []int{1e3, 1e5, 1e7} {
		dst, src := make([]float32, n), make([]float32, n)
		for name, f := range map[string]func(){
			"go":   func() { lerp32Generic(dst, src, 0.1) },
			"lerp": func() { lerp32(dst, src, 0.1) },
			"add":  func() { add32(dst, src, 0.1) },
		} {
			b.Run(name, func(b *testing.B) {
				b.SetBytes(int64(12 * n))
				for b.Loop() {
					f()
				}
			})
		}
	}
}
