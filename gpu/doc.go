// Package gpu computes on NVIDIA GPUs: the same primitives, over the same
// Tensor interface, with the bits of the host for everything but matrix
// products.
//
//	dev, err := gpu.Open(0)
//	w, err := dev.Upload(weights)  // a gpu.Tensor with the host tensor's elements
//	opt, err := optim.New([]optim.Param{{Name: "w", Value: w, Grad: dw}}, optim.AdamW{})
//
// CUDA is found at run time: the driver's library is opened by name and its
// kernels, PTX in this package, are compiled by the driver. Nothing of NVIDIA's
// is needed to build. Where there is no device, Open returns an error that wraps
// ErrUnavailable and says why; so it does with CGO_ENABLED=0 and off Linux. Matrix
// products open libcublasLt, a Group libnccl, Device.Health libnvidia-ml, each when
// it is first asked for; Explain says which are there.
//
// Work is queued in the order of the calls. A call that returns numbers, a norm
// or a loss, waits for them; others do not wait. Read and Synchronize wait. An
// optimizer's step queues its update behind the norm pass, which finds the clip
// factor and whether to skip on the device; then the step waits for the norm that
// its report tells, while the update runs.
//
// These have kernels: the norm pass, scaling, clipping by units with norms of
// order 1, 2 and +Inf, accumulation, the update rules with copies, averages and
// zeroed gradients, in float32, float64 and bfloat16 with random rounding or
// remainder; cross-entropy of hard targets; dropout; casts to nearest even; fake
// quantization, LSQ and what observers ask for. What has none, such as the rules'
// 8-bit state and Adafactor of matrices, is computed on the host: the tensors are
// copied there and back, which is right and slow.
//
// LAMB, LARS, Adafactor and Prodigy depend on sums over tensors. A pass moves
// their state and adds up in parts; between it and the update the host reads and
// adds the parts, 16 bytes for 32768 elements, and so waits once in each step.
// The tensors stay where they are.
//
// Muon and SOAP multiply matrices with cuBLASLt: their bits are near the host's, not
// the same. SOAP's decompositions are the host's.
//
// Several GPUs of a process are a Group: each has its tensors and its optimizer,
// and a data-parallel step averages the gradients between the backward pass and
// the step, after which all have the same bits.
//
//	group, err := gpu.NewGroup(dev0, dev1)
//	err = group.AllReduce(gpu.Average, grads, grads) // one on each device
//
// A call that runs out of device memory is an error that wraps ErrMemory and
// leaves the device usable. After a kernel has failed every call is an error, and
// only another process can use the device again.
//
//	descent            PyTorch
//	gpu.Open(0)        torch.device("cuda:0")
//	Device.Upload      tensor.to("cuda")
//	Tensor.Read        tensor.cpu()
//	Device.Synchronize torch.cuda.synchronize()
//	Device.Memory      torch.cuda.mem_get_info()
//	Device.Health      torch.cuda.power_draw(), temperature(), utilization()
//	MatMul             torch.mm, torch._scaled_mm
//	Group.AllReduce    torch.distributed.all_reduce
package gpu
