// Package optim moves parameters by their gradients: one fused pass over
// memory, which applies the gradients' pending factor as it reads.
//
// A step is a transaction. It happens whole or, where the gradients cannot be
// used, not at all, bit for bit; its Report says which, and schedules, averages
// and counters advance from Report.Applied.
//
//	descent               PyTorch
//	optim.SGD             torch.optim.SGD
//	optim.AdamW           torch.optim.AdamW
//	Optimizer.Step        GradScaler.step, then zero_grad
//	Optimizer.State       optimizer.state_dict, keyed by parameter name
//
// Rules are values. In their fields 0 means the default that the field's
// comment names; Zero asks for 0 itself.
package optim
