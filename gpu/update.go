package gpu

import (
	"unsafe"

	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
	"github.com/descent-ml/descent/internal/philox"
)

// storedArgs, paramArgs and updateArgs are Stored, Param and Update of update.cu.
type storedArgs struct {
	ptr, low uint64
	key      philox.Key
	typ, how int32
}

const coefs = 16

type paramArgs struct {
	value               storedArgs
	slot                [kernel.MaxSlots]storedArgs
	grad, copy, average uint64
	gradType, copyType  int32
	rule, slots         int32
	plain, _            int32
	coef                [coefs]float64
}

type updateArgs struct {
	set          setArgs
	params, step uint64
	gate         uint64 // 0 for none
	rate         float64
	rule, zero   int32
}

// rules are the kernels of update.cu; a rule's number is its place.
// slots is how many tensors of state the float32 kernel has.
var rules = [...]struct {
	name  string
	slots int
}{
	{"none", 0},
	{"sgd", 0},
	{"momentum", 1},
	{"adam", 2},
	{"amsgrad", 3},
	{"nadam", 2},
	{"adamax", 2},
	{"adabelief", 2},
	{"yogi", 2},
	{"adan", 4},
	{"lion", 1},
	{"rmsprop", 1},
	{"adagrad", 1},
	{"adadelta", 2},
	{"sophia", 2},
	{"curvature", 2},
	{"schedulefree", 3},
	{"lamb", 2},
	{"prodigy", 4},
	{"adafactor", 1},
}

// ruleOf is a rule's number, its coefficients being its struct's fields in
// their order, Factor first; ok is false for one that has no kernel.
func ruleOf(r kernel.Rule, c *[coefs]float64) (rule int32, ok bool) {
	switch r := r.(type) {
	case nil:
		return 0, true
	case *kernel.SGD:
		return 1, fields(c, r)
	case *kernel.Momentum:
		return 2, fields(c, r)
	case *kernel.LARS:
		return 2, fields(c, &r.Momentum)
	case *kernel.Adam:
		return 3, fields(c, r)
	case *kernel.AMSGrad:
		return 4, fields(c, r)
	case *kernel.NAdam:
		return 5, fields(c, r)
	case *kernel.Adamax:
		return 6, fields(c, r)
	case *kernel.AdaBelief:
		return 7, fields(c, r)
	case *kernel.Yogi:
		return 8, fields(c, r)
	case *kernel.Adan:
		return 9, fields(c, r)
	case *kernel.Lion:
		return 10, fields(c, r)
	case *kernel.RMSProp:
		*c = [coefs]float64{
			r.Factor, number(r.Centered), number(r.Heavy), r.L2, r.Alpha, r.Omega, r.Root, r.Eps,
			r.Mu, r.Inner, r.Outer, r.Decay,
		}
		return 11, true
	case *kernel.Adagrad:
		return 12, fields(c, r)
	case *kernel.Adadelta:
		return 13, fields(c, r)
	case *kernel.Sophia:
		return 14, fields(c, r)
	case *kernel.Curvature:
		return 15, fields(c, r)
	case *kernel.ScheduleFree:
		return 16, fields(c, r)
	case *kernel.LAMB:
		return 17, fields(c, r)
	case *kernel.Prodigy:
		return 18, fields(c, r)
	case *kernel.Adafactor:
		return 19, fields(c, r)
	}
	return 0, false
}

// fields copies a struct of nothing but float64.
func fields[R any](c *[coefs]float64, r *R) bool {
	copy(c[:], unsafe.Slice((*float64)(unsafe.Pointer(r)), int(unsafe.Sizeof(*r))/8))
	return true
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Update implements backend.Backend.
func (k *kernels) Update(u *backend.Update) error {
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	ok, err := d.update(u, 0)
	d.mu.Unlock()
	if err == nil && !ok {
		return k.staged.Update(u)
	}
	return err
}

// update queues one launch for each rule, behind a gate or 0; ok is false when
// it cannot.
func (d *Device) update(u *backend.Update, gate uint64) (ok bool, err error) {
	if !d.describeAll(u) {
		return false, nil
	}
	var present [len(rules)][2]bool // which kernels of a rule have work
	for i := range d.params {
		p := &d.params[i]
		if p.rule != 0 || p.copy != 0 || p.average != 0 || u.Zero {
			present[p.rule][p.plain] = true
		}
	}
	set, err := d.plan(u.Params)
	if err != nil {
		return false, err
	}
	a := updateArgs{set: set.args, step: u.Step, gate: gate, rate: u.Rate}
	if u.Zero {
		a.zero = 1
	}
	if a.params, _, err = upload(d, d.params, 0); err != nil {
		return false, err
	}
	for rule, r := range rules {
		a.rule = int32(rule)
		if present[rule][0] {
			if err := launch(d, plain("update", r.name), set.items*chunks, threads, a); err != nil {
				return false, err
			}
		}
		if present[rule][1] {
			if err := launch(d, kernelID{file: "update", name: r.name, suffix: "32"}, set.items*chunks, threads, a); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// describeAll fills in all parameters; false when a kernel does not take one.
func (d *Device) describeAll(u *backend.Update) bool {
	if cap(d.params) < len(u.Values) {
		d.params = make([]paramArgs, len(u.Values))
	}
	d.params = d.params[:len(u.Values)]
	for i := range d.params {
		if !d.describe(&d.params[i], u, i) {
			return false
		}
	}
	return true
}

// describe fills in parameter i; false when a kernel does not take it.
func (d *Device) describe(p *paramArgs, u *backend.Update, i int) (ok bool) {
	v, g := u.Values[i], u.Grads.Bufs[i]
	if (v.Type == backend.Float64) != (g.Type == backend.Float64) {
		return false
	}
	slots := u.Slots[i]
	if u.Rules[i] == nil {
		slots = nil // it stays, and need not be as long as the values
	}
	*p = paramArgs{grad: address(g), gradType: int32(g.Type), slots: int32(len(slots))}
	if p.rule, ok = ruleOf(u.Rules[i], &p.coef); !ok {
		return false
	}
	if p.value, ok = storedOf(v); !ok {
		return false
	}
	for k, s := range slots {
		if p.slot[k], ok = storedOf(s); !ok {
			return false
		}
	}
	if plain := g.Type == backend.Float32 && plain32(v) && len(slots) == rules[p.rule].slots && p.rule != 0; plain {
		p.plain = 1
		for _, s := range slots {
			if !plain32(s) {
				p.plain = 0
			}
		}
	}
	if u.Copies != nil && u.Copies[i].Ptr != nil && v.Type != backend.Float64 {
		p.copy, p.copyType = address(u.Copies[i]), int32(u.Copies[i].Type)
	}
	if u.Averages != nil && u.Averages[i].Ptr != nil {
		p.average = address(u.Averages[i])
	}
	return true
}

// storedOf is how a tensor is kept; false for the formats with scales.
func storedOf(s backend.Stored) (storedArgs, bool) {
	a := storedArgs{ptr: address(s.Buffer), low: address(s.Low), typ: int32(s.Type), how: int32(s.How)}
	if s.How == backend.Stochastic {
		a.key = philox.NewKey(s.Seed, s.Stream)
	}
	return a, s.How <= backend.Halves
}

func plain32(s backend.Stored) bool { return s.Type == backend.Float32 && s.How == backend.Plain }
