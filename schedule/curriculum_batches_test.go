package schedule

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// walk is the sizes and samples consumed of the first n steps, one by one.
func walk(r Ramp, n int, count func(step, samples int) int) (sizes, consumed []int) {
	samples := 0
	for step := range n {
		i := 0
		for i+1 < r.Starts.Len() && r.Starts.At(i+1) <= count(step, samples) {
			i++
		}
		sizes, consumed = append(sizes, r.Sizes.At(i)), append(consumed, samples)
		samples += r.Sizes.At(i)
	}
	return sizes, consumed
}

func TestBatchesWalk(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	const length = 7
	for range 200 {
		starts, sizes := []int{0}, []int{1 + rnd.IntN(20)}
		for range rnd.IntN(6) {
			starts = append(starts, starts[len(starts)-1]+1+rnd.IntN(40))
			sizes = append(sizes, 1+rnd.IntN(20))
		}
		r := Ramp{ListOf(starts...), ListOf(sizes...)}
		for _, c := range []struct {
			name  string
			by    func() (Batches, error)
			count func(step, samples int) int
		}{
			{"steps", r.BySteps, func(step, _ int) int { return step }},
			{"samples", r.BySamples, func(_, samples int) int { return samples }},
			{"tokens", func() (Batches, error) { return r.ByTokens(length) }, func(_, samples int) int { return samples * length }},
		} {
			b, err := c.by()
			if err != nil || b.Validate() != nil {
				t.Fatalf("%v by %s: %v, %v", r, c.name, err, b.Validate())
			}
			want, consumed := walk(r, 300, c.count)
			reached := 0
			for step := range want {
				if Int(b, step) != want[step] || b.Consumed(step) != consumed[step] || b.Tokens(step, length) != consumed[step]*length {
					t.Fatalf("%v by %s: step %d has %d after %d, want %d after %d", r, c.name, step, Int(b, step), b.Consumed(step), want[step], consumed[step])
				}
				for ; reached <= consumed[step]; reached++ {
					if b.Reached(reached) != step {
						t.Fatalf("%v by %s: %d samples at step %d, want %d", r, c.name, reached, b.Reached(reached), step)
					}
				}
			}
		}
	}
}

func TestBatchesMegatron(t *testing.T) {
	r, err := ParseRamp("0:768 250B:1536")
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.ByTokens(4096)
	if err != nil {
		t.Fatal(err)
	}
	// 250e9/4096 = 61,035,156.25 samples, 79,473 steps of 768 hold 61,035,264.
	if want := (Batches{ListOf(0, 79473), ListOf(0, 61035264), ListOf(768, 1536)}); b != want {
		t.Errorf("%v, want %v", b, want)
	}
	if b.Tokens(79472, 4096) >= 250e9 || b.Tokens(79473, 4096) < 250e9 {
		t.Errorf("%d and %d tokens", b.Tokens(79472, 4096), b.Tokens(79473, 4096))
	}
}

func TestBatchesPassedOver(t *testing.T) {
	b, err := Ramp{ListOf(0, 3, 5, 8, 20), ListOf(10, 1, 2, 4, 5)}.BySamples()
	if want := (Batches{ListOf(0, 1, 4), ListOf(0, 10, 22), ListOf(10, 4, 5)}); err != nil || b != want {
		t.Errorf("%v, want %v, %v", b, want, err)
	}
	b, err = Ramp{ListOf(0, 3, 5), ListOf(10, 1, 2)}.ByTokens(100)
	if want := (Batches{ListOf(0, 1), ListOf(0, 10), ListOf(10, 2)}); err != nil || b != want {
		t.Errorf("%v, want %v, %v", b, want, err)
	}
	// Nothing is consumed at count 0, so the first size has at least one step.
	if b.At(0) != 10 {
		t.Error("the first size is left out")
	}
}

func TestBatchesTotal(t *testing.T) {
	b := Batches{ListOf(0, 10), ListOf(0, 80), ListOf(8, 16)}
	for _, c := range []struct{ step, size, consumed, tokens int }{
		{math.MinInt, 8, 0, 0},
		{-1, 8, 0, 0},
		{0, 8, 0, 0},
		{1, 8, 8, 800},
		{9, 8, 72, 7200},
		{10, 16, 80, 8000},
		{11, 16, 96, 9600},
		{1 << 59, 16, 1<<63 - 80, math.MaxInt},
		{1<<59 + 5, 16, math.MaxInt, math.MaxInt},
		{math.MaxInt, 16, math.MaxInt, math.MaxInt},
	} {
		if Int(b, c.step) != c.size || b.Consumed(c.step) != c.consumed || b.Tokens(c.step, 100) != c.tokens {
			t.Errorf("step %d: %d, %d, %d", c.step, Int(b, c.step), b.Consumed(c.step), b.Tokens(c.step, 100))
		}
	}
	for samples, want := range map[int]int{math.MinInt: 0, -1: 0, 0: 0, 1: 1, 8: 1, 9: 2, 80: 10, 81: 11, 96: 11, 97: 12} {
		if got := b.Reached(samples); got != want {
			t.Errorf("%d samples at step %d, want %d", samples, got, want)
		}
	}
	if got := b.Reached(math.MaxInt); b.Consumed(got) < math.MaxInt || b.Consumed(got-1) >= math.MaxInt {
		t.Errorf("the largest int at step %d", got)
	}
	for _, bad := range []Batches{{}, {Steps: ListOf(0, 5)}, {ListOf(0, 5), ListOf(0), ListOf(0, -3)}, {ListOf(-5, math.MinInt), ListOf(-1, 7), ListOf(0, -3)}} {
		for _, v := range []int{math.MinInt, -1, 0, 1, 7, math.MaxInt} {
			if s := bad.At(v) + float64(bad.Consumed(v)+bad.Reached(v)); s != s {
				t.Errorf("%v at %d", bad, v)
			}
		}
	}
}

