package schedule

import (
	"hash/fnv"
	"math"
	"math/big"
	"strings"
	"testing"
)

func TestLengthSteps(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Length
		at   map[int]int
	}{
		{"linear", Length{From: 64, To: 1024, Steps: 150, Multiple: 8}, map[int]int{
			math.MinInt: 64, -1: 64, 0: 64, 1: 64, 2: 72, 10: 128, 75: 544, 149: 1016, 150: 1024, math.MaxInt: 1024,
		}},
		{"square root", Length{From: 8, To: 1032, Steps: 100, Degree: 2, Multiple: 8}, map[int]int{
			0: 8, 1: 104, 4: 208, 25: 520, 81: 928, 99: 1024, 100: 1032,
		}},
		{"cube root", Length{From: 1, To: 1001, Steps: 1000, Degree: 3}, map[int]int{
			0: 1, 1: 101, 8: 201, 27: 301, 64: 401, 125: 501, 216: 601, 343: 701, 512: 801, 729: 901, 1000: 1001,
		}},
		{"no steps", Length{From: 8, To: 16}, map[int]int{-1: 8, 0: 16}},
		{"no growth", Length{From: 8, To: 8, Steps: 9}, map[int]int{-1: 8, 4: 8, 9: 8}},
		{"largest", Length{From: 1, To: 1 << 53, Steps: math.MaxInt}, map[int]int{
			math.MaxInt/2 + 1: 1 << 52, math.MaxInt - 1: 1<<53 - 1, math.MaxInt: 1 << 53,
		}},
	} {
		if err := c.s.Validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for step, want := range c.at {
			if got := Int(c.s, step); got != want {
				t.Errorf("%s: %d at step %d, want %d", c.name, got, step, want)
			}
		}
	}
}

// lengthExactly is the greatest From + k·Multiple that the rule of a whole degree
// allows, in integers: (k·Multiple)ᵈ·Steps ≤ t·(To-From)ᵈ.
func lengthExactly(s Length, t, degree int) int {
	if t >= s.Steps {
		return s.To
	}
	d := big.NewInt(int64(degree))
	right := new(big.Int).Exp(big.NewInt(int64(s.To-s.From)), d, nil)
	right.Mul(right, big.NewInt(int64(t)))
	best := s.From
	for l := s.From; l <= s.To; l += max(1, s.Multiple) {
		left := new(big.Int).Exp(big.NewInt(int64(l-s.From)), d, nil)
		if left.Mul(left, big.NewInt(int64(s.Steps))); left.Cmp(right) > 0 {
			break
		}
		best = l
	}
	return best
}

func TestLengthIsExact(t *testing.T) {
	for _, s := range []Length{
		{From: 64, To: 1024, Steps: 300, Multiple: 8},
		{From: 64, To: 1024, Steps: 300, Multiple: 64},
		{From: 1, To: 100, Steps: 297},
		{From: 128, To: 2048, Steps: 480, Multiple: 16},
	} {
		for degree := 1; degree <= 5; degree++ {
			s.Degree = float64(degree)
			for step := range s.Steps + 2 {
				if got, want := Int(s, step), lengthExactly(s, step, degree); got != want {
					t.Errorf("%+v: %d at step %d, want %d", s, got, step, want)
				}
			}
		}
	}
}

// DeepSpeed's rule, in its floats, falls short of a multiple at a few steps; it
// counts steps from 1.
func TestLengthDeepSpeed(t *testing.T) {
	const from, to, total, multiple = 64, 1024, 1000, 8
	for _, degree := range []int{1, 2, 3} {
		exact := Length{From: from, To: to, Steps: total, Degree: float64(degree), Multiple: multiple}
		short := 0
		for step := range total + 10 {
			d := int(math.Floor(math.Pow(float64(step+1)/total, 1/float64(degree))*(to-from) + from))
			d = min(d-d%multiple, to)
			switch got := Int(Offset{By: 1, Of: exact}, step); {
			case got == d:
			case got == d+multiple && got == lengthExactly(exact, step+1, degree):
				short++
			default:
				t.Errorf("degree %v: %d at step %d, DeepSpeed has %d", degree, got, step, d)
			}
		}
		if short > 5 {
			t.Errorf("degree %d: DeepSpeed is short at %d steps", degree, short)
		}
	}
	// fixed_discrete: difficulty [1, 2, 3], max_step [5, 10].
	s := Piecewise{Steps: ListOf(0, 5, 10), Values: ListOf(1.0, 2, 3)}
	difficulty, maxStep, now := []int{1, 2, 3}, []int{5, 10}, 0
	for step := range 15 {
		if global := step + 1; now < 2 && global > maxStep[now] {
			now++
		}
		if Int(s, step) != difficulty[now] {
			t.Errorf("%d at step %d, DeepSpeed has %d", Int(s, step), step, difficulty[now])
		}
	}
}

