// Package descent is the spine of a library of optimization primitives for
// training neural networks: tensors that belong to someone else, their
// gradients with a pending factor, number formats and devices.
package descent
