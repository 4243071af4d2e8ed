package gpu

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/descent-ml/descent"
	"github.com/descent-ml/descent/internal/backend"
	checks "github.com/descent-ml/descent/internal/check"
)

// Reduction is how a Group makes one number of one from each device.
type Reduction uint8

// The reductions.
const (
	Sum Reduction = iota
	Average
	Max
)

func (r Reduction) String() string {
	switch r {
	case Sum:
		return "sum"
	case Average:
		return "average"
	case Max:
		return "max"
	}
	return fmt.Sprintf("Reduction(%d)", uint8(r))
}

// Group is devices of this process that exchange tensors through NCCL, each of
// them another GPU. A list of tensors has one on each device, in the order that
// NewGroup was given them; all have one type and one shape.
//
// An exchange is queued on every device behind the work before it; nothing waits
// for it on the host. Where dst is a copy of what src holds, its bits are src's.
// Where it is a reduction, NCCL chooses the order by its version, the number of
// devices, their connections and the length, so that the bits of a sum may differ
// where one of these does; they are not part of the bits contract, which holds
// for one device. A sum that has to have the same bits everywhere is made by
// gathering its terms and adding them with package accum.
//
// Reductions are of float32, float64, bfloat16 and float16; what only moves may
// have any type. Partial sums have the tensors' type, or a wider one where a
// switch adds. Average multiplies each term by 1/n, rounded to the type, and
// adds: it is exact for 1, 2, 4 … devices where nothing underflows, and it does
// not overflow where the sum would.
//
// Special cases are: NaN and ±Inf in a term of Sum or Average reach the result as
// they do in an addition; whether Max of NaN and a number is NaN or the number
// is not specified. Without elements nothing is queued.
//
// dst[i] and src[i] are the same memory or share none; where one has a part for
// each device, the same memory means its part i. Lists that are too short or too
// long, tensors of other types, shapes or devices and a closed device are errors
// before anything is queued. An error of NCCL's closes the group, so that no
// device is left waiting for another.
//
// Calls from several goroutines follow one another, those of groups that share
// devices too. Groups at work at once that were made from different Devices of
// the same GPUs can wait for each other forever.
//
// torch.distributed has all_reduce, reduce_scatter_tensor,
// all_gather_into_tensor and broadcast, for one device of each process. See
// https://docs.nvidia.com/deeplearning/nccl.
type Group struct {
	devs    []*Device
	ordered []*Device // by index: every group locks in this order
	mu      sync.Mutex
	link    link // nil once closed

	dst, src []uint64 // of an exchange
}

// link is the connection of a group's devices. Its calls come one at a time,
// with all devices locked.
type link interface {
	exchange(x exchange) error
	// close waits for nothing; abort stops what is queued as well.
	close() error
	abort()
}

// exchange is one operation of a link: the same on each device.
type exchange struct {
	kind     kind
	op       Reduction
	typ      backend.DType
	count    int      // elements of src[i], or of dst[i] where that has fewer
	root     int      // whose src is broadcast
	dst, src []uint64 // where the tensors begin; all src of a broadcast are root's
}

// kind is what an exchange does.
type kind uint8

const (
	allReduce kind = iota
	reduceScatter
	allGather
	broadcast
)

func (k kind) String() string {
	return [...]string{"all-reduce", "reduce-scatter", "all-gather", "broadcast"}[k]
}

// NewGroup connects devices. The library is opened when the first group is made,
// as libnccl.so.2; where that fails the error wraps ErrUnavailable and says why.
func NewGroup(devs ...*Device) (*Group, error) {
	g, err := group(devs)
	if err != nil {
		return nil, err
	}
	if err := g.lock(); err != nil {
		return nil, err
	}
	defer g.unlock()
	engines, indices := make([]engine, len(devs)), make([]int, len(devs))
	for i, d := range devs {
		engines[i], indices[i] = d.engine, d.info.Index
	}
	if g.link, err = openLink(engines, indices); err != nil {
		return nil, fmt.Errorf("gpu: connect %v: %w", devs, err)
	}
	return g, nil
}

