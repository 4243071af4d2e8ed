package kernel

import "github.com/descent-ml/descent/internal/philox"

// Dropout sets dst = s·src where the element's random word is at least drop,
// and +0 elsewhere. Element i of the run is element 4·block + i of the tensor:
// it uses word i mod 4 of philox block block + i/4 at the step.
func Dropout[F Float](dst, src []F, s F, drop uint32, key philox.Key, block, step uint64) {
	if d, ok := any(dst).([]float32); ok {
		dropout32(d, any(src).([]float32), float32(s), drop, key, block, step, false)
		return
	}
	dropoutGeneric(dst, src, s, drop, key, block, step)
}

// DropoutUncached is Dropout with stores past the caches.
func DropoutUncached[F Float](dst, src []F, s F, drop uint32, key philox.Key, block, step uint64) {
	if d, ok := any(dst).([]float32); ok {
		dropout32(d, any(src).([]float32), float32(s), drop, key, block, step, true)
		return
	}
	dropoutGeneric(dst, src, s, drop, key, block, step)
}

func dropoutGeneric[F Float](dst, src []F, s F, drop uint32, key philox.Key, block, step uint64) {
	src = src[:len(dst)]
	for i := 0; i < len(dst); i += 4 {
		w := key.Block(block+uint64(i/4), step)
		for j := range min(4, len(dst)-i) {
			v := s * src[i+j]
			if w[j] < drop {
				v = 0
			}
			dst[i+j] = v
		}
	}
}
