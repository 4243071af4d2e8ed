// Package descenttest holds conformance suites: tests that a program calls on
// its own tensors, losses, schedules and rules, as this module does on its own.
//
//	descenttest.Gradient   a gradient against differences: torch.autograd.gradcheck
//	descenttest.Tensor     a tensor type of the program's own
//	descenttest.Loss       a loss with its gradient
//	descenttest.Schedule   a schedule
//	descenttest.Optimizer  a rule with its hyper-parameters
//
// A suite reports through testing.TB and uses nothing but the standard library.
// All but Gradient count allocations or set GOMAXPROCS: they must not run in
// parallel with other tests.
package descenttest
