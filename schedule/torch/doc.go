// Package torch makes schedules with the values, names and off-by-ones of
// PyTorch's torch.optim.lr_scheduler, for runs that are to be compared with one
// there. It gives schedule's own types where they can have PyTorch's values.
//
//	here                           torch.optim.lr_scheduler
//	StepLR … PolynomialLR          of the same name
//	CosineAnnealingLR              rises again after T_max, in a wave of period 2·T_max
//	CosineAnnealingWarmRestarts    as scheduler.step() has it
//	EpochRestarts                  CosineAnnealingWarmRestarts as step(epoch) has it: late at 1210
//	CyclicLR, CyclicMomentum       CyclicLR with cycle_momentum
//	OneCycleLR, OneCycleMomentum   OneCycleLR with cycle_momentum
//	SequentialLR, ChainedScheduler of the same name
//	SWALR                          torch.optim.swa_utils.SWALR
//	ReduceLROnPlateau              schedule.Plateau, right for metrics below 0
//	Plateau                        ReduceLROnPlateau, wrong for metrics below 0
//
// At(t) is the rate in force at step t, 0 being the first: the value of
// get_last_lr after t calls of step. Arguments that PyTorch would fail on make
// schedules whose Validate says what is wrong. For a new run use package
// schedule itself.
package torch
