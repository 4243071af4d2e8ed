// Package schedule has hyper-parameters as functions of the step: learning
// rates, weight decay, momentum, dropout, clipping thresholds, batch sizes and
// sequence lengths alike.
//
// A schedule is a value without state. It can be compared, printed, kept as JSON
// with a stable hash, and asked for any step in any order, so a run is resumed by
// asking for the step it is resumed at. Schedules are made of schedules:
//
//	lr := schedule.Warmup{Steps: 100, Then: schedule.Cosine{Peak: 3e-3, Floor: 1e-5, Steps: 1900}}
//	rate := lr.At(step)
//
// Step 0 is the first update. Steps may as well be samples, tokens or epochs: see
// [PerStep] and [PerEpoch]. A [Plan] names the schedules of a run, finds what
// contradicts what before it starts, and draws them.
//
//	schedule        PyTorch                        optax                            transformers
//	Constant        ConstantLR                     constant_schedule                constant
//	Linear          LinearLR                       linear_schedule                  linear
//	Cosine          CosineAnnealingLR              cosine_decay_schedule            cosine, cosine_with_min_lr
//	Polynomial      PolynomialLR                   polynomial_schedule              polynomial
//	Exponential     ExponentialLR                  exponential_decay
//	Step            StepLR                         exponential_decay(staircase)
//	MultiStep       MultiStepLR                    piecewise_constant_schedule
//	InverseSqrt                                                                     inverse_sqrt
//	WSD                                                                             warmup_stable_decay
//	OneCycle        OneCycleLR                     cosine_onecycle_schedule
//	Cyclic          CyclicLR
//	Restarts        CosineAnnealingWarmRestarts    sgdr_schedule                    cosine_with_restarts
//	Tanh            timm: TanhLRScheduler
//	TriStage        fairseq: tri_stage
//	RangeTest       DeepSpeed: LRRangeTest
//	REX             pytorch_optimizer: REXScheduler
//	Piecewise                                      piecewise_interpolate_schedule
//	Table           LambdaLR of a list
//	Warmup          LinearLR in SequentialLR       warmup_cosine_decay_schedule     …_with_warmup
//	Join            SequentialLR                   join_schedules
//	Product         ChainedScheduler
//	Noise           timm: lr_noise
//	Plateau         ReduceLROnPlateau              contrib.reduce_on_plateau        reduce_lr_on_plateau
//
// [Scale], [Sum], [Max], [Min], [Clamp], [Round], [Offset] and [Repeat] have no counterparts that
// can be written down. Where a peer counts differently, the type's comment says
// how; docs/choosing.md says which schedule is for what.
//
// At is defined for every int and finite where Validate returns nil, and has the
// same bits on every processor. Who changes the rate by hand needs none of this:
// optimizers take it as a number.
package schedule
