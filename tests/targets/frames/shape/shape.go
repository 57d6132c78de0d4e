// Package shape has methods, embedded interfaces, closures and generic functions.
package shape

import (
	"encoding/json"
	"errors"
	"regexp"
	"sort"
	"strings"
	"sync"
)

type Area interface{ Area() float64 }

type Square struct{ Side float64 }

func (s Square) Area() float64 { return s.Side * s.Side }

func (s *Square) Grow(by float64) {
	s.Side += by
	total.Lock()
	defer total.Unlock()
	total.grown = append(total.grown, by)
}

// Framed reaches Area and Grow through generated wrappers.
type Framed struct {
	Area
	*Square
	sync.Mutex
}

var total struct {
	sync.Mutex
	grown []float64
}

type Number interface{ ~int | ~float64 }

func Sum[N Number](values ...N) (sum N) {
	each(values, func(value N) { sum += value })
	return sum
}

func each[T any](values []T, visit func(T)) {
	for _, value := range values {
		visit(value)
	}
}

type Stack[T any] struct{ items []T }

func (s *Stack[T]) Push(item T) *Stack[T] {
	s.items = append(s.items, item)
	return s
}

func (s *Stack[T]) Pop() (item T, err error) {
	if len(s.items) == 0 {
		return item, errEmpty
	}
	last := len(s.items) - 1
	item, s.items = s.items[last], s.items[:last]
	return item, nil
}

var errEmpty = errors.New("empty")

func Work() {
	framed := Framed{Area: Square{2}, Square: &Square{3}}
	var grower interface{ Grow(float64) } = framed
	grower.Grow(1)
	var locker sync.Locker = &framed
	locker.Lock()
	locker.Unlock()
	areas := map[string]Area{"a": Square{1}, "b": &Square{2}}
	names := []string{}
	for name, area := range areas {
		names = append(names, name+strings.Repeat("x", int(area.Area())))
	}
	sort.Slice(names, func(i, j int) bool { return names[i] < names[j] })
	text, _ := json.Marshal(map[string]any{"names": names, "sum": Sum(1, 2), "other": Sum(1.5, 2)})
	words := new(Stack[string])
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(string(text), -1) {
		words.Push(word)
	}
	for {
		if _, err := words.Pop(); err != nil {
			break
		}
	}
	new(Stack[int]).Push(1).Pop()
}
