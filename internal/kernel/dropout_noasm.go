//go:build purego || !(amd64 || arm64)

package kernel

import "github.com/descent-ml/descent/internal/philox"

func dropout32(dst, src []float32, s float32, drop uint32, key philox.Key, block, step uint64, _ bool) {
	dropoutGeneric(dst, src, s, drop, key, block, step)
}
