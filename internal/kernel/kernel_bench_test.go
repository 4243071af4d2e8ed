package kernel

import (
	"fmt"
	"testing"
)

// sizes are elements: 4 KB of float32 in the first cache, 400 KB in the second,
// 40 MB in memory.
var sizes = []int{1e3, 1e5, 1e7}

// BenchmarkKernels runs every kernel of every tier. MB/s counts what one
// element must move, as listed in families: reads and writes, without the reads
// for ownership that ordinary stores add. Numbers are ordinary, no subnormals.
func BenchmarkKernels(b *testing.B) {
	tiers := append([]tier{reference}, archTiers()...)
	for i := range families {
		fam := &families[i]
		for _, n := range sizes {
			for _, k := range tiers {
				run := fam.of(&k)
				if run == nil || !k.have {
					continue
				}
				b.Run(fmt.Sprintf("%s/%d/%s", fam.name, n, k.name), func(b *testing.B) {
					var a arena
					o := a.place(fam, n, 0, false)
					w := words(0)
					o.fill(0, &w)
					o.scalars(fam, 0, &w)
					if fam.max > 0 {
						run = inBlocks(run, fam.max)
					}
					b.SetBytes(int64(n * fam.bytes))
					for b.Loop() {
						run(o)
					}
				})
			}
		}
	}
}

// inBlocks runs a kernel that takes at most size elements over all of f[0].
func inBlocks(run func(*operands) result, size int) func(*operands) result {
	var part operands
	return func(o *operands) (r result) {
		for at := 0; at < len(o.f[0]); at += size {
			part.f[0] = o.f[0][at:min(at+size, len(o.f[0]))]
			r.sum += run(&part).sum
		}
		return r
	}
}

// BenchmarkCopy is the ceiling for kernels that read one array and write
// another: 8 bytes an element.
func BenchmarkCopy(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dst, src := make([]float32, n), make([]float32, n)
			b.SetBytes(int64(8 * n))
			for b.Loop() {
				copy(dst, src)
			}
		})
	}
}
