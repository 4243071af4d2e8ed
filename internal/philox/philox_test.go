package philox

import "testing"

// The known answers of Random123 1.09, file kat_vectors, lines "philox4x32 10".
func TestKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{
			[4]uint32{},
			[2]uint32{},
			[4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
		},
		{
			[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
			[2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := Core(c.ctr, c.key); got != c.want {
			t.Errorf("Core(%x, %x) = %x, want %x", c.ctr, c.key, got, c.want)
		}
	}
}

func TestKeysDiffer(t *testing.T) {
	seen := map[Key][2]uint64{}
	for seed := range uint64(64) {
		for stream := range uint64(64) {
			k := NewKey(seed, stream)
			if other, dup := seen[k]; dup {
				t.Fatalf("seed and stream %v and %v share the key %x", [2]uint64{seed, stream}, other, k)
			}
			seen[k] = [2]uint64{seed, stream}
		}
	}
}

// Words are uniform: a chi-square over 256 buckets of each byte position.
func TestUniform(t *testing.T) {
	const n = 1 << 16
	k := NewKey(1, 2)
	var count [4][256]int
	sum := 0.0
	for b := range uint64(n) {
		w := k.Block(b, 3)
		for i := range count {
			count[i][byte(w[i]>>(8*i))]++
		}
		sum += k.Uniform(b, 3)
	}
	for i := range count {
		chi := 0.0
		for _, c := range count[i] {
			d := float64(c) - n/256
			chi += d * d / (n / 256)
		}
		// 255 degrees of freedom: 5 standard deviations are 255 ± 113.
		if !(chi > 142 && chi < 368) {
			t.Errorf("word %d: chi-square %g over 256 buckets", i, chi)
		}
	}
	// The mean of n uniforms has deviation 0.2887/√n = 0.0011.
	if mean := sum / n; !(mean > 0.4944 && mean < 0.5056) {
		t.Errorf("mean of uniforms is %g", mean)
	}
}
