package precision

import "fmt"

// QAT is the schedule of quantization-aware training.
//
//	step    0 … Start−1    Start … Freeze−1    Freeze …
//	Observe      yes            yes               no
//	Quantize     no             yes               yes
//	Frozen       no             no                yes
type QAT struct {
	Start  int // the first step with fake quantization
	Freeze int // the first with frozen ranges and batch statistics; 0 means none
}

// QATStep is what is to be done at a step.
type QATStep struct {
	Observe  bool // observers see the tensors
	Quantize bool // tensors are rounded
	Frozen   bool // batch statistics, as ranges, stay
}

// Validate reports the first field out of range.
func (q QAT) Validate() error {
	if q.Start < 0 {
		return fmt.Errorf("precision.QAT: Start is %d, want at least 0", q.Start)
	}
	if q.Freeze != 0 && q.Freeze < q.Start {
		return fmt.Errorf("precision.QAT: Freeze is %d, want 0 or at least Start, %d", q.Freeze, q.Start)
	}
	return nil
}

// At is what is to be done at a step, counted from 0.
func (q QAT) At(step int) QATStep {
	frozen := q.Freeze > 0 && step >= q.Freeze
	return QATStep{Observe: !frozen, Quantize: step >= q.Start, Frozen: frozen}
}
