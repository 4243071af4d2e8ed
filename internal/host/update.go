package host

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
)

// Update implements backend.Backend.
func (Backend) Update(u *backend.Update) error {
	if err := updates(u); err != nil {
		return err
	}
	spread(u.Params.Elems(), u.Params.Items(), (*updateTask)(u))
	return nil
}

// Measure implements backend.Backend. An item adds up its blocks in order, and
// a tensor its items.
func (Backend) Measure(u *backend.Update) error {
	if err := updates(u); err != nil {
		return err
	}
	spread(u.Params.Elems(), u.Params.Items(), (*measureTask)(u))
	for i := range u.Sums {
		u.Sums[i] = kernel.Sums{}
		for item := u.Params.First(i); item < u.Params.First(i+1); item++ {
			addSums(&u.Sums[i], u.PerItem[item])
		}
	}
	return nil
}

// Begin implements backend.Backend.
func (Backend) Begin(dst backend.Stored, value backend.Buffer, number float64, copied bool) error {
	if dst.Type == backend.Float64 {
		x := f64(dst.Buffer, 0, dst.Len)
		if copied {
			copy(x, f64(value, 0, dst.Len))
			return nil
		}
		for i := range x {
			x[i] = number
		}
		return nil
	}
	w := updateScratch.get()
	defer updateScratch.put(w)
	for lo := 0; lo < dst.Len; lo += kernel.Block {
		hi := min(lo+kernel.Block, dst.Len)
		x := w.p.load(&dst, lo, hi)
		if copied {
			copy(x, w.g.load(&backend.Stored{Buffer: value}, lo, hi))
		} else {
			for i := range x {
				x[i] = float32(number)
			}
		}
		w.p.store(&dst, lo, 0)
	}
	return nil
}

func addSums(to *kernel.Sums, s kernel.Sums) {
	for k := range to {
		to[k] += s[k]
	}
}

// updates returns an error for types that cannot be updated.
func updates(u *backend.Update) error {
	for i, p := range u.Values {
		g := u.Grads.Bufs[i].Type
		if (p.Type == backend.Float64) != (g == backend.Float64) || !g.Float() || !p.Type.Float() {
			return unsupported("update", p.Type, g)
		}
	}
	return nil
}

type updateTask backend.Update

func (t *updateTask) Run(item int) {
	u := (*backend.Update)(t)
	i, lo, hi := u.Params.At(item)
	if u.Values[i].Type == backend.Float64 {
		update64(u, i, lo, hi)
		return
	}
	if plain(u, i) {
		if r := u.Rules[i]; r != nil {
			p, g, s := operands32(u, i, lo, hi)
			r.Update32(p, g, s)
		}
		return
	}
	w := updateScratch.get()
	defer updateScratch.put(w)
	for ; lo < hi; lo += kernel.Block {
		end := min(lo+kernel.Block, hi)
		p := w.p.load(&u.Values[i], lo, end)
		if r := u.Rules[i]; r != nil {
			g := w.g.load(&backend.Stored{Buffer: u.Grads.Bufs[i]}, lo, end)
			if a, ok := r.(*kernel.Adam); ok && scaled(u.Slots[i]) {
				a.UpdateScaled(p, g, codes8(&u.Slots[i][0], lo, end), codes8(&u.Slots[i][1], lo, end))
			} else {
				r.Update32(p, g, w.slots(u, i, lo, end))
				for k := range u.Slots[i] {
					w.s[k].store(&u.Slots[i][k], lo, u.Step)
				}
			}
			w.p.store(&u.Values[i], lo, u.Step)
		}
		also(u, i, lo, end, p)
	}
}

// also is what can join an update's pass, over values that are in the cache.
func also(u *backend.Update, i, lo, hi int, p []float32) {
	if u.Copies != nil && u.Copies[i].Ptr != nil {
		if c := u.Copies[i]; c.Type == backend.Float32 {
			copy(f32(c, lo, hi), p)
		} else {
			narrowTo(c, lo, hi, p, beyondCaches(c.Type, u.Params.Elems()))
		}
	}
	if u.Averages != nil && u.Averages[i].Ptr != nil {
		kernel.Lerp(f32(u.Averages[i], lo, hi), p, float32(u.Rate))
	}
	if u.Zero {
		g := u.Grads.Bufs[i]
		size := g.Type.Size()
		clear(backend.Slice[byte](backend.Buffer{Ptr: g.Ptr, Len: g.Len * size}, lo*size, hi*size))
	}
}

// update64 is Update over float64, which is kept plainly.
func update64(u *backend.Update, i, lo, hi int) {
	p, g := f64(u.Params.Bufs[i], lo, hi), f64(u.Grads.Bufs[i], lo, hi)
	if r := u.Rules[i]; r != nil {
		r.Update64(p, g, slots64(u, i, lo, hi))
	}
	if u.Averages != nil && u.Averages[i].Ptr != nil {
		kernel.Lerp(f64(u.Averages[i], lo, hi), p, u.Rate)
	}
	if u.Zero {
		clear(g)
	}
}

