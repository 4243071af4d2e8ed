package precision

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

func TestDecodeTables(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/cast.json") {
		if c.Op != "to_float32_table" {
			continue
		}
		f, err := FormatNamed(c.Config.String("format"))
		if err != nil {
			t.Error(err)
			continue
		}
		rows++
		if f.Bits() != c.Config.Int("bits") {
			t.Errorf("%v has %d bits", f, f.Bits())
		}
		var table []byte
		for code := range c.Config.Int("entries") {
			b := math.Float32bits(f.Decode(uint16(code)))
			if b&0x7fffffff > 0x7f800000 {
				b = uint32(c.Config.Int("nan_bits"))
			}
			table = binary.LittleEndian.AppendUint32(table, b)
		}
		if got := crc32.ChecksumIEEE(table); got != uint32(c.Config.Int("crc32")) {
			t.Errorf("%s: the table's checksum is %d", c.Name, got)
		}
	}
	if rows != 18 {
		t.Errorf("%d tables", rows)
	}
}

// Every format and peer of the golden casts. Where the input is NaN only being
// NaN is compared: payloads differ between the peers.
func TestGoldenCasts(t *testing.T) {
	for _, c := range golden.Load(t, "testdata/cast.json") {
		if c.Op != "from_float32" {
			continue
		}
		in := c.In["float32_bits"].Ints()
		if len(c.Out) < 22 {
			t.Errorf("%d columns", len(c.Out))
		}
		for column, out := range c.Out {
			want := out.Ints()
			peer, name, _ := strings.Cut(column, ".")
			for i, b := range in {
				x := math.Float32frombits(uint32(b))
				if column == "tf32" {
					if got := TF32(x); math.Float32bits(got) != uint32(want[i]) && x == x {
						t.Fatalf("TF32(%v) is %v", x, got)
					}
					continue
				}
				f, err := FormatNamed(name)
				if err != nil {
					t.Fatal(err)
				}
				o := IEEE
				if peer == "saturating" {
					o = Saturate
				}
				got := f.Encode(x, NearestEven, o, 0)
				switch {
				case x != x && !f.IsNaN(f.NaN()):
					// ml_dtypes makes NaN a zero of the other sign; ours is 0.
					if got != 0 {
						t.Fatalf("%s: NaN is %#x", column, got)
					}
				case x != x:
					if !f.IsNaN(got) {
						t.Fatalf("%s: NaN is %#x", column, got)
					}
				case f == E8M0 && peer == "ml_dtypes" && x == 0:
					// ml_dtypes makes it NaN, PyTorch and we the smallest number.
				case f == E8M0 && x < 0:
					// PyTorch drops the sign.
					if !f.IsNaN(got) {
						t.Fatalf("%s: %v is %#x", column, x, got)
					}
				case got != uint16(want[i]):
					t.Fatalf("%s: %v (%#x) is %#x, want %#x", column, x, uint32(b), got, want[i])
				}
			}
		}
	}
}

// Codes go there and back, and the numbers between two codes go to one of them.
func TestEveryCode(t *testing.T) {
	for _, f := range Formats() {
		if got, want := f.Max(), f.Decode(f.k.Largest()); got != want {
			t.Errorf("%v: largest %v, want %v", f, got, want)
		}
		for code := range 1 << f.Bits() {
			c := uint16(code)
			x := f.Decode(c)
			for _, r := range []Rounding{NearestEven, TowardZero, Stochastic} {
				got := f.Encode(x, r, IEEE, 0xffff)
				if got != c && !(f.IsNaN(c) && f.IsNaN(got)) {
					t.Fatalf("%v: %#x is %v, which is %#x %v", f, c, x, got, r)
				}
			}
			next := c + 1
			if f.IsNaN(c) || f.IsNaN(next) || c&^f.k.Sign() >= f.k.Largest() || next > 1<<f.Bits()-1 {
				continue
			}
			y := f.Decode(next)
			for _, part := range []float32{0x1p-12, 0.25, 0.5, 0.75, 1 - 0x1p-12} {
				v := x + (y-x)*part // exact: 24 bits hold a code and 12 more
				if v == x || v == y {
					continue
				}
				if got := f.Encode(v, TowardZero, Saturate, 0); got != c {
					t.Fatalf("%v: %v toward zero is %#x, want %#x", f, v, got, c)
				}
				near := c
				if part > 0.5 || part == 0.5 && (c&1 == 1 || f == E8M0) || f == E8M0 && c == 0 {
					near = next
				}
				if got := f.Encode(v, NearestEven, Saturate, 0); got != near {
					t.Fatalf("%v: %v nearest is %#x, want %#x", f, v, got, near)
				}
				// As many of the 65536 random numbers round up as the part says.
				limit := uint16((1 - float64(part)) * (1 << 16))
				if f.Encode(v, Stochastic, Saturate, limit-1) != c || f.Encode(v, Stochastic, Saturate, limit) != next {
					t.Fatalf("%v: %v stochastically: not up just for random numbers from %d on", f, v, limit)
				}
			}
		}
	}
}

