package kernel

// Add sets dst = dst + s·src, the product rounded first.
func Add[F Float](dst, src []F, s F) {
	if d, ok := any(dst).([]float32); ok {
		add32(d, any(src).([]float32), float32(s))
		return
	}
	addGeneric(dst, src, s)
}

func addGeneric[F Float](dst, src []F, s F) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += F(s * src[i])
	}
}
