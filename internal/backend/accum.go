package backend

// Accumulators is what package accum asks of a device.
type Accumulators interface {
	Accumulate(a *Accumulate) error
	Divide(d *Divide) error
}

// Accumulate adds Factor·Src to Dst, or with Write sets Dst to it. The sets
// have the same lengths.
//
// Without Low, Dst is as wide as Src or wider. Low has lower halves of Dst's
// type, in one of two forms: of float32 and float64 what rounding took from
// Dst; of BFloat16, where Dst is it too, the lower bits of a float32 as a signed
// integer, Dst being the float32 rounded to nearest, ties away from 0.
type Accumulate struct {
	Dst, Low, Src *Set
	Factor        float64
	Write         bool
}

// Divide sets Dst = Src/By. Src is float64, Dst of any floating-point type.
type Divide struct {
	Dst, Src *Set
	By       float64
}
