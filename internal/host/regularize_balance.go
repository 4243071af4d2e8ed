package host

import (
	"fmt"
	"math"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// Balance implements backend.Backend.
func (Backend) Balance(b backend.Balance) (backend.Balanced, error) {
	if !wide(b.Logits) || b.Grad.Ptr != nil && b.Grad.Type != b.Logits.Type {
		return backend.Balanced{}, unsupported("load balance", b.Grad.Type, b.Logits.Type)
	}
	t := balances.get()
	defer balances.put(t)
	t.Balance = b
	t.share = resize(t.share, b.Experts)
	clear(t.share)
	var out backend.Balanced
	for r := range b.Tokens {
		if class(b.Chosen, r*b.Choices) < 0 {
			continue
		}
		out.Tokens++
		for c := range b.Choices {
			e := class(b.Chosen, r*b.Choices+c)
			if e < 0 || e >= int64(b.Experts) {
				t.Balance = backend.Balance{}
				return out, fmt.Errorf("regularize: choice %d of token %d is expert %d, want 0 to %d", c, r, e, b.Experts-1)
			}
			t.share[e]++
		}
	}
	for i := range t.share {
		t.share[i] /= float64(max(out.Tokens, 1))
	}
	t.sums = resize(t.sums, b.Tokens)
	spread(4*b.Logits.Len, b.Tokens, t) // exponentials: four times the work
	for _, s := range t.sums {
		out.Sum += s
	}
	t.Balance = backend.Balance{}
	return out, nil
}

type balanceTask struct {
	backend.Balance
	share []float64 // of the tokens that each expert has
	sums  []float64 // of each token
}

var balances pooled[balanceTask]

func (t *balanceTask) Run(token int) {
	t.sums[token] = 0
	if class(t.Chosen, token*t.Choices) < 0 {
		return
	}
	lo, hi := token*t.Experts, (token+1)*t.Experts
	e := exponentials.get()
	if t.Logits.Type == backend.Float32 {
		e.of32 = resize(e.of32, t.Experts)
		t.sums[token] = balance(t, e.of32, lo, hi)
	} else {
		e.of64 = resize(e.of64, t.Experts)
		t.sums[token] = balance(t, e.of64, lo, hi)
	}
	exponentials.put(e)
}

// exponents are scratch of one goroutine.
type exponents struct {
	of32 []float32
	of64 []float64
}

var exponentials pooled[exponents]

// balance is one token: N·Σ f·p, whose gradient is N·p_i·(f_i − Σ f·p). A row
// without a softmax (NaN, +Inf, nothing but −Inf) gives NaN.
func balance[F kernel.Float](t *balanceTask, exp []F, lo, hi int) float64 {
	x := backend.Slice[F](t.Logits, lo, hi)
	largest, _ := kernel.MaxSum(x)
	z := kernel.ExpSum(exp, x, largest)
	mean := math.NaN()
	if z > 0 && z <= math.MaxFloat64 {
		mean = 0
		for i, e := range exp {
			mean += float64(t.share[i] * (float64(e) / z))
		}
	}
	n := float64(t.Experts)
	if t.Grad.Ptr != nil {
		grad := backend.Slice[F](t.Grad, lo, hi)
		for i, e := range exp {
			grad[i] += F(t.Scale * n * (float64(e) / z) * (t.share[i] - mean))
		}
	}
	return n * mean
}
