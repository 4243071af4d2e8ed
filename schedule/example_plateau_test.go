package schedule_test

import (
	"encoding/json"
	"fmt"

	"github.com/descent-ml/descent/schedule"
)

// A warm-up and a cosine, lowered further where validation stands still.
func ExamplePlateau() {
	lr := schedule.Warmup{Steps: 1, Then: schedule.Cosine{Peak: 0.1, Steps: 8}}
	plateau := schedule.Plateau{Factor: 0.5, Patience: 1, Threshold: 1e-3}
	var state schedule.PlateauState
	for epoch, loss := range []float64{2, 1.5, 1.5, 1.5, 1.2} {
		fmt.Printf("%.4f ", lr.At(epoch)*plateau.Scale(state))
		state = plateau.Observe(state, loss)
	}
	// Output: 0.0500 0.1000 0.0962 0.0854 0.0346
}

// The state goes into a checkpoint.
func ExamplePlateauState() {
	plateau := schedule.Plateau{Factor: 0.5}
	var state schedule.PlateauState
	for _, loss := range []float64{2, 1.5, 1.6} {
		state = plateau.Observe(state, loss)
	}
	text, err := json.Marshal(state)
	fmt.Println(string(text), err)
	// Output: {"best":1.5,"better":2,"reductions":1} <nil>
}
