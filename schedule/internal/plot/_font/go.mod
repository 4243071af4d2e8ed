module github.com/descent-ml/descent/schedule/internal/plot/_font

go 1.25.0

require golang.org/x/image v0.38.0

require golang.org/x/text v0.35.0 // indirect
