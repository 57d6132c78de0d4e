module example.com/web

go 1.21

require example.com/took v0.0.0

replace example.com/took => ../took
