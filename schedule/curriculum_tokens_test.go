package schedule

import (
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	batch, err := Ramp{ListOf(0, 40, 100), ListOf(2, 4, 8)}.BySamples()
	if err != nil {
		t.Fatal(err)
	}
	length := Length{From: 16, To: 64, Steps: 50, Multiple: 16}
	b, err := Tokens(batch, length, 80)
	if err != nil || b.Validate() != nil {
		t.Fatal(err, b.Validate())
	}
	total, reached := 0, 0
	for step := range 100 {
		size := Int(batch, step) * Int(length, step)
		if b.At(step) != float64(size) || b.Consumed(step) != total {
			t.Fatalf("step %d: %v tokens after %d, want %d after %d", step, b.At(step), b.Consumed(step), size, total)
		}
		for ; reached <= total; reached++ {
			if b.Reached(reached) != step {
				t.Fatalf("%d tokens at step %d, want %d", reached, b.Reached(reached), step)
			}
		}
		total += size
	}
	if b.Steps.Len() > 6 {
		t.Errorf("%d sizes", b.Steps.Len())
	}
	if c, err := Tokens(batch, Constant{9}, 80); err != nil || c.Consumed(70) != batch.Tokens(70, 9) {
		t.Errorf("of one length: %v", err)
	}
}

func TestTokensRefuses(t *testing.T) {
	one := Constant{1}
	for want, c := range map[string]struct {
		batch, length Schedule
		steps         int
	}{
		"batch is no schedule":                        {nil, one, 1},
		"length is no schedule":                       {one, nil, 1},
		"steps is 0, want at least 1":                 {one, one, 0},
		"1 sequences of 0 tokens at step 0, want who": {one, Constant{0}, 3},
		"1.5 sequences of 1 tokens at step 5":         {Round{To: 0.5, Of: Linear{From: 1, To: 2, Steps: 20}}, one, 20},
		"1 sequences of -1 tokens at step 0":          {one, Constant{-1}, 3},
		"1.5 sequences of 2 tokens at step 0":         {Constant{1.5}, Constant{2}, 3},
		"1e+08 sequences of 1e+08 tokens at step 0":   {Constant{1e8}, Constant{1e8}, 3},
		"step 1023 is past the largest int of tokens": {Constant{1 << 53}, one, 1024},
	} {
		if _, err := Tokens(c.batch, c.length, c.steps); err == nil || !strings.HasPrefix(err.Error(), "schedule.Tokens: "+want) {
			t.Errorf("%v: want %s", err, want)
		}
	}
}
