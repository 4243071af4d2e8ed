package schedule_test

import (
	"fmt"

	"github.com/descent-ml/descent/schedule"
)

func ExampleLength() {
	length := schedule.Length{From: 64, To: 1024, Steps: 1000, Degree: 2, Multiple: 8}
	for _, step := range []int{0, 10, 250, 1000} {
		fmt.Print(schedule.Int(length, step), " ")
	}
	// Output: 64 160 544 1024
}

func ExampleInt() {
	batch := schedule.Round{To: 8, Of: schedule.Linear{From: 8, To: 64, Steps: 10}}
	fmt.Println(schedule.Int(batch, 5))
	// Output: 40
}

func ExampleRamp() {
	ramp, err := schedule.ParseRamp("0:768, 250000M:1536")
	fmt.Println(ramp, err)
	_, err = schedule.ParseRamp("0:768 250X:1536")
	fmt.Println(err)
	// Output:
	// 0:768 250B:1536 <nil>
	// schedule.ParseRamp: byte 6: count "250X": want digits, and K, M, B or T after them
}

// Megatron-LM's --rampup-batch-size 16 8 300, with a batch of 32 at the end.
func ExampleRampBy() {
	ramp, err := schedule.RampBy(16, 8, 300, 32)
	fmt.Println(ramp, err)
	// Output: 0:16 150:24 300:32 <nil>
}

// The learning rate falls with the tokens, however many each step has.
func ExampleBatches() {
	ramp, err := schedule.ParseRamp("0:8 1M:16")
	if err != nil {
		fmt.Println(err)
		return
	}
	batches, err := ramp.ByTokens(1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	lr := schedule.Cosine{Peak: 1, Steps: 5_000_000}
	for _, step := range []int{0, 124, 125, 250} {
		tokens := batches.Tokens(step, 1000)
		fmt.Printf("step %d: batch %v, %d tokens before, lr %.3f\n", step, batches.At(step), tokens, lr.At(tokens))
	}
	fmt.Println("2000 samples are consumed at step", batches.Reached(2000))
	// Output:
	// step 0: batch 8, 0 tokens before, lr 1.000
	// step 124: batch 8, 992000 tokens before, lr 0.906
	// step 125: batch 16, 1000000 tokens before, lr 0.905
	// step 250: batch 16, 3000000 tokens before, lr 0.345
	// 2000 samples are consumed at step 188
}

// Short sequences first and a batch that grows: the tokens of each step differ.
func ExampleTokens() {
	batch := schedule.Piecewise{Steps: schedule.ListOf(0, 200), Values: schedule.ListOf(8.0, 16)}
	length := schedule.Length{From: 64, To: 256, Steps: 300, Multiple: 64}
	tokens, err := schedule.Tokens(batch, length, 1000)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tokens.Steps, tokens.Sizes)
	fmt.Println(tokens.Consumed(500), tokens.Reached(1_000_000))
	// Output:
	// [0 100 200 300] [512 1024 3072 4096]
	// 1280000 432
}
