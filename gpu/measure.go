package gpu

import (
	"github.com/descent-ml/descent/internal/backend"
	"github.com/descent-ml/descent/internal/kernel"
)

// measureArgs is Measure of update.cu, terms its Terms.
type measureArgs struct {
	set                setArgs
	params, step, sums uint64
	rule, _            int32
}

type terms struct{ a, b float64 }

// measures are the kernels of update.cu that measure, by number.
var measures = [...]string{"", "measure_lamb", "measure_lars", "measure_adafactor", "measure_prodigy"}

// measureOf is the number of what measures for a rule, 0 for none, whose
// coefficients are those of its update but for LARS.
func measureOf(r kernel.Rule, c *[coefs]float64) int32 {
	switch r := r.(type) {
	case *kernel.LAMB:
		return 1
	case *kernel.LARS:
		*c = [coefs]float64{r.Factor, r.Pull}
		return 2
	case *kernel.Adafactor:
		return 3
	case *kernel.Prodigy:
		return 4
	}
	return 0
}

// Measure implements backend.Backend. The host waits for the sums of the items,
// 16 bytes for 32768 elements, and adds them up.
func (k *kernels) Measure(u *backend.Update) error {
	d := k.dev
	if err := d.lock(); err != nil {
		return err
	}
	ok, err := d.measure(u)
	d.mu.Unlock()
	if err == nil && !ok {
		return k.staged.Measure(u)
	}
	return err
}

// measure makes one launch for each rule; ok is false when it cannot, and
// nothing has been queued.
func (d *Device) measure(u *backend.Update) (ok bool, err error) {
	var present [len(measures)]bool
	if !d.describeAll(u) {
		return false, nil
	}
	for i := range d.params {
		p := &d.params[i]
		p.rule = measureOf(u.Rules[i], &p.coef)
		if _, measured := u.Rules[i].(kernel.Measurer); measured != (p.rule != 0) {
			return false, nil
		}
		present[p.rule] = true
	}
	set, err := d.plan(u.Params)
	if err != nil {
		return false, err
	}
	a := measureArgs{set: set.args, step: u.Step, sums: set.sums}
	if a.params, _, err = upload(d, d.params, 0); err != nil {
		return false, err
	}
	for rule, name := range measures {
		if a.rule = int32(rule); rule == 0 || !present[rule] {
			continue
		}
		if err := launch(d, plain("update", name), set.items, threads, a); err != nil {
			return false, err
		}
	}
	sums, err := fetch[terms](d, set.sums, set.items)
	if err != nil {
		return false, err
	}
	for i := range u.Sums {
		s := &u.Sums[i]
		*s = kernel.Sums{}
		if d.params[i].rule == 0 {
			continue
		}
		for _, t := range sums[u.Params.First(i):u.Params.First(i+1)] {
			s[0] += t.a
			s[1] += t.b
		}
	}
	return true, nil
}
