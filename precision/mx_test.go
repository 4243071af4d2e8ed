package precision

import (
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/golden"
)

func TestGoldenMX(t *testing.T) {
	rows := 0
	for _, c := range golden.Load(t, "testdata/cast.json") {
		if c.Op != "mx_quantize" {
			continue
		}
		in := c.In["float32_bits"]
		x := make([]float32, len(in.Data))
		for i, b := range in.Bits() {
			x[i] = math.Float32frombits(b)
		}
		for column, out := range c.Out {
			rule, rest, _ := strings.Cut(column, ".")
			name, part, _ := strings.Cut(rest, ".")
			f, err := FormatNamed(name)
			must(t, err)
			q, err := MX(f, map[string]ScaleRule{"floor": ScaleFloor, "rceil": ScaleRoundCeil}[rule]).New(in.Shape...)
			must(t, err)
			_, err = q.Quantize(descent.Of(x, in.Shape...), 0)
			must(t, err)
			rows++
			want := out.Bits()
			switch part {
			case "scale":
				for i, s := range q.Scales {
					if uint32(s) != want[i] {
						t.Errorf("%s: scale %d is %d, want %d", column, i, s, want[i])
					}
				}
			case "elements":
				codes := unpacked(q)
				for i, k := range codes {
					if uint32(k) != want[i] {
						t.Errorf("%s: %v with scale %d is %#x, want %#x", column, x[i], q.Scales[i/32], k, want[i])
					}
				}
			case "dequant_bits":
				y := make([]float32, len(x))
				must(t, q.Dequantize(descent.Of(y, in.Shape...)))
				for i, v := range y {
					if w := math.Float32frombits(want[i]); math.Float32bits(v) != want[i] && (v == v || w == w) {
						t.Errorf("%s: element %d is %v, want %v", column, i, v, w)
					}
				}
			}
		}
	}
	if rows != 24 {
		t.Errorf("%d columns", rows)
	}
}

// unpacked is the codes, one a byte.
func unpacked(q *Quantized) []uint8 {
	cols := q.Shape[len(q.Shape)-1]
	stride := q.By.Format.PackedSize(cols)
	var codes []uint8
	for at := 0; at < len(q.Codes); at += stride {
		row := q.Codes[at : at+stride]
		for i := range cols {
			bit := i * q.By.Format.Bits()
			word := uint(row[bit/8])
			if bit/8+1 < len(row) {
				word |= uint(row[bit/8+1]) << 8
			}
			codes = append(codes, uint8(word>>(bit%8)&(1<<q.By.Format.Bits()-1)))
		}
	}
	return codes
}
