package kernel

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
)

var adamScaledCoef = adamCoef[float32]{
	factor: 0.5, l2: 0.01, beta1: 0.9, omega1: 0.1, beta2: 0.99, omega2: 0.01,
	rsqrt: 1.25, eps: 1e-8, decay: 0.999, step: 0.01,
}

// scaledState is what a step moves; p, g and the codes begin off the alignment,
// and zeros follow the codes.
type scaledState struct {
	p, g []float32
	m, v Scaled
}

func newScaledState(n int) *scaledState {
	scaled := func() Scaled { return Scaled{make([]uint8, n+1+64)[1:], make([]float32, (n+ScaleBlock-1)/ScaleBlock)} }
	s := &scaledState{make([]float32, n+1)[1:], make([]float32, n+1)[1:], scaled(), scaled()}
	copy(s.g, spreadOut(n))
	for i := range s.p {
		s.p[i] = float32(int32(random(uint64(i)+1<<32))) * 0x1p-31
	}
	return s
}

func (s *scaledState) compare(t *testing.T, want *scaledState) {
	t.Helper()
	for _, x := range []struct {
		name string
		a, b []float32
	}{{"p", s.p, want.p}, {"the scale of m", s.m.Scale, want.m.Scale}, {"the scale of v", s.v.Scale, want.v.Scale}} {
		for i := range x.a {
			if a, b := x.a[i], x.b[i]; math.Float32bits(a) != math.Float32bits(b) && (a == a || b == b) {
				t.Fatalf("%s, %d: %v, want %v", x.name, i, a, b)
			}
		}
	}
	for i := range s.m.Codes {
		if s.m.Codes[i] != want.m.Codes[i] || s.v.Codes[i] != want.v.Codes[i] {
			t.Fatalf("codes %d: %#x and %#x, want %#x and %#x", i, s.m.Codes[i], s.v.Codes[i], want.m.Codes[i], want.v.Codes[i])
		}
	}
}

// Blocks, a short one last, in turn with the parts that the doc names; and the
// bits are those of every machine.
func TestAdamUpdateScaled(t *testing.T) {
	const n, want = 9*ScaleBlock + 77, "83cbcc163d1810abb4b9cb2123dc47b3f571d0c608ada2f94d7ee2f59542e812"
	c := &Adam{
		Factor: 0.5, L2: 0.01, Beta1: 0.9, Omega1: 0.1, Beta2: 0.99, Omega2: 0.01,
		RSqrt: 1.25, Eps: 1e-8, Decay: 0.999, Step: 0.01,
	}
	s, parts := newScaledState(n), newScaledState(n)
	m, v := make([]float32, n), make([]float32, n)
	for range 5 {
		c.UpdateScaled(s.p, s.g, s.m, s.v)
		FromScaled(m, parts.m.Codes, parts.m.Scale, false)
		FromScaled(v, parts.v.Codes, parts.v.Scale, true)
		c.Update32(parts.p, parts.g, Slots[float32]{m, v})
		ToScaled(parts.m.Codes, parts.m.Scale, m, false)
		ToScaled(parts.v.Codes, parts.v.Scale, v, true)
	}
	s.compare(t, parts)
	sum := sha256.New()
	for _, data := range []any{s.p, s.m.Codes, s.m.Scale, s.v.Codes, s.v.Scale} {
		if err := binary.Write(sum, binary.LittleEndian, data); err != nil {
			t.Fatal(err)
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("results changed: %s, want %s", got, want)
	}
	if a := testing.AllocsPerRun(10, func() { c.UpdateScaled(s.p, s.g, s.m, s.v) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
