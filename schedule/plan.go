package schedule

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Plan is the hyper-parameters of a run: what a training program reads its
// values from, and what is reviewed before it starts.
//
// Its JSON names every schedule by its kind; Hash is that of this text, so two
// runs with one hash had the same values at every step.
type Plan struct {
	Name   string
	Steps  int     // updates in the run, at least 1
	Values []Value // in the order they are drawn
	Setup  Setup
}

// Value is one hyper-parameter of a plan. Validate knows what these names, or
// their last part after a slash as in "encoder/lr", mean: lr, weight_decay,
// momentum, beta1, beta2, dropout, layerdrop, smoothing, ema, clip, batch,
// sequence.
type Value struct {
	Name     string
	Schedule Schedule
}

// Setup is what else is decided about a run and can contradict its schedules or
// itself. A zero field claims nothing.
type Setup struct {
	Compute     Format  `json:"compute,omitzero"`      // of the forward and backward pass
	LossScaling bool    `json:"loss_scaling,omitzero"` // the loss is scaled up, gradients down
	Average     Average `json:"average,omitzero"`      // of the weights
	BatchNorm   bool    `json:"batch_norm,omitzero"`   // the network has batch normalization
	Recompute   bool    `json:"recompute,omitzero"`    // its statistics are computed anew for averaged weights
	InBackward  bool    `json:"in_backward,omitzero"`  // parameters move while the backward pass runs, as in LOMO
	Micro       int     `json:"micro,omitzero"`        // examples in a micro-batch
}

// Format is a number format of a plan's setup.
type Format string

// The formats.
const (
	Float32  Format = "float32"
	BFloat16 Format = "bfloat16"
	Float16  Format = "float16"
	Float8   Format = "float8"
)

// Average says how weights are averaged for evaluation.
type Average struct {
	Kind   AverageKind `json:"kind,omitzero"`
	Decay  float64     `json:"decay,omitzero"`  // of the exponential average; may be a value "ema" of the plan instead
	Debias bool        `json:"debias,omitzero"` // divided by 1 − decayᵗ, or warmed up
	Format Format      `json:"format,omitzero"` // of the averages
}

// AverageKind is exponential or uniform.
type AverageKind string

// The kinds of average.
const (
	EMA AverageKind = "ema"
	SWA AverageKind = "swa"
)

// Of is the schedule of a value, nil where the plan has none of that name.
func (p Plan) Of(name string) Schedule {
	for _, v := range p.Values {
		if v.Name == name {
			return v.Schedule
		}
	}
	return nil
}

// Hash is the SHA-256 of the plan's JSON, in hexadecimal.
func (p Plan) Hash() (string, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

type planJSON struct {
	Name   string      `json:"name,omitzero"`
	Steps  int         `json:"steps"`
	Values []valueJSON `json:"values"`
	Setup  Setup       `json:"setup,omitzero"`
}

type valueJSON struct {
	Name     string          `json:"name"`
	Schedule json.RawMessage `json:"schedule"`
}

// MarshalJSON implements json.Marshaler. A schedule that is nil or of no
// registered kind is an error.
func (p Plan) MarshalJSON() ([]byte, error) {
	j := planJSON{Name: p.Name, Steps: p.Steps, Values: []valueJSON{}, Setup: p.Setup}
	for _, v := range p.Values {
		b, err := Marshal(v.Schedule)
		if err != nil {
			return nil, fmt.Errorf("plan: value %q: %w", v.Name, err)
		}
		j.Values = append(j.Values, valueJSON{v.Name, b})
	}
	return json.Marshal(j)
}

// UnmarshalJSON implements json.Unmarshaler. Unknown fields, and schedules that
// Unmarshal refuses, are errors that name the value; contradictions are for
// Validate to find.
func (p *Plan) UnmarshalJSON(data []byte) error {
	var j planJSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return fmt.Errorf("plan: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("plan: something follows the plan")
	}
	q := Plan{Name: j.Name, Steps: j.Steps, Setup: j.Setup}
	for _, v := range j.Values {
		if v.Schedule == nil {
			return fmt.Errorf("plan: value %q has no schedule", v.Name)
		}
		s, err := Unmarshal(v.Schedule)
		if err != nil {
			return fmt.Errorf("plan: value %q: %w", v.Name, err)
		}
		q.Values = append(q.Values, Value{v.Name, s})
	}
	*p = q
	return nil
}
