package schedule

// Constant is one value at every step.
type Constant struct {
	Value float64
}

// At implements Schedule.
func (s Constant) At(int) float64 { return s.Value }

// Validate implements Schedule.
func (s Constant) Validate() error { return check("Constant").finite("Value", s.Value).err }
