package schedule

import (
	"fmt"
	"math"
)

// Tokens counts tokens where both the batch and the length of its sequences
// change: the Batches of a run with tokens in the place of samples. What the last
// of the given steps has, later ones have.
//
//	At(t)       = batch.At(t)·length.At(t)
//	Consumed(t) = tokens of the steps before t
//	Reached(n)  = first step that finds n tokens consumed
//
// It asks for every step once. Values that are no whole numbers of at least 1,
// and more tokens than the largest int, are errors that name the step.
// With one length throughout, Batches.Tokens needs no list.
func Tokens(batch, length Schedule, steps int) (Batches, error) {
	if err := check("Tokens").valid("batch", batch).valid("length", length).atLeast("steps", steps, 1).err; err != nil {
		return Batches{}, err
	}
	var starts, tokens, sizes []int
	total := 0
	for step := range steps {
		a, b := batch.At(step), length.At(step)
		size := float64(a * b)
		if !(a >= 1 && b >= 1 && size <= wholeFloat) || a != math.Trunc(a) || b != math.Trunc(b) {
			return Batches{}, fmt.Errorf("schedule.Tokens: %v sequences of %v tokens at step %d, want whole numbers of at least 1, at most 2^53 together", a, b, step)
		}
		if n := int(size); len(sizes) == 0 || sizes[len(sizes)-1] != n {
			starts, tokens, sizes = append(starts, step), append(tokens, total), append(sizes, n)
		}
		sum, ok := mulAdd(1, int(size), total)
		if !ok {
			return Batches{}, fmt.Errorf("schedule.Tokens: step %d is past the largest int of tokens, %d", step, math.MaxInt)
		}
		total = sum
	}
	return Batches{ListOf(starts...), ListOf(tokens...), ListOf(sizes...)}, nil
}
