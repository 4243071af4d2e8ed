// Package regularize holds what keeps a network from learning its training
// data by heart.
//
// Everything random is a pure function of (seed, stream, step, element): no
// mask is stored, a backward pass recomputes it, and a resumed run draws what
// the uninterrupted one would have. Give every place in the network a Stream of
// its own.
//
//	descent                          PyTorch and others
//	regularize.Dropout               torch.nn.functional.dropout
//	regularize.DropPath              timm.layers.DropPath, DINOv2's batch subset
//	regularize.LayerDrop             fairseq.modules.LayerDropModuleList
//	regularize.ProgressiveLayerDrop  deepspeed.runtime.progressive_layer_drop
//	regularize.DropConnect           fairseq.modules.quant_noise
//	regularize.DropBlock             timm.layers.DropBlock2d
//	regularize.GaussianNoise         x + σ·torch.randn_like(x)
//	regularize.TopK                  torch.topk and scatter
//	regularize.Decay                 weight_decay, and which parameters have it
//	regularize.Elastic               l1 and l2 penalties; their proximal step
//	regularize.MaxNorm               torch.renorm
//	regularize.SpectralPenalty       torch.nn.utils.parametrizations.spectral_norm's σ
//	regularize.LoadBalance           transformers' load_balancing_loss_func
//	regularize.Average, EMA, SWA     torch.optim.swa_utils.AveragedModel, timm.ModelEmaV3
//	regularize.Soup                  uniform and weighted model soups
//	regularize.SAM                   sharpness-aware minimization
//	regularize.MixUp, CutMix         timm.data.Mixup
//
// Label smoothing is a loss's, in package loss. Who wants augmentations of
// images or text needs a library for these.
package regularize
