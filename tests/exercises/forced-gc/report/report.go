// Package report builds what is thrown away soon after.
package report

var last [][]byte

// Build makes some garbage: 64 KiB.
func Build(n int) int {
	pages := make([][]byte, 0, 16)
	for i := 0; i < 16; i++ {
		page := make([]byte, 4096)
		page[n%4096] = byte(i)
		pages = append(pages, page)
	}
	last = pages
	return len(last)
}
