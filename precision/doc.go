// Package precision holds number formats below float32 and what training in
// them needs: casts, blocks that share scales, loss scaling, FP8 recipes, a
// policy that chooses among them, and integers of 8 and 4 bits.
//
// Every result is specified to the bit, on every processor;
// testdata/vectors.json has codes for others to test against.
//
//	descent                       PyTorch and others
//	precision.Format              torch.dtype, ml_dtypes
//	precision.Cast                Tensor.to, torchao's stochastic rounding
//	precision.TF32                torch.backends.cuda.matmul.allow_tf32's operands
//	precision.Amax                torch.linalg.vector_norm(x, inf)
//	precision.MX                  torchao.prototype.mx_formats
//	precision.NVFP4               Transformer Engine NVFP4BlockScaling
//	precision.Quantizer           torchao Float8 tensorwise, rowwise, blockwise
//	precision.LossScale           torch.amp.GradScaler
//	precision.MegatronLossScale   Megatron-LM DynamicGradScaler
//	precision.DeepSpeedLossScale  DeepSpeed DynamicLossScaler
//	precision.Delayed             Transformer Engine DelayedScaling
//	precision.CurrentScaling      Transformer Engine Float8CurrentScaling
//	precision.BlockScaling        Transformer Engine Float8BlockScaling
//	precision.For                 torch.autocast's choice of a dtype
//	precision.Integer             torchao's int8 and int4 weights, and their products
//	precision.FakeQuant           torch.fake_quantize_per_tensor_affine
//	precision.LSQ                 torch._fake_quantize_learnable_per_tensor_affine
//	precision.MinMax, EMA         torch.ao.quantization's MinMaxObserver, MovingAverageMinMaxObserver
//	precision.Percentile, MSE     its HistogramObserver
//	precision.QAT                 its enable_observer and enable_fake_quant, by step
//
// Who only wants one number converted uses the root package's BFloat16 and its
// like. An optimizer that keeps its own state or weights narrow is in package
// optim.
package precision