func TestBatchesValidate(t *testing.T) {
	for want, b := range map[string]Batches{
		"Steps is [], want 0 as the first":                                {},
		"Steps is [1], want 0 as the first":                               {ListOf(1), ListOf(0), ListOf(8)},
		"Steps[1] is 0, want more than the one before, 0":                 {ListOf(0, 0), ListOf(0, 0), ListOf(8, 9)},
		"Samples is [0], want as many as Sizes, [8 9]":                    {ListOf(0, 3), ListOf(0), ListOf(8, 9)},
		"Samples[0] is 5, want 0, of the steps and sizes before":          {ListOf(0), ListOf(5), ListOf(8)},
		"Samples[1] is 25, want 24, of the steps and sizes before":        {ListOf(0, 3), ListOf(0, 25), ListOf(8, 9)},
		"Sizes[1] is -9, want at least 1 and at most 2^53":                {ListOf(0, 3), ListOf(0, 24), ListOf(8, -9)},
		"Samples[1] is 9223372036854775807, want 9223372036854775807, of": {ListOf(0, math.MaxInt), ListOf(0, math.MaxInt), ListOf(8, 9)},
	} {
		if err := b.Validate(); err == nil || !strings.HasPrefix(err.Error(), "schedule.Batches: "+want) {
			t.Errorf("%v: %v, want %s", b, err, want)
		}
	}
	for _, r := range []Ramp{
		{ListOf(0, math.MaxInt), ListOf(8, 9)},
	} {
		if b, err := r.BySteps(); err == nil || !strings.Contains(err.Error(), "Starts[1] is 9223372036854775807, want a count that is reached") {
			t.Errorf("%v, %v", b, err)
		}
		if b, err := r.BySamples(); err == nil {
			t.Errorf("%v", b)
		}
		if b, err := r.ByTokens(10); err != nil || b.Validate() != nil {
			t.Errorf("%v, %v", err, b.Validate())
		}
	}
	if _, err := (Ramp{ListOf(0), ListOf(1)}).ByTokens(0); err == nil || err.Error() != "schedule.Ramp.ByTokens: length is 0, want at least 1" {
		t.Error(err)
	}
}

func TestBatchesJSON(t *testing.T) {
	b := Batches{ListOf(0, 3), ListOf(0, 24), ListOf(8, 16)}
	text, err := Marshal(b)
	if want := `{"kind":"batches","steps":[0,3],"samples":[0,24],"sizes":[8,16]}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
	if back, err := Unmarshal(text); err != nil || back != b {
		t.Errorf("%v, %v", back, err)
	}
	if _, err := Unmarshal([]byte(`{"kind":"batches","steps":[0,3],"samples":[0,25],"sizes":[8,16]}`)); err == nil {
		t.Error("samples that do not follow were read")
	}
}

func BenchmarkBatches(b *testing.B) {
	for name, last := range map[string]int{"4 sizes": 40, "127 sizes": 1024} {
		r, err := RampBy(16, 8, 300_000, last)
		if err != nil {
			b.Fatal(err)
		}
		s, err := r.BySamples()
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, f := range []struct {
			name string
			of   func(i int) int
		}{
			{"At", func(i int) int { return int(s.At(i & 0xfff)) }},
			{"Consumed", func(i int) int { return s.Consumed(i & 0xfff) }},
			{"Reached", func(i int) int { return s.Reached(i & 0x3ffff) }},
		} {
			b.Run(f.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					n += f.of(i)
				}
			})
		}
	}
}

func BenchmarkCurriculum(b *testing.B) {
	for _, c := range []struct {
		name string
		s    Schedule
	}{
		{"length", Length{From: 64, To: 1024, Steps: 1000, Multiple: 8}},
		{"length/square root", Length{From: 64, To: 1024, Steps: 1000, Degree: 2, Multiple: 8}},
		{"length/cube root", Length{From: 64, To: 1024, Steps: 1000, Degree: 3, Multiple: 8}},
		{"layer", Layer{Top: 24, Decay: 0.75, Every: 10}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			v := 0.0
			for i := 0; b.Loop(); i++ {
				v += c.s.At(i & 1023)
			}
		})
	}
}

func BenchmarkPlateau(b *testing.B) {
	b.ReportAllocs()
	p, s := Plateau{Factor: 0.5, Patience: 3, Threshold: 1e-3}, PlateauState{}
	v := 0.0
	for i := 0; b.Loop(); i++ {
		s = p.Observe(s, float64(i&7))
		v += p.Scale(s)
	}
}
