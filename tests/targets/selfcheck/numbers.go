package main

import (
	"container/heap"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"math/cmplx"
	"math/rand"
	"sort"
	"strconv"
	"strings"
)

var numbers = []*part{
	{name: "big", run: bigNumbers},
	{name: "floats", run: floats},
	{name: "bits", run: bitTricks},
	{name: "conversions", run: convert},
	{name: "matrix", run: multiply},
	{name: "sort", run: sortAll},
	{name: "heap", run: viaHeap},
	{name: "generics", run: generic},
	{name: "constants", run: func() string { return strconv.Itoa(constant()) }},
}

// constant is nothing but its result, so that a test can change it on purpose.
//
//go:noinline
func constant() int { return 0x12345678 }

func bigNumbers() string {
	a := new(big.Int).SetBytes(noise(40))
	b := new(big.Int).SetBytes(noise(65))
	m := new(big.Int).SetBytes(noise(33))
	m.SetBit(m, 0, 1)
	power := new(big.Int).Exp(a, new(big.Int).SetUint64(65537), m)
	quotient, rest := new(big.Int).QuoRem(b, a, new(big.Int))
	product := new(big.Int).Mul(new(big.Int).MulRange(1, 60), b)
	ratio := big.NewRat(355, 113)
	ratio.Mul(ratio, big.NewRat(22, 7))
	return fmt.Sprint(power, quotient, rest, product, new(big.Int).Sqrt(b), new(big.Int).GCD(nil, nil, a, b), ratio)
}

func floats() string {
	var out strings.Builder
	for x := -3.7; x < 40; x = x*1.3 + 4.1 {
		y := math.Abs(x)
		fmt.Fprint(&out, math.Sqrt(y), math.Sin(x), math.Atan2(x, 3), math.Exp(x/9), math.Log(y), math.Pow(y, 0.37),
			math.Floor(x), math.Ceil(x), math.Trunc(x), math.FMA(x, y, 1), math.Hypot(x, 7), math.Gamma(y/9),
			math.Mod(x, 1.7), math.Float32bits(float32(x)), int64(x), uint64(y), cmplx.Exp(complex(x, 1)/9), " ")
	}
	return out.String()
}

func bitTricks() string {
	var sum, carry uint64
	x := uint64(0x9e3779b97f4a7c15)
	for i := 0; i < 60; i++ {
		high, low := bits.Mul64(x, x^0xffff)
		sum, carry = bits.Add64(sum, high^low, carry)
		x = bits.RotateLeft64(x, i) + uint64(bits.OnesCount64(x)+bits.LeadingZeros64(x|1)+bits.TrailingZeros64(x))
		quotient, rest := bits.Div64(high%(x|1), low, x|1)
		sum ^= quotient - rest + bits.ReverseBytes64(x) + uint64(int64(x)>>i) + uint64(int32(x)/int32(i-70))
	}
	return fmt.Sprint(sum, carry)
}

func convert() string {
	var out strings.Builder
	for _, f := range []float64{0, 1, 0.1, 1e21, 5e-324, math.MaxFloat64, 123456.789, math.Pi, -2.5} {
		short := strconv.FormatFloat(f, 'g', -1, 64)
		back, err := strconv.ParseFloat(short, 64)
		must(err)
		fmt.Fprintf(&out, "%s %v %x %.3f %8.2e|", short, back == f, f, f, f)
	}
	for _, text := range []string{"12", "-9223372036854775808", "0x7f", "1_000", "no", "99999999999999999999"} {
		n, err := strconv.ParseInt(text, 0, 64)
		fmt.Fprintf(&out, "%d %v %b %q|", n, err, uint16(n), text)
	}
	return out.String()
}

func multiply() string {
	const n = 6
	var a, b, c [n][n]float64
	for i := range a {
		for j := range a {
			a[i][j], b[i][j] = float64(i*j%7)+0.5, float64(i+j)/3
		}
	}
	for i := range a {
		for j := range b {
			for k := range c {
				c[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return fmt.Sprint(c)
}

func sortAll() string {
	random := rand.New(rand.NewSource(7))
	ints, words := random.Perm(150), make([]string, 60)
	for i := range words {
		words[i] = strconv.Itoa(random.Intn(1000))
	}
	sort.Ints(ints)
	sort.Strings(words)
	sort.SliceStable(words, func(i, j int) bool { return len(words[i]) < len(words[j]) })
	return fmt.Sprint(ints, words, sort.SearchInts(ints, 77), random.NormFloat64(), random.ExpFloat64())
}

type queue []int

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i] < q[j] }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)        { *q = append(*q, x.(int)) }
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func viaHeap() string {
	var q queue
	for _, b := range noise(60) {
		heap.Push(&q, int(b))
	}
	var out []int
	for q.Len() > 0 {
		out = append(out, heap.Pop(&q).(int))
	}
	return fmt.Sprint(out)
}

type number interface {
	~int | ~int8 | ~float64 | ~string
}

func fold[T number, R any](all []T, to R, with func(R, T) R) R {
	for _, one := range all {
		to = with(to, one)
	}
	return to
}

func least[T number](all ...T) T {
	return fold(all, all[0], func(a, b T) T {
		if b < a {
			return b
		}
		return a
	})
}

func generic() string {
	return fmt.Sprint(least(3, 1, 2), least(2.5, -0.5), least("b", "a"), least[int8](-128, 127),
		fold([]int{1, 2, 3}, "", func(s string, n int) string { return s + strconv.Itoa(n) }))
}
