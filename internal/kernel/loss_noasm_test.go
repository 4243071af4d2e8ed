//go:build purego || !(amd64 || arm64)

package kernel

func targetArchTiers() []targetTier { return nil }
