module example.com/changeling

go 1.21
