package optim_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

func ExampleCheckpoint() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "run.safetensors")

	_, _, p := params()
	opt, _ := optim.New(p, optim.AdamW{})
	g, _ := descent.GradientsOf(p)
	_, _ = opt.Step(g, 0.01)
	if err := (optim.Checkpoint{Optimizer: opt}).Save(path, map[string]string{"epoch": "3"}); err != nil {
		fmt.Println(err)
		return
	}

	w, _, again := params()
	resumed, _ := optim.New(again, optim.AdamW{})
	meta, err := optim.Checkpoint{Optimizer: resumed}.Load(path)
	fmt.Println(w, resumed.Steps(), meta, err)

	b, _ := os.ReadFile(path)
	b[len(b)-1] ^= 1
	_ = os.WriteFile(path, b, 0o666)
	_, err = optim.Checkpoint{Optimizer: resumed}.Load(path)
	fmt.Println(errors.Is(err, optim.ErrCheckpoint))
	// Output:
	// [0.99 -1.99] 1 map[epoch:3] <nil>
	// true
}

// Two processes have half of a parameter each. One that has all of it goes on
// from their files.
func ExampleRange() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	var files []string
	for rank := range 2 {
		half := []float32{float32(2 * rank), float32(2*rank + 1)}
		opt, _ := optim.New([]optim.Param{{Name: "w", Value: descent.Of(half)}}, optim.AdamW{})
		c := optim.Checkpoint{
			Optimizer: opt,
			Ranges:    map[string]optim.Range{"w": {First: 2 * rank, Of: []int{2, 2}}},
		}
		files = append(files, filepath.Join(dir, fmt.Sprint(rank, ".safetensors")))
		if err := c.Save(files[rank], nil); err != nil {
			fmt.Println(err)
		}
	}
	w := make([]float32, 4)
	opt, _ := optim.New([]optim.Param{{Name: "w", Value: descent.Of(w, 2, 2)}}, optim.AdamW{})
	_, err := optim.Checkpoint{Optimizer: opt}.Load(files...)
	fmt.Println(w, err)
	// Output:
	// [0 1 2 3] <nil>
}
