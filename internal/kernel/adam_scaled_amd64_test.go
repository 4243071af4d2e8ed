//go:build !purego

package kernel

import (
	"math"
	"slices"
	"testing"

	"github.com/descent-ml/descent/internal/cpu"
)

var adamScaledTiers = []struct {
	name string
	have bool
	wide bool
}{
	{"avx2", cpu.AVX2, false},
	{"avx512", cpu.AVX512, true},
}

func (s *scaledState) clone() *scaledState {
	scaled := func(x Scaled) Scaled { return Scaled{slices.Clone(x.Codes), slices.Clone(x.Scale)} }
	return &scaledState{slices.Clone(s.p), slices.Clone(s.g), scaled(s.m), scaled(s.v)}
}

// Each implementation alone gives the reference's bits, step after step.
func TestAdamScaledTiers(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for name, c := range map[string]struct {
		change func(s *scaledState, step int)
	}{
		"ordinary":  {func(s *scaledState, step int) {}},
		"zeros":     {func(s *scaledState, step int) { clear(s.g[:len(s.g)/2]) }},
		"all zeros": {func(s *scaledState, step int) { clear(s.g); clear(s.p) }},
		"subnormal": {func(s *scaledState, step int) {
			clear(s.p)
			for i := range s.g {
				s.g[i] = float32(i%7-3) * math.SmallestNonzeroFloat32 * 1000
			}
		}},
		"one large": {func(s *scaledState, step int) {
			for i := 3; i < len(s.g); i += 100 + 37*step {
				s.g[i] = 1e18
			}
		}},
		"overflow": {func(s *scaledState, step int) {
			if len(s.g) > 300 {
				s.g[300] = 1e30
			}
		}},
		"infinite": {func(s *scaledState, step int) {
			if len(s.g) > 300 && step == 2 {
				s.g[5], s.g[300] = inf, -inf
			}
		}},
		"NaN": {func(s *scaledState, step int) {
			if len(s.g) > 300 && step == 2 {
				s.g[300] = nan
			}
		}},
		"any codes": {func(s *scaledState, step int) {
			for i := range s.p {
				s.m.Codes[i], s.v.Codes[i] = uint8(random(uint64(2*i))), uint8(random(uint64(2*i+1)))
			}
		}},
		"one code": {func(s *scaledState, step int) {
			if i := 41*step + 7; i < len(s.p) {
				s.m.Codes[i], s.v.Codes[len(s.p)-1-i] = 0x7f, 0xff
			}
		}},
		"any scale": {func(s *scaledState, step int) {
			for i := range s.m.Scale {
				s.m.Scale[i], s.v.Scale[i] = math.Float32frombits(random(uint64(2*i+step))), math.Float32frombits(random(uint64(2*i+1+step)))
			}
		}},
	} {
		for _, tier := range adamScaledTiers {
			t.Run(name+"/"+tier.name, func(t *testing.T) {
				if !tier.have {
					t.Skip(cpu.Why(tier.name))
				}
				for _, n := range []int{0, 1, 255, 256, 257, 511, 1024, 5000} {
					s := newScaledState(n)
					want := s.clone()
					for step := range 6 {
						c.change(s, step)
						c.change(want, step)
						adamScaledTurns(s.p, s.g, s.m, s.v, &adamScaledCoef, tier.wide)
						adamScaledGeneric(want.p, want.g, want.m, want.v, &adamScaledCoef)
						s.compare(t, want)
					}
				}
			})
		}
	}
}

func BenchmarkAdamScaled(b *testing.B) {
	const n = 1 << 15
	s := newScaledState(n)
	m, v := make([]float32, n), make([]float32, n)
	run := func(name string, step func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
		})
	}
	run("float32", func() { adam32(s.p, s.g, m, v, &adamScaledCoef) })
	run("parts", func() { adamScaledGeneric(s.p, s.g, s.m, s.v, &adamScaledCoef) })
	for _, tier := range adamScaledTiers {
		if tier.have {
			run(tier.name, func() { adamScaledTurns(s.p, s.g, s.m, s.v, &adamScaledCoef, tier.wide) })
		}
	}
}