func TestLengthValidate(t *testing.T) {
	ok := Length{From: 64, To: 1024, Steps: 10, Multiple: 8}
	for want, change := range map[string]func(*Length){
		"From is 0, want at least 1":                    func(s *Length) { s.From = 0 },
		"From is 2048, want at most To, which is 1024":  func(s *Length) { s.From = 2048 },
		"From is 63, want a multiple of 8":              func(s *Length) { s.From = 63 },
		"To is 1023, want a multiple of 8":              func(s *Length) { s.To = 1023 },
		"To is 9007199254741000, want at most 2^53":     func(s *Length) { s.To = 1<<53 + 8 },
		"Steps is -1, want at least 0":                  func(s *Length) { s.Steps = -1 },
		"Multiple is -8, want at least 0":               func(s *Length) { s.Multiple = -8 },
		"Degree is 0.5, want at least 1 and finite":     func(s *Length) { s.Degree = 0.5 },
		"Degree is NaN, want at least 1 and finite, or": func(s *Length) { s.Degree = math.NaN() },
		"Degree is +Inf":                                func(s *Length) { s.Degree = math.Inf(1) },
	} {
		s := ok
		change(&s)
		if err := s.Validate(); err == nil || !strings.HasPrefix(err.Error(), "schedule.Length: "+want) {
			t.Errorf("%+v: %v, want %s", s, err, want)
		}
	}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
}

func TestLengthJSON(t *testing.T) {
	s := Length{From: 64, To: 1024, Steps: 1000, Degree: 2, Multiple: 8}
	text, err := Marshal(s)
	if want := `{"kind":"length","from":64,"to":1024,"steps":1000,"degree":2,"multiple":8}`; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
	if back, err := Unmarshal(text); err != nil || back != s {
		t.Errorf("%v, %v", back, err)
	}
}

func TestLengthBits(t *testing.T) {
	h := fnv.New64a()
	for _, degree := range []float64{0, 1.5, 2, 3, 7.25} {
		s := Length{From: 1, To: 1 << 40, Steps: 997, Degree: degree}
		for step := range 1000 {
			hashFloat(h, s.At(step))
		}
	}
	if got, want := h.Sum64(), uint64(0xb32e5f524cc172f7); got != want {
		t.Errorf("hash %#x, want %#x", got, want)
	}
}

func TestInt(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want int
	}{
		{2.4, 2},
		{2.5, 3},
		{-2.5, -3},
		{0, 0},
		{1e300, math.MaxInt},
		{-1e300, math.MinInt},
		{1 << 53, 1 << 53},
		{math.NaN(), 0},
		{math.Inf(1), math.MaxInt},
	} {
		if got := Int(Constant{c.v}, 0); got != c.want {
			t.Errorf("%v is %d, want %d", c.v, got, c.want)
		}
	}
	if Int(nil, 3) != 0 {
		t.Error("of no schedule")
	}
}

func TestCurriculumAllocatesNothing(t *testing.T) {
	b, err := Ramp{ListOf(0, 1000, 5000), ListOf(8, 16, 32)}.BySamples()
	if err != nil {
		t.Fatal(err)
	}
	g, err := Resolve([]string{"a", "b"}, Layer{Decay: 0.5, Every: 10}.Groups("a", "b")...)
	if err != nil {
		t.Fatal(err)
	}
	var schedules [3]Schedule
	schedules[0], schedules[1], schedules[2] = Length{From: 8, To: 800, Steps: 90, Degree: 3, Multiple: 8}, b, Layer{Top: 3, Decay: 0.5, Every: 10}
	step, sum := -5, 0.0
	if n := testing.AllocsPerRun(200, func() {
		for _, s := range schedules {
			sum += s.At(step)
		}
		sum += float64(b.Consumed(step)+b.Reached(step)+b.Tokens(step, 9)) + g.At(0, step)
		step++
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzLength(f *testing.F) {
	f.Add(8, 1024, 100, 2.0, 8, 50)
	f.Add(1, 1<<53, math.MaxInt, 1.0, 1, math.MaxInt-1)
	f.Fuzz(func(t *testing.T, from, to, steps int, degree float64, multiple, step int) {
		s := Length{From: from, To: to, Steps: steps, Degree: degree, Multiple: multiple}
		v := s.At(step)
		if s.Validate() != nil {
			t.Skip()
		}
		n := Int(s, step)
		if float64(n) != v || n < from || n > to || n%max(1, multiple) != 0 {
			t.Fatalf("%+v: %v at step %d", s, v, step)
		}
		if step < math.MaxInt && s.At(step+1) < v {
			t.Fatalf("%+v: falls after step %d", s, step)
		}
	})
}
