package torch

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

// As step(epoch) has it at 1210 and 295240, where int(log(243, 3)) is 4 and
// int(log(59049, 3)) is 9 in Python; the native type is right there.
func TestEpochRestartsAreLate(t *testing.T) {
	theirs := EpochRestarts{LR: 1, EtaMin: 0.25, T0: 10, TMult: 3}
	ours := CosineAnnealingWarmRestarts(1, 10, 3, 0.25)
	restart, length := 0, 10
	for range 12 {
		want := 1.0
		if restart == 1210 || restart == 295240 {
			want = 0.25
		}
		if v := theirs.At(restart); v != want {
			t.Errorf("step %d: %v, want %v", restart, v, want)
		}
		if v := ours.At(restart); v != 1 {
			t.Errorf("step %d: %v of the native type", restart, v)
		}
		for _, step := range []int{restart + 1, restart + length/2, restart + length - 1} {
			// t/length has one rounding more there.
			if a, b := theirs.At(step), ours.At(step); !(math.Abs(a-b) <= 1e-15) {
				t.Errorf("step %d: %v, want %v", step, a, b)
			}
		}
		restart, length = restart+length, 3*length
	}
}

func TestEpochRestartsAreTotal(t *testing.T) {
	for _, s := range []EpochRestarts{
		{LR: 1, T0: 1},
		{LR: 1, EtaMin: -1, T0: 7, TMult: 2},
		{LR: 1, T0: math.MaxInt, TMult: math.MaxInt},
		{LR: 1, T0: 1, TMult: math.MaxInt},
		{LR: math.MaxFloat64, EtaMin: -math.MaxFloat64, T0: 3, TMult: 10},
	} {
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{math.MinInt, -1, 0, 1, 2, 9, 1 << 20, math.MaxInt - 1, math.MaxInt} {
			if v := s.At(step); !(v >= s.EtaMin && v <= s.LR) {
				t.Errorf("%+v at %d: %v", s, step, v)
			}
		}
	}
	for text, s := range map[string]EpochRestarts{
		"T0 is 0": {LR: 1}, "TMult is -1": {LR: 1, T0: 1, TMult: -1}, "EtaMin is 2": {LR: 1, EtaMin: 2, T0: 1},
		"LR is NaN": {LR: math.NaN(), T0: 1}, "EtaMin is -Inf": {EtaMin: math.Inf(-1), T0: 1},
	} {
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v, want an error with %q", s, err, text)
		}
	}
	s := EpochRestarts{LR: 0.1, T0: 10, TMult: 3}
	b, err := schedule.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := schedule.Unmarshal(b); err != nil || again != s {
		t.Errorf("%s read back as %v, %v", b, again, err)
	}
	if n := testing.AllocsPerRun(10, func() { _ = s.At(1210) }); n != 0 {
		t.Errorf("At allocates %v times", n)
	}
}

func ExampleEpochRestarts() {
	theirs := EpochRestarts{LR: 0.1, T0: 10, TMult: 3}
	ours := schedule.Restarts{Peak: 0.1, Steps: 10, Growth: 3}
	for _, step := range []int{1209, 1210, 1211} {
		fmt.Printf("%.5f %.5f\n", theirs.At(step), ours.At(step))
	}
	// Output:
	// 0.00000 0.00000
	// 0.00000 0.10000
	// 0.10000 0.10000
}

// The same bits on every processor.
func TestEpochRestartsBits(t *testing.T) {
	h := fnv.New64a()
	for _, s := range []EpochRestarts{
		{LR: 0.1, EtaMin: 1e-4, T0: 10, TMult: 3}, {LR: 1, T0: 7, TMult: 2}, {LR: 3e-3, EtaMin: 1e-5, T0: 13},
	} {
		for step := range 20000 {
			h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(s.At(step*17%300000))))
		}
	}
	if got := h.Sum64(); got != 0xb4d2c4ca4da68898 {
		t.Errorf("hash %#x", got)
	}
}

var sink float64

func BenchmarkEpochRestarts(b *testing.B) {
	s := EpochRestarts{LR: 0.1, T0: 10, TMult: 3}
	b.ReportAllocs()
	for i := range b.N {
		sink = s.At(i % 5000)
	}
}
