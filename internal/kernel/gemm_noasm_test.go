//go:build purego || !(amd64 || arm64)

package kernel

func gemmArchTiers() []gemmTier { return nil }
