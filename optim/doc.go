// Package optim moves parameters by their gradients: one fused pass over
// memory, which applies the gradients' pending factor as it reads.
//
// A step is a transaction. It happens whole or, where the gradients cannot be
// used, not at all, bit for bit; its Report says which, and schedules, averages
// and counters advance from Report.Applied.
//
//	descent                     PyTorch and others
//	optim.SGD                   torch.optim.SGD
//	optim.Adam, AdamW           torch.optim.Adam, AdamW, with amsgrad
//	optim.NAdam, RAdam, Adamax  torch.optim, of the same names
//	optim.RMSProp, Adagrad      torch.optim.RMSprop, Adagrad
//	optim.Adadelta              torch.optim.Adadelta
//	optim.Lion, AdaBelief       optax.lion, adabelief
//	optim.Yogi, Adan            optax.yogi, adan
//	optim.LAMB, LARS            optax.lamb, lars; timm's Lamb, Lars
//	optim.Adafactor             torch.optim.Adafactor, optax.adafactor
//	optim.Muon                  torch.optim.Muon, optax.contrib.muon
//	optim.SOAP                  SOAP of its authors
//	optim.Sophia, Prodigy       optax.contrib.sophia, prodigy
//	optim.ScheduleFreeAdamW     schedule_free's AdamWScheduleFree
//	optim.Group                 param_groups, by name pattern
//	optim.Extras                _foreach_copy_, _foreach_lerp_, zero_grad
//	optim.Checkpoint            safetensors
//	Optimizer.Step              GradScaler.step
//	Optimizer.State             optimizer.state_dict, keyed by parameter name
//	Optimizer.UpdateOne         LOMO
//	Optimizer.Evaluation        schedule_free's optimizer.eval()
//
// Rules are values. In their fields 0 means the default that the field's
// comment names; Zero asks for 0 itself.
package optim
