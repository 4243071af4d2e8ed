package backend

// Deferrer is a device that goes on while a norm that the host wants is on its
// way.
type Deferrer interface {
	// QueueNorm is Norm, but what it finds is there after AwaitNorm alone. ok is
	// false where the device cannot, and nothing has been queued.
	QueueNorm(l *Limit) (ok bool, err error)
	// AwaitNorm ends the last QueueNorm of the same norm.
	AwaitNorm(n *Norm) error
	// UpdateLimited is Update with every rule's gradient multiplied by the factor
	// of a limit that was queued, or nothing where that skips. ok is false where the device cannot, and
	// nothing has been queued.
	UpdateLimited(u *Update, l *Limit) (ok bool, err error)
}

// Limit is a factor that a queued norm decides. Of n = Scale·√(sum of squares)
//
//	factor = Max/(n+Eps) where n+Eps > Max, else 1
//
// It skips where an element is not finite, n·factor overflows or Scale·factor is
// 0.
type Limit struct {
	Norm            *Norm
	Scale, Max, Eps float64
}
