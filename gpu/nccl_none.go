//go:build !cgo || !linux

package gpu

func openLink([]engine, []int) (link, error) { return nil, unavailable() }
