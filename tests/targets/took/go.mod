module example.com/took

go 1.21
