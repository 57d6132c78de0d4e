package main

import (
	"bytes"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"text/tabwriter"
	"text/template"
	"unicode"
	"unicode/utf8"
)

var text = []*part{
	{name: "search", run: searchBytes},
	{name: "compare", run: compareBytes},
	{name: "strings", run: reshape},
	{name: "runes", run: countRunes},
	{name: "regexp", run: matchAndReplace},
	{name: "template", run: fillTemplate},
	{name: "words", run: countWords},
}

const prose = "Gophers dig; größer wird das Loch, и всё глубже. 地鼠 digs, again & again: 1.21 to 1.27. "

// searchBytes looks for what is at, before and behind the ends of the vectors that the searches read.
func searchBytes() string {
	var out strings.Builder
	hay := bytes.Repeat([]byte{'a'}, 200)
	for _, at := range []int{0, 1, 15, 16, 31, 32, 33, 63, 64, 65, 127, 199} {
		hay[at] = 'x'
		text := string(hay)
		fmt.Fprint(&out, bytes.IndexByte(hay, 'x'), bytes.LastIndexByte(hay, 'x'), bytes.Count(hay, []byte{'a'}),
			strings.Index(text, "axa"), strings.Index(text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaax"),
			strings.Count(text, "x"), strings.IndexByte(text[at:], 'a'), bytes.IndexAny(hay, "xyz"), " ")
		hay[at] = 'a'
	}
	return out.String()
}

func compareBytes() string {
	var out strings.Builder
	one := noise(200)
	for _, at := range []int{0, 7, 8, 16, 31, 32, 63, 64, 100, 199} {
		other := append([]byte(nil), one...)
		other[at] ^= 0x55
		fmt.Fprint(&out, bytes.Compare(one, other), bytes.Equal(one, other), bytes.Equal(one[:at], other[:at]),
			string(one) < string(other), bytes.HasPrefix(one, other[:at]), " ")
	}
	return out.String()
}

func reshape() string {
	long := strings.Repeat(prose, 3)
	swap := strings.NewReplacer("dig", "DIG", "&", "&amp;", "again", "never")
	fields := strings.FieldsFunc(long, func(r rune) bool { return unicode.IsPunct(r) })
	return strings.Join(fields, "|") + strings.ToUpper(long) + strings.ToLower(long) + strings.Title(prose) +
		swap.Replace(long) + strings.TrimRight(long, ". ") + strings.Map(rot13, long) +
		fmt.Sprint(strings.EqualFold(prose, strings.ToUpper(prose)), strings.SplitN(long, " ", 5))
}

func rot13(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return 'a' + (r-'a'+13)%26
	case 'A' <= r && r <= 'Z':
		return 'A' + (r-'A'+13)%26
	}
	return r
}

func countRunes() string {
	var letters, spaces int
	for _, r := range prose {
		if unicode.IsLetter(r) {
			letters++
		}
		if unicode.IsSpace(r) {
			spaces++
		}
	}
	broken := prose[:len(prose)/2+1]
	return fmt.Sprint(letters, spaces, utf8.RuneCountInString(prose), utf8.ValidString(broken), []rune(broken))
}

var (
	version = regexp.MustCompile(`(\d+)\.(\d+)`)
	twice   = regexp.MustCompile(`(?i)\b(\pL+)\b.*?(again|digs?)`)
)

func matchAndReplace() string {
	return fmt.Sprintf("%v %v %s", version.FindAllStringSubmatchIndex(prose, -1), twice.FindAllString(prose, -1),
		version.ReplaceAllString(prose, "$2.$1"))
}

var page = template.Must(template.New("page").Parse(
	`{{range $i, $w := .Words}}{{if gt (len $w) 3}}{{$i}}={{printf "%q" $w}},{{end}}{{end}}{{.Sum | html}}`))

func fillTemplate() string {
	var out strings.Builder
	must(page.Execute(&out, map[string]any{"Words": strings.Fields(prose), "Sum": "<" + prose + ">"}))
	table := tabwriter.NewWriter(&out, 4, 8, 1, ' ', 0)
	fmt.Fprintln(table, "a\tbbbbbb\tc\nddd\te\tf")
	must(table.Flush())
	return out.String()
}

func countWords() string {
	seen := map[string]int{}
	for _, word := range strings.Fields(strings.Repeat(prose, 4)) {
		seen[word]++
	}
	words := make([]string, 0, len(seen))
	for word := range seen {
		words = append(words, word)
	}
	sort.Slice(words, func(i, j int) bool { return words[i] < words[j] })
	var out strings.Builder
	for _, word := range words {
		fmt.Fprintf(&out, "%s %d;", word, seen[word])
	}
	return out.String()
}
