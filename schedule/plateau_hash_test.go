package schedule

import (
	"encoding/binary"
	"hash"
	"math"
)

// hashFloat adds a number's bits to a hash.
func hashFloat(h hash.Hash, v float64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
	h.Write(b[:])
}
