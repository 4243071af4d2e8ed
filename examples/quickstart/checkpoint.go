package main

import (
	"encoding/json"
	"fmt"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/optim"
)

// checkpoint is weights, the optimizer's state and the history of a run. What
// else a run has is JSON in the file's metadata.
func checkpoint(r *Run, opt *optim.Optimizer) optim.Checkpoint {
	return optim.Checkpoint{Optimizer: opt, Tensors: map[string]descent.Tensor{
		"history/loss": descent.Of(r.Loss),
		"history/norm": descent.Of(r.Norm),
	}}
}

// Save writes a checkpoint. Until all of it is on the disk, the file of that
// name stays the one before.
func Save(name string, r *Run, opt *optim.Optimizer) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return checkpoint(r, opt).Save(name, map[string]string{"run": string(text)})
}

// Load reads a checkpoint into an optimizer with weights of the same shape and
// a run of the same Config. An error leaves them as they were.
func Load(name string, r *Run, opt *optim.Optimizer) error {
	meta, err := optim.Metadata(name)
	if err != nil {
		return err
	}
	var saved Run
	if err := json.Unmarshal([]byte(meta["run"]), &saved); err != nil {
		return fmt.Errorf("%s: metadata of a run: %w", name, err)
	}
	if saved.Config != r.Config {
		return fmt.Errorf("%s: of other flags: it has %+v, these are %+v", name, saved.Config, r.Config)
	}
	if n := saved.Step; n < 0 || n > r.Steps || saved.Drawn < n {
		return fmt.Errorf("%s: step %d of %d with %d micro-batches", name, n, r.Steps, saved.Drawn)
	}
	saved.Loss, saved.Norm = make([]float32, saved.Step), make([]float32, saved.Step)
	if _, err := checkpoint(&saved, opt).Load(name); err != nil {
		return err
	}
	*r = saved
	return nil
}
