package schedule

// Table is a recorded value for each step; before the first it has the first,
// after the last the last.
type Table struct {
	Values List[float64]
}

// At implements Schedule.
func (s Table) At(step int) float64 {
	if s.Values.Len() == 0 {
		return 0
	}
	return s.Values.At(max(0, min(step, s.Values.Len()-1)))
}

// Validate implements Schedule.
func (s Table) Validate() error {
	return check("Table").want(s.Values.Len() > 0, "Values", s.Values, "at least one").
		allFinite("Values", s.Values).err
}

// Record is the Table of what a schedule has in the first n steps.
func Record(s Schedule, n int) Table {
	x := make([]float64, max(n, 0))
	for i := range x {
		x[i] = at(s, i)
	}
	return Table{ListOf(x...)}
}
