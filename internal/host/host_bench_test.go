package host

import (
	"testing"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/parallel"
)

// gpt2 is the lengths of GPT-2's 148 tensors.
func gpt2() (sizes []int) {
	const width = 768
	sizes = append(sizes, 50257*width, 1024*width)
	for range 12 {
		sizes = append(sizes, width, width, 3*width*width, 3*width, width*width, width)
		sizes = append(sizes, width, width, 4*width*width, 4*width, 4*width*width, width)
	}
	return append(sizes, width, width)
}

// model is one piece of memory for each of AdamW's arrays, and sets of tensors
// that lie in it one after another.
type model struct {
	flat [4][]float32
	sets [4]*backend.Set
}

func newModel() *model {
	m := &model{}
	n := 0
	for _, size := range gpt2() {
		n += size
	}
	for k := range m.flat {
		m.flat[k] = make([]float32, n)
		for i := range m.flat[k] {
			m.flat[k][i] = float32(i%1000) * 1e-4
		}
		var bufs []backend.Buffer
		at := 0
		for _, size := range gpt2() {
			bufs = append(bufs, backend.Of(m.flat[k][at:at+size], backend.Float32))
			at += size
		}
		m.sets[k] = backend.NewSet(bufs)
	}
	return m
}

// task is the kernel alone, on the flat memory.
type task struct {
	run func(lo, hi int)
	n   int
}

func (t *task) Run(i int) { t.run(i*backend.Item, min((i+1)*backend.Item, t.n)) }

// BenchmarkModel is GPT-2's norm and AdamW, by the backend and by the kernel
// alone on the same memory as one run: what the tensors' bookkeeping costs.
func BenchmarkModel(b *testing.B) {
	if testing.Short() {
		b.Skip("takes 2 GB")
	}
	m := newModel()
	n := len(m.flat[0])
	alone := func(b *testing.B, bytes int, run func(lo, hi int)) {
		t := &task{run, n}
		b.SetBytes(int64(bytes * n))
		for b.Loop() {
			parallel.Do(items(n), t)
		}
	}
	b.Run("norm/kernel", func(b *testing.B) {
		partial := make([]float64, kernel.Blocks(n))
		alone(b, 4, func(lo, hi int) {
			kernel.Norm(partial[lo/kernel.Block:kernel.Blocks(hi)], m.flat[1][lo:hi])
		})
	})
	b.Run("norm/host", func(b *testing.B) {
		norm := backend.NewNorm(m.sets[1])
		b.SetBytes(int64(4 * n))
		for b.Loop() {
			if err := (Backend{}).Norm(norm); err != nil {
				b.Fatal(err)
			}
		}
	})
	rule := &kernel.Adam{
		Factor: 1, Beta1: 0.9, Omega1: 0.1, Beta2: 0.999, Omega2: 0.001,
		RSqrt: 1, Eps: 1e-8, Decay: 0.9999, Step: 1e-4,
	}
	b.Run("adam/kernel", func(b *testing.B) {
		alone(b, 28, func(lo, hi int) {
			s := kernel.Slots[float32]{m.flat[2][lo:hi], m.flat[3][lo:hi]}
			rule.Update32(m.flat[0][lo:hi], m.flat[1][lo:hi], s)
		})
	})
	b.Run("adam/host", func(b *testing.B) {
		values := make([]backend.Stored, len(m.sets[0].Bufs))
		for i, p := range m.sets[0].Bufs {
			values[i].Buffer = p
		}
		u := backend.NewUpdate(values)
		u.Grads = m.sets[1]
		for i := range values {
			u.Slots[i] = []backend.Stored{{Buffer: m.sets[2].Bufs[i]}, {Buffer: m.sets[3].Bufs[i]}}
			u.Rules[i] = rule
		}
		b.SetBytes(int64(28 * n))
		for b.Loop() {
			if err := (Backend{}).Update(u); err != nil {
				b.Fatal(err)
			}
		}
	})
}
