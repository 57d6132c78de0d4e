module example.com/borrowed

go 1.21

require example.com/logs v1.0.0
