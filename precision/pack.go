package precision

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
)

// PackedSize is the bytes of n codes: ⌈n·Bits/8⌉.
func (f Format) PackedSize(n int) int { return (n*f.Bits() + 7) / 8 }

// Pack sets dst to the codes of src, one after another without gaps: code i is
// bits i·Bits and up of the bytes, counted from the lowest bit of the first.
// Two FP4 codes are a byte, the first in its lower half; four FP6 codes are
// three bytes; 16-bit codes are little-endian. Bits after the last code are 0.
//
// It returns the largest magnitude of src as Cast.ApplyAmax does. A dst that
// has not PackedSize(len(src)) bytes is an error.
func (c Cast) Pack(f Format, dst []byte, src []float32, step int) (amax float64, err error) {
	if err := c.Validate(); err != nil {
		return 0, err
	}
	if err := f.sized("dst", dst, len(src)); err != nil {
		return 0, err
	}
	amax = math.Inf(1)
	if b := kernel.MaxAbsBits(src); b < 0x7f800000 {
		amax = float64(math.Float32frombits(b))
	}
	fast := c.Rounding == NearestEven && f.Bits() <= 8 && c.Overflow.of(f.Bits()) == kernel.Saturate
	key := philox.NewKey(c.Seed, c.Stream)
	var codes [packed]uint8
	for first := 0; first < len(src); first += packed {
		x := src[first:min(first+packed, len(src))]
		if fast {
			f.k.Narrow(codes[:len(x)], x)
			kernel.Pack(dst, codes[:len(x)], f.Bits())
			dst = dst[f.PackedSize(len(x)):]
			continue
		}
		var random [4]uint32
		for i, v := range x {
			if c.Rounding == Stochastic && i%8 == 0 {
				random = key.Block(uint64(first+i)/8, uint64(step))
			}
			code := f.Encode(v, c.Rounding, c.Overflow, uint16(random[i%8/2]>>(16*(i%2))))
			if f.Bits() == 16 {
				dst[2*i], dst[2*i+1] = byte(code), byte(code>>8)
				continue
			}
			codes[i] = uint8(code)
		}
		if f.Bits() <= 8 {
			kernel.Pack(dst, codes[:len(x)], f.Bits())
		}
		dst = dst[f.PackedSize(len(x)):]
	}
	return amax, nil
}

// packed is how many numbers are packed at a time: a multiple of 8, so that
// codes of any size end at a byte.
const packed = 1024

// Unpack sets dst to the numbers of the codes in src, exactly.
func (f Format) Unpack(dst []float32, src []byte) error {
	if err := f.sized("src", src, len(dst)); err != nil {
		return err
	}
	if f.Bits() == 16 {
		for i := range dst {
			dst[i] = f.Decode(uint16(src[2*i]) | uint16(src[2*i+1])<<8)
		}
		return nil
	}
	var table [256]float32
	f.k.Table(&table)
	var codes [packed]uint8
	for len(dst) > 0 {
		n := min(packed, len(dst))
		kernel.Unpack(codes[:n], src, f.Bits())
		for i, k := range codes[:n] {
			dst[i] = table[k]
		}
		dst, src = dst[n:], src[f.PackedSize(n):]
	}
	return nil
}

func (f Format) sized(name string, b []byte, n int) error {
	if f == (Format{}) {
		return fmt.Errorf("precision: the zero Format has no codes")
	}
	if want := f.PackedSize(n); len(b) != want {
		return fmt.Errorf("precision: %s has %d bytes, want %d for %d codes of %v", name, len(b), want, n, f)
	}
	return nil
}
