// Package tree is walked by recursion, with much on each frame.
package tree

// Node is a part of a tree.
type Node struct {
	Left, Right *Node
	Weight      int
}

// Grow returns a tree of so many levels, as deep as a list.
func Grow(levels int) *Node {
	var top *Node
	for i := 0; i < levels; i++ {
		top = &Node{Left: top, Weight: i}
	}
	return top
}

// Sum needs about 600 bytes of stack per level.
//
//go:noinline
func (n *Node) Sum() int {
	if n == nil {
		return 0
	}
	var path [64]int
	path[n.Weight%64] = n.Weight
	below := n.Left.Sum() + n.Right.Sum() // finding: example.com/exercises/stack-growth/tree.(*Node).Sum
	return below + path[(n.Weight+below)%64]
}
