package schedule_test

import (
	"fmt"

	"github.com/descent-ml/descent/schedule"
)

// Layers learn from the top downwards, one more every 100 steps, and lower ones
// more slowly.
func ExampleLayer() {
	for index := range 3 {
		s := schedule.Layer{Index: index, Top: 2, Decay: 0.5, Every: 100}
		fmt.Println(s.At(0), s.At(100), s.At(200))
	}
	// Output:
	// 0 0 0.25
	// 0 0.5 0.5
	// 1 1 1
}

func ExampleGroup() {
	g := schedule.Group{Pattern: "*.bias", Schedule: schedule.Constant{Value: 2}}
	fmt.Println(g.Matches("block.0.bias"), g.Matches("bias.weight"))
	// Output: true false
}

// Layer-wise decay by the names of the parameters.
func ExampleGroups() {
	names := []string{"embed.weight", "block.0.weight", "block.0.bias", "head.weight"}
	groups, err := schedule.Resolve(names, schedule.Layer{Decay: 0.5}.Groups("embed.*", "block.0.*", "head.*")...)
	if err != nil {
		fmt.Println(err)
		return
	}
	lr := schedule.Linear{From: 0.1, Steps: 100}
	for i, name := range names {
		fmt.Printf("%s %.4f\n", name, lr.At(50)*groups.At(i, 50))
	}
	_, err = schedule.Resolve(names, schedule.Group{Pattern: "heads.*", Schedule: schedule.Constant{}})
	fmt.Println(err)
	// Output:
	// embed.weight 0.0125
	// block.0.weight 0.0250
	// block.0.bias 0.0250
	// head.weight 0.0500
	// schedule.Resolve: group 0, "heads.*", matches none of 4 names
}
