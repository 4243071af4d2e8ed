package kernel

// Scale sets dst = s·src.
func Scale[F Float](dst, src []F, s F) {
	if d, ok := any(dst).([]float32); ok {
		scale32(d, any(src).([]float32), float32(s), false)
		return
	}
	scaleGeneric(dst, src, s)
}

// ScaleUncached is Scale with stores past the caches.
func ScaleUncached[F Float](dst, src []F, s F) {
	if d, ok := any(dst).([]float32); ok {
		scale32(d, any(src).([]float32), float32(s), true)
		return
	}
	scaleGeneric(dst, src, s)
}

func scaleGeneric[F Float](dst, src []F, s F) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = s * src[i]
	}
}
