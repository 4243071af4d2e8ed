package descenttest

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/descent-ml/descent/schedule"
)

// Schedule checks a valid schedule. It checks that
//
//   - Validate returns nil;
//   - At is a finite number at every step: negative ones, those of a run and the
//     ends of int;
//   - At is pure: the same bits whatever was asked before;
//   - the schedule is a comparable value, not a pointer, and equal to itself;
//   - it comes back from JSON equal and with equal values, and gives the same text
//     again, if its type is one of this module or has been registered;
//   - At allocates nothing.
func Schedule(t testing.TB, s schedule.Schedule) {
	t.Helper()
	if s == nil {
		t.Fatal("no schedule")
	}
	if err := s.Validate(); err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	steps := stepsOf()
	want := values(s, steps)
	for i, v := range want {
		if !(math.Abs(v) <= math.MaxFloat64) {
			t.Errorf("%+v: At(%d) is %v", s, steps[i], v)
		}
	}
	pure(t, s, steps, want)
	if v := reflect.ValueOf(s); v.Kind() == reflect.Pointer || !v.Comparable() {
		t.Errorf("%+v: %T is no comparable value", s, s)
	} else if copied := s; copied != s { // a field is NaN
		t.Errorf("%+v differs from itself", s)
	} else {
		roundTrip(t, s, steps, want)
	}
	if n := testing.AllocsPerRun(3, func() {
		for _, step := range steps {
			s.At(step)
		}
	}); n != 0 {
		t.Errorf("%+v: At allocates", s)
	}
}

// stepsOf are the steps that are asked for, in rising order.
func stepsOf() (steps []int) {
	for n := math.MaxInt; n > 4096; n /= 2 {
		steps = append(steps, -n-1, -n, 1-n, n-1, n)
	}
	for n := -64; n <= 4096; n++ {
		steps = append(steps, n)
	}
	slices.Sort(steps)
	return slices.Compact(steps)
}

func values(s schedule.Schedule, steps []int) []float64 {
	v := make([]float64, len(steps))
	for i, step := range steps {
		v[i] = s.At(step)
	}
	return v
}

// pure asks again: backwards, and each step twice after a far one.
func pure(t testing.TB, s schedule.Schedule, steps []int, want []float64) {
	t.Helper()
	for i := len(steps) - 1; i >= 0; i-- {
		far := steps[scramble(uint64(i))%uint64(len(steps))]
		backwards := s.At(steps[i])
		s.At(far)
		again := s.At(steps[i])
		if !same(backwards, want[i]) || !same(again, want[i]) {
			t.Errorf("%+v: At(%d) is %v, then %v, then %v: it depends on the calls before",
				s, steps[i], want[i], backwards, again)
			return
		}
	}
}

// roundTrip writes and reads s, unless its kind is not registered.
func roundTrip(t testing.TB, s schedule.Schedule, steps []int, want []float64) {
	t.Helper()
	text, err := schedule.Marshal(s)
	if err != nil {
		if strings.HasSuffix(err.Error(), "is of no registered kind") {
			t.Logf("JSON is not checked: %v", err)
		} else {
			t.Errorf("%+v cannot be written as JSON: %v", s, err)
		}
		return
	}
	back, err := schedule.Unmarshal(text)
	if err != nil {
		t.Errorf("%+v: its JSON %s: %v", s, text, err)
		return
	}
	if back != s || !slices.Equal(values(back, steps), want) {
		t.Errorf("%+v comes back from its JSON %s as %+v", s, text, back)
	}
	if again, err := schedule.Marshal(back); err != nil || string(again) != string(text) {
		t.Errorf("%+v: its JSON is %s, then %s, %v", s, text, again, err)
	}
}
