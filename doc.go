// Package descent is the spine of a library of optimization primitives for
// training neural networks: tensors that belong to someone else, their
// gradients with a pending factor, number formats and devices.
//
//	descent             PyTorch
//	Of, Data            torch.from_numpy, tensor.numpy: nothing is copied
//	Tensor, View        torch.Tensor
//	Param               torch.nn.Parameter, with a name
//	Gradients           .grad of all parameters
//	Gradients.Norm      torch.nn.utils.get_total_norm
//	DType, BFloat16     torch.dtype, torch.bfloat16
//	Device, Host, Copy  torch.device, "cpu", Tensor.copy_
//	Explain             torch.__config__.show
//
// The primitives are packages, none of which needs another:
//
//   - [schedule]: hyper-parameters as functions of the step
//   - [loss]: value and gradient in one call
//   - [accum]: micro-batches into one gradient
//   - [clip]: limits for gradients
//   - [optim]: update rules, one fused pass, its report
//   - [regularize]: dropout, decay, averages, mixing
//   - [precision]: casts, scales and integers for training in few bits
//   - [gpu]: a device, for tensors that all of them take
//   - [descenttest]: suites for the tests of programs with tensors, losses and
//     rules of their own
//
// Who wants layers and automatic differentiation needs a library for these: its
// tensors are used here as they are.
//
// [schedule]: https://pkg.go.dev/github.com/descent-ml/descent/schedule
// [loss]: https://pkg.go.dev/github.com/descent-ml/descent/loss
// [accum]: https://pkg.go.dev/github.com/descent-ml/descent/accum
// [clip]: https://pkg.go.dev/github.com/descent-ml/descent/clip
// [optim]: https://pkg.go.dev/github.com/descent-ml/descent/optim
// [regularize]: https://pkg.go.dev/github.com/descent-ml/descent/regularize
// [precision]: https://pkg.go.dev/github.com/descent-ml/descent/precision
// [gpu]: https://pkg.go.dev/github.com/descent-ml/descent/gpu
// [descenttest]: https://pkg.go.dev/github.com/descent-ml/descent/descenttest
package descent
