package descenttest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// recorder is a testing.TB that keeps what is reported.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()        {}
func (r *recorder) Log(...any)     {}
func (r *recorder) Failed() bool   { return len(r.errors) > 0 }
func (r *recorder) Error(a ...any) { r.errors = append(r.errors, fmt.Sprintln(a...)) }
func (r *recorder) Fatal(a ...any) { r.Error(a...); r.FailNow() }
func (r *recorder) FailNow()       { runtime.Goexit() }

func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Errorf(format string, a ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, a...))
}

func (r *recorder) Fatalf(format string, a ...any) {
	r.Errorf(format, a...)
	r.FailNow()
}

// failures are what suite reports.
func failures(t testing.TB, suite func(t testing.TB)) []string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		suite(r)
	}()
	<-done
	return r.errors
}

// wantFailure wants a report that says so.
func wantFailure(t *testing.T, says string, suite func(t testing.TB)) {
	t.Helper()
	got := failures(t, suite)
	for _, s := range got {
		if strings.Contains(s, says) {
			return
		}
	}
	t.Errorf("reported %q, want %q", got, says)
}
