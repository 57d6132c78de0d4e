module example.com/flatout

go 1.21