// group is a Group without a link.
func group(devs []*Device) (*Group, error) {
	if len(devs) == 0 {
		return nil, fmt.Errorf("gpu: %w: a group of no devices", descent.ErrDevice)
	}
	for i, d := range devs {
		if d == nil {
			return nil, fmt.Errorf("gpu: %w: device %d of %d is nil", descent.ErrDevice, i, len(devs))
		}
		for j, e := range devs[:i] {
			if d.info.Index == e.info.Index {
				return nil, fmt.Errorf("gpu: %w: devices %d and %d of the group are both %v", descent.ErrDevice, j, i, d)
			}
		}
	}
	return &Group{
		devs:    slices.Clone(devs),
		ordered: slices.SortedFunc(slices.Values(devs), func(a, b *Device) int { return cmp.Compare(a.info.Index, b.info.Index) }),
		dst:     make([]uint64, len(devs)), src: make([]uint64, len(devs)),
	}, nil
}

// Devices returns the devices in their order.
func (g *Group) Devices() []*Device { return slices.Clone(g.devs) }

// AllReduce sets each dst to the reduction of all src. They have one shape.
//
//	dst[i] = op(src[0], src[1], …)
func (g *Group) AllReduce(op Reduction, dst, src []descent.View) error {
	if err := g.reducible(op, dst); err != nil {
		return err
	}
	return g.exchange(exchange{kind: allReduce, op: op}, dst, src)
}

// ReduceScatter sets each dst to its part of the reduction of all src. For n
// devices src is n times as long as dst.
//
//	dst[i][j] = op(src[0][i·k+j], src[1][i·k+j], …),  k = len(dst[i])
func (g *Group) ReduceScatter(op Reduction, dst, src []descent.View) error {
	if err := g.reducible(op, dst); err != nil {
		return err
	}
	return g.exchange(exchange{kind: reduceScatter, op: op}, dst, src)
}

// AllGather sets each dst to all src, one after another. For n devices dst is n
// times as long as src.
//
//	dst[i][l·k+j] = src[l][j],  k = len(src[l])
func (g *Group) AllGather(dst, src []descent.View) error {
	return g.exchange(exchange{kind: allGather}, dst, src)
}

// Broadcast copies src, which lies on a device of the group, to each dst. They
// have one shape.
func (g *Group) Broadcast(dst []descent.View, src descent.View) error {
	if err := checks.Usable("src", src); err != nil {
		return err
	}
	x := exchange{kind: broadcast, root: slices.IndexFunc(g.devs, func(d *Device) bool { return src.Device() == descent.Device(d) })}
	if x.root < 0 {
		return fmt.Errorf("gpu: %w: src is %v, the group has %v", descent.ErrDevice, src, g.devs)
	}
	if err := g.list("dst", dst); err != nil {
		return err
	}
	from := [...]descent.View{src}
	if err := x.fits(dst, from[:]); err != nil {
		return err
	}
	if err := checks.Apart("dst", dst[x.root], "src", src); err != nil {
		return err
	}
	return g.run(x, dst, from[:])
}

// Close disconnects the devices once queued exchanges are done. Close a group
// before its devices. Closing twice is no error.
func (g *Group) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.link == nil {
		return nil
	}
	for _, d := range g.ordered {
		d.mu.Lock()
	}
	defer g.unlock()
	var first error
	for _, d := range g.ordered {
		if d.engine == nil {
			continue // its Close has waited
		}
		if err := d.failed("synchronize", d.engine.sync()); first == nil {
			first = err
		}
	}
	if first != nil {
		g.link.abort()
	} else if err := g.link.close(); err != nil {
		first = fmt.Errorf("gpu: disconnect %v: %w", g.devs, err)
	}
	g.link = nil
	return first
}

// lock locks all devices, or none where one is closed.
func (g *Group) lock() error {
	for i, d := range g.ordered {
		if err := d.lock(); err != nil {
			for _, d := range g.ordered[:i] {
				d.mu.Unlock()
			}
			return err
		}
	}
	return nil
}

func (g *Group) unlock() {
	for _, d := range g.ordered {
		d.mu.Unlock()
	}
}

