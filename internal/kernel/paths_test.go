package kernel

import (
	"slices"
	"testing"

	"github.com/descent-ml/descent/internal/cpu"
)

// Paths must name the widest implementation that the table of tiers has.
func TestPaths(t *testing.T) {
	got := map[string]string{}
	for _, p := range Paths() {
		got[p.Kernel] = p.Tier
	}
	for i := range families {
		fam := &families[i]
		if fam.name == "expsumonly" { // expsum with nowhere to write
			continue
		}
		want := "go"
		for _, k := range archTiers() { // widest last
			if k.have && fam.of(&k) != nil {
				want = k.name
			}
		}
		if got[fam.name] != want {
			t.Errorf("%s: Paths says %q, the table %q", fam.name, got[fam.name], want)
		}
		delete(got, fam.name)
	}
	want := "go"
	for _, k := range gemmTiers {
		if k.have {
			want = k.name
		}
	}
	if got["gemm"] != want {
		t.Errorf("gemm: Paths says %q, its tiers %q", got["gemm"], want)
	}
	delete(got, "gemm")
	want = "go"
	for _, k := range targetTiers {
		if k.have {
			want = k.name
		}
	}
	if got["target"] != want {
		t.Errorf("target: Paths says %q, its tiers %q", got["target"], want)
	}
	delete(got, "target")
	if want = "go"; cpu.AVX2 {
		want = "avx2"
	}
	if got["addsquares"] != want {
		t.Errorf("addsquares: Paths says %q, want %q", got["addsquares"], want)
	}
	delete(got, "addsquares")
	if want = "go"; cpu.AVX512 {
		want = "avx512"
	} else if cpu.AVX2 {
		want = "avx2"
	}
	if got["stochastic"] != want {
		t.Errorf("stochastic: Paths says %q, want %q", got["stochastic"], want)
	}
	delete(got, "stochastic")
	if want = "go"; cpu.AVX512 {
		want = "avx512"
	} else if cpu.AVX2 {
		want = "avx2"
	} else if cpu.NEON { // its parts
		want = "neon"
	}
	if got["adamscaled"] != want {
		t.Errorf("adamscaled: Paths says %q, want %q", got["adamscaled"], want)
	}
	delete(got, "adamscaled")
	for name := range got {
		t.Errorf("Paths has %q, the table does not", name)
	}
	if !slices.Contains(names, "adam") {
		t.Error(names)
	}
}
