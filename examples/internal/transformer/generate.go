package transformer

import (
	"math/rand/v2"

	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/regularize"
)

// Generate goes on with a prompt for each sequence, all of one length of at most
// Context, by so many bytes. A temperature of 0 takes the most probable byte, any
// other draws from softmax(logits/temperature). A full context is read again
// without its first half.
func (m *Model[F]) Generate(prompts [][]byte, length int, temperature float64, random *rand.Rand) [][]byte {
	var tokens []int32 // of all positions so far
	for p := range prompts[0] {
		for _, prompt := range prompts {
			tokens = append(tokens, int32(prompt[p]))
		}
	}
	positions := len(prompts[0])
	m.Forward(tokens, 0, regularize.LayerDrop{}, 0)
	all := make([][]byte, m.Sequences)
	for range length {
		for i, logits := range m.Logits(positions) {
			next := draw(logits, temperature, random)
			tokens, all[i] = append(tokens, int32(next)), append(all[i], byte(next))
		}
		from := positions
		if positions == m.Context {
			from, positions = 0, m.Context/2-1
		}
		positions++
		m.Forward(tokens[len(tokens)-(positions-from)*m.Sequences:], from, regularize.LayerDrop{}, 0)
	}
	return all
}

// draw draws a token and overwrites the logits. Of the most probable ones a
// temperature of 0 takes the first.
func draw[F Float](logits []F, temperature float64, random *rand.Rand) int {
	most, _ := kernel.MaxSum(logits)
	if temperature > 0 {
		by := F(1 / temperature)
		kernel.ScaleSub(logits, by, F(by*most))
		left := random.Float64() * kernel.ExpSum(logits, logits, 0)
		for i, p := range logits {
			if left -= float64(p); left < 0 {
				return i
			}
		}
		most = 1 // rounding has left a little; exp(0) is the largest
	}
	for i, v := range logits {
		if v == most {
			return i
		}
	}
	return 0 // none is a number
}
