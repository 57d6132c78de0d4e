module example.com/mark

go 1.21
