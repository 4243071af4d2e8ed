//go:build purego || !amd64

package cpu

import "runtime"

func hasAVX2() bool   { return false }
func hasAVX512() bool { return false }
func hasNEON() bool   { return runtime.GOARCH == "arm64" && !pureGo }

func missingFeatures(string) []string { return nil }