// reducible returns an error unless op is one and the first tensor's type has
// it.
func (g *Group) reducible(op Reduction, dst []descent.View) error {
	if op > Max {
		return fmt.Errorf("gpu: %v is none, want %v, %v or %v", op, Sum, Average, Max)
	}
	if err := g.list("dst", dst); err != nil {
		return err
	}
	return checks.DType("dst[0]", dst[0], descent.F32, descent.F64, descent.BF16, descent.F16)
}

// list returns an error unless there is a tensor for each device, all of one
// type and one shape.
func (g *Group) list(name string, list []descent.View) error {
	if len(list) != len(g.devs) {
		return fmt.Errorf("gpu: %w: %s has %d tensors, the group %d devices", descent.ErrShape, name, len(list), len(g.devs))
	}
	first := list[0]
	for i, v := range list {
		if err := v.Err(); err != nil {
			return fmt.Errorf("%s[%d]: %w", name, i, err)
		}
		switch {
		case v.Device() != descent.Device(g.devs[i]):
			return fmt.Errorf("gpu: %w: %s[%d] on %v, want it on %v", descent.ErrDevice, name, i, v.Device(), g.devs[i])
		case v.DType() != first.DType():
			return fmt.Errorf("gpu: %w: %s[0] is %v, %[2]s[%[4]d] is %v", descent.ErrDType, name, first, i, v)
		case !v.SameShape(first):
			return fmt.Errorf("gpu: %w: %s[0] is %v, %[2]s[%[4]d] is %v", descent.ErrShape, name, first, i, v)
		}
	}
	return nil
}

// fits returns an error unless the types of dst and src are one and their
// lengths those of the exchange. It sets both.
func (x *exchange) fits(dst, src []descent.View) error {
	d, s, n := dst[0], src[0], len(dst)
	if d.DType() != s.DType() {
		return fmt.Errorf("gpu: %w: dst is %v, src is %v", descent.ErrDType, d, s)
	}
	x.typ, x.count = d.DType(), min(d.Len(), s.Len())
	switch {
	case x.kind == reduceScatter && s.Len() != n*d.Len():
		return fmt.Errorf("gpu: %w: dst is %v, src is %v, want it %d times as long", descent.ErrShape, d, s, n)
	case x.kind == allGather && d.Len() != n*s.Len():
		return fmt.Errorf("gpu: %w: src is %v, dst is %v, want it %d times as long", descent.ErrShape, s, d, n)
	case (x.kind == allReduce || x.kind == broadcast) && !d.SameShape(s):
		return fmt.Errorf("gpu: %w: dst is %v, src is %v", descent.ErrShape, d, s)
	}
	return nil
}

// exchange checks the tensors and queues x.
func (g *Group) exchange(x exchange, dst, src []descent.View) error {
	if err := g.list("dst", dst); err != nil {
		return err
	}
	if err := g.list("src", src); err != nil {
		return err
	}
	if err := x.fits(dst, src); err != nil {
		return err
	}
	for i := range dst {
		whole, part := dst[i], src[i]
		if x.kind == reduceScatter {
			whole, part = part, whole
		}
		at := address(whole.Buffer())
		if x.kind != allReduce {
			at += uint64(i * part.Bytes())
		}
		if address(part.Buffer()) != at && whole.Overlaps(part) {
			return fmt.Errorf("gpu: %w: dst[%d] %v and src[%[2]d] %[4]v", descent.ErrOverlap, i, dst[i], src[i])
		}
	}
	return g.run(x, dst, src)
}

// run queues x. One src is every device's.
func (g *Group) run(x exchange, dst, src []descent.View) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.link == nil {
		return fmt.Errorf("gpu: group of %v: %w", g.devs, ErrClosed)
	}
	if err := g.lock(); err != nil {
		return err
	}
	defer g.unlock()
	if x.count == 0 {
		return nil
	}
	for i, v := range dst {
		g.dst[i], g.src[i] = address(v.Buffer()), address(src[i%len(src)].Buffer())
	}
	x.dst, x.src = g.dst, g.src
	if err := g.link.exchange(x); err != nil {
		g.link.abort()
		g.link = nil
		return fmt.Errorf("gpu: group of %v: %v: %w", g.devs, x.kind, err)
	}
	return nil
}
