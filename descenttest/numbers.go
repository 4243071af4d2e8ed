package descenttest

// scramble is the finalizer of SplitMix64: neighbours come out unrelated. See
// https://doi.org/10.1145/2714064.2660195.
func scramble(k uint64) uint64 {
	k *= 0x9e3779b97f4a7c15
	k = (k ^ k>>30) * 0xbf58476d1ce4e5b9
	k = (k ^ k>>27) * 0x94d049bb133111eb
	return k ^ k>>31
}

// number is the k-th of a fixed list of numbers in -1 to 1, exact in float32.
func number(k int) float64 { return float64(int32(scramble(uint64(k)+1)>>40)-1<<23) * 0x1p-23 }
