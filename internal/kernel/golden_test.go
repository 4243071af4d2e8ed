package kernel

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent/internal/golden"
)

// codes are the casts of one format, on codes in 16 bits.
type codes struct {
	bits   int
	widen  func(h uint16) float32
	narrow func(x float32) uint16
}

var formats = map[string]codes{
	"bfloat16":      {16, FromBF16, BF16},
	"float16":       {16, FromF16, F16},
	"float8_e4m3fn": {8, func(h uint16) float32 { return FromE4M3(uint8(h)) }, func(x float32) uint16 { return uint16(E4M3(x)) }},
	"float8_e5m2":   {8, func(h uint16) float32 { return FromE5M2(uint8(h)) }, func(x float32) uint16 { return uint16(E5M2(x)) }},
}

// TestGoldenWidening compares every code with the peers' tables, by sample and
// by checksum; these have one NaN.
func TestGoldenWidening(t *testing.T) {
	tables := 0
	for _, c := range golden.Load(t, "testdata/cast.json") {
		if c.Op != "to_float32_table" {
			continue
		}
		f, ok := formats[c.Config.String("format")]
		if !ok {
			continue
		}
		tables++
		bits := func(h uint16) uint32 {
			v := f.widen(h)
			if v != v {
				return uint32(c.Config.Int("nan_bits"))
			}
			return math.Float32bits(v)
		}
		want := c.Out["float32_bits"].Bits()
		for i, h := range c.In["bits"].Bits() {
			if got := bits(uint16(h)); got != want[i] {
				t.Errorf("%s: %#x is %#x, want %#x", c.Name, h, got, want[i])
			}
		}
		var all []byte
		for h := range 1 << f.bits {
			all = binary.LittleEndian.AppendUint32(all, bits(uint16(h)))
		}
		if got := crc32.ChecksumIEEE(all); got != uint32(c.Config.Int("crc32")) {
			t.Errorf("%s: the whole table differs", c.Name)
		}
	}
	if tables != 6 {
		t.Errorf("%d tables, want 6", tables)
	}
}

// TestGoldenNarrowing compares 4,000 roundings with each peer's. FP8 differs on
// purpose where a peer overflows to NaN or infinity: here it saturates, as the
// columns named so do. Of bfloat16's NaNs the peers keep at most the sign.
func TestGoldenNarrowing(t *testing.T) {
	columns := 0
	for _, c := range golden.Load(t, "testdata/cast.json") {
		if c.Op != "from_float32" {
			continue
		}
		in := c.In["float32_bits"].Bits()
		for column, out := range c.Out {
			library, format, _ := strings.Cut(column, ".")
			f, ok := formats[format]
			if !ok {
				continue
			}
			columns++
			saturated := 0
			for i, want := range out.Bits() {
				x := math.Float32frombits(in[i])
				got := f.narrow(x)
				switch back := float64(f.widen(uint16(want))); {
				case uint32(got) == want:
				case x != x && format != "float16" && math.IsNaN(back) && math.IsNaN(float64(f.widen(got))):
				case f.bits == 8 && library != "saturating" && x == x && (math.IsNaN(back) || math.IsInf(back, 0)):
					saturated++
					largest := map[string]uint16{"float8_e4m3fn": 0x7e, "float8_e5m2": 0x7b}[format]
					if got != largest|uint16(in[i]>>24&0x80) {
						t.Errorf("%s: %g is %#x, not the largest number", column, x, got)
					}
				default:
					t.Errorf("%s: %#x (%g) is %#x, want %#x", column, in[i], x, got, want)
				}
			}
			if f.bits == 8 && (saturated == 0) != (library == "saturating") {
				t.Errorf("%s: %d rows overflow in the peer", column, saturated)
			}
		}
	}
	if columns != 9 {
		t.Errorf("%d columns, want 9", columns)
	}
}
