module github.com/descent-ml/descent/internal/kernel/_asm_arm64

go 1.25.0

require golang.org/x/arch v0.23.0
