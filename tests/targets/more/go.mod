module example.com/more

go 1.21

require example.com/mark v0.0.0

replace example.com/mark => ../mark
