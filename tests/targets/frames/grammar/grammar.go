// Package grammar looks like the output of a parser generator: lines and files are stated by directives.
package grammar

import "strconv"

var results []string

func Work() {
//line grammar.y:100
	reduce(7)
//line tables.y:7
	reduce(shift(8))
//line /absolute/place/grammar.y:40
	reduce(shift(9))
}

//line grammar.y:10
func reduce(token int) {
	results = append(results, strconv.Itoa(token))
//line grammar.y:5
	results = append(results, strconv.Quote("x"))
}

//line helpers.y:3
func shift(token int) int {
	if token > 1000000 {
		panic(strconv.Itoa(token))
	}
	return token + len(results)
}
