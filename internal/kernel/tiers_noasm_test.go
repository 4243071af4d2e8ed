//go:build purego || !(amd64 || arm64)

package kernel

func archTiers() []tier { return nil }
