//go:build !purego && !amd64

package cpu

const pureGo = false