func slots64(u *backend.Update, i, lo, hi int) (s kernel.Slots[float64]) {
	for k, b := range u.Slots[i] {
		s[k] = f64(b.Buffer, lo, hi)
	}
	return s
}

type measureTask backend.Update

func (t *measureTask) Run(item int) {
	u := (*backend.Update)(t)
	i, lo, hi := u.Params.At(item)
	sums := &u.PerItem[item]
	*sums = kernel.Sums{}
	r, ok := u.Rules[i].(kernel.Measurer)
	if !ok {
		return
	}
	w := updateScratch.get()
	defer updateScratch.put(w)
	for ; lo < hi; lo += kernel.Block {
		end := min(lo+kernel.Block, hi)
		if u.Values[i].Type == backend.Float64 {
			addSums(sums, r.Measure64(f64(u.Params.Bufs[i], lo, end), f64(u.Grads.Bufs[i], lo, end), slots64(u, i, lo, end)))
			continue
		}
		p := w.p.load(&u.Values[i], lo, end)
		g := w.g.load(&backend.Stored{Buffer: u.Grads.Bufs[i]}, lo, end)
		addSums(sums, r.Measure32(p, g, w.slots(u, i, lo, end)))
		for k := range u.Slots[i] {
			w.s[k].store(&u.Slots[i][k], lo, u.Step)
		}
	}
}

// plain reports whether parameter i is all float32 and nothing joins its pass.
func plain(u *backend.Update, i int) bool {
	for _, s := range u.Slots[i] {
		if s.Type != backend.Float32 {
			return false
		}
	}
	return u.Values[i].Type == backend.Float32 && u.Grads.Bufs[i].Type == backend.Float32 &&
		!u.Zero && u.Copies == nil && u.Averages == nil
}

func operands32(u *backend.Update, i, lo, hi int) (p, g []float32, s kernel.Slots[float32]) {
	for k, b := range u.Slots[i] {
		s[k] = f32(b.Buffer, lo, hi)
	}
	return f32(u.Params.Bufs[i], lo, hi), f32(u.Grads.Bufs[i], lo, hi), s
}

// updateWork is a block of each operand as float32.
type updateWork struct {
	p, g updateBlock
	s    [kernel.MaxSlots]updateBlock
}

var updateScratch pooled[updateWork]

func (w *updateWork) slots(u *backend.Update, i, lo, hi int) (s kernel.Slots[float32]) {
	for k := range u.Slots[i] {
		s[k] = w.s[k].load(&u.Slots[i][k], lo, hi)
	}
	return s
}

// updateBlock is a block of one operand: the tensor's own memory where that is
// float32, and a wider copy elsewhere.
type updateBlock struct {
	x     []float32
	block [kernel.Block]float32
}

func (b *updateBlock) load(s *backend.Stored, lo, hi int) []float32 {
	if s.Type == backend.Float32 {
		b.x = f32(s.Buffer, lo, hi)
		return b.x
	}
	b.x = b.block[:hi-lo]
	switch s.How {
	case backend.Scaled, backend.ScaledRoot:
		kernel.FromScaled(b.x, backend.Slice[uint8](s.Buffer, lo, hi), scales8(s, lo, hi), s.How == backend.ScaledRoot)
	case backend.Halves:
		kernel.FromSplit(b.x, backend.Slice[uint16](s.Buffer, lo, hi), backend.Slice[uint16](s.Low, lo, hi))
	default:
		widen(b.x, s.Buffer, lo, hi)
	}
	return b.x
}

func (b *updateBlock) store(s *backend.Stored, lo int, step uint64) {
	hi := lo + len(b.x)
	switch {
	case s.Type == backend.Float32:
	case s.How == backend.Scaled || s.How == backend.ScaledRoot:
		kernel.ToScaled(backend.Slice[uint8](s.Buffer, lo, hi), scales8(s, lo, hi), b.x, s.How == backend.ScaledRoot)
	case s.How == backend.Halves:
		kernel.ToSplit(backend.Slice[uint16](s.Buffer, lo, hi), backend.Slice[uint16](s.Low, lo, hi), b.x)
	case s.How == backend.Stochastic:
		kernel.ToBF16Stochastic(backend.Slice[uint16](s.Buffer, lo, hi), b.x, philox.NewKey(s.Seed, s.Stream), lo, step, false)
	default:
		narrow(s.Buffer, lo, hi, b.x)
	}
}

// scaled reports whether s are Adam's m and v in 8 bits.
func scaled(s []backend.Stored) bool {
	return len(s) == 2 && s[0].How == backend.Scaled && s[1].How == backend.ScaledRoot
}

// codes8 are elements lo to hi-1 as they are stored, lo a multiple of ScaleBlock.
func codes8(s *backend.Stored, lo, hi int) kernel.Scaled {
	return kernel.Scaled{Codes: backend.Slice[uint8](s.Buffer, lo, hi), Scale: scales8(s, lo, hi)}
}

// scales8 are the scales of elements lo to hi-1, lo a multiple of ScaleBlock.
func scales8(s *backend.Stored, lo, hi int) []float32 {
	return f32(s.Low, lo/kernel.ScaleBlock, (hi+kernel.ScaleBlock-1)/kernel.ScaleBlock)
}
