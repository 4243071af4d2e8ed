//go:build !purego

package kernel

import "github.com/descent-ml/descent/internal/cpu"

func gemmArchTiers() []gemmTier { return []gemmTier{{"neon", cpu.NEON, gemmTile32, nil}} }