func TestBeyondTheLargest(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, f := range Formats() {
		beyond := f.Max() * 2
		if f == BFloat16 || f == E8M0 {
			beyond = math.MaxFloat32 // the largest there is; rounds beyond
		}
		for _, x := range []float32{beyond, inf} {
			if got := f.Encode(x, NearestEven, Saturate, 0); got != f.k.Largest() {
				t.Errorf("%v: %v saturates to %#x", f, x, got)
			}
			if got := f.Encode(-x, NearestEven, Saturate, 0); f != E8M0 && got != f.k.Sign()|f.k.Largest() {
				t.Errorf("%v: %v saturates to %#x", f, -x, got)
			}
		}
		for _, r := range []Rounding{TowardZero, Stochastic} {
			if got := f.Encode(beyond, r, IEEE, 0); got != f.k.Largest() {
				t.Errorf("%v: finite %v %v becomes %#x", f, beyond, r, got)
			}
		}
		got := f.Decode(f.Encode(inf, NearestEven, IEEE, 0))
		switch f {
		case BFloat16, Float16, E5M2, E4M3, E3M4:
			if got != inf {
				t.Errorf("%v: +Inf is %v", f, got)
			}
		case E2M3, E3M2, E2M1:
			if got != f.Max() {
				t.Errorf("%v: +Inf is %v", f, got)
			}
		default:
			if got == got {
				t.Errorf("%v: +Inf is %v, want NaN", f, got)
			}
		}
	}
}

// The formats that the root package has types for round as these do.
func TestAgreesWithTheTypes(t *testing.T) {
	for i := range 1 << 22 {
		x := math.Float32frombits(uint32(i) * 1021)
		if got, want := BFloat16.Encode(x, NearestEven, IEEE, 0), uint16(descent.NewBFloat16(x)); got != want {
			t.Fatalf("bfloat16 of %v is %#x, %#x", x, got, want)
		}
		if got, want := Float16.Encode(x, NearestEven, IEEE, 0), uint16(descent.NewFloat16(x)); got != want {
			t.Fatalf("float16 of %v is %#x, %#x", x, got, want)
		}
		if got, want := E4M3FN.Encode(x, NearestEven, Saturate, 0), uint16(descent.NewFloat8E4M3(x)); got != want {
			t.Fatalf("E4M3 of %v is %#x, %#x", x, got, want)
		}
		if got, want := E5M2.Encode(x, NearestEven, Saturate, 0), uint16(descent.NewFloat8E5M2(x)); got != want {
			t.Fatalf("E5M2 of %v is %#x, %#x", x, got, want)
		}
	}
}

func TestTF32s(t *testing.T) {
	x := varied[float32](1000, 1)
	x[0], x[1], x[2] = float32(math.Inf(-1)), math.MaxFloat32, math.Float32frombits(0x7f800001)
	y := make([]float32, len(x))
	must(t, TF32s(y, x))
	for i, v := range x {
		if got, want := math.Float32bits(y[i]), math.Float32bits(TF32(v)); got != want {
			t.Fatalf("%v is %#x, want %#x", v, got, want)
		}
	}
	if !math.IsInf(float64(y[0]), -1) || !math.IsInf(float64(y[1]), 1) || y[2] == y[2] {
		t.Errorf("special numbers are %v", y[:3])
	}
	if TF32s(y[:2], x) == nil || y[0] == 0 {
		t.Error("two lengths are accepted")
	}
}

func ExampleTF32() {
	fmt.Println(TF32(1+0x1p-10), TF32(1+0x1p-11), TF32(1.0000001))
	// Output: 1.0009766 1 1
}
