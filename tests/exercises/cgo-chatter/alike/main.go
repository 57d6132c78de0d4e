// Command alike calls C for work that takes much longer than getting there.
package main

/*
static unsigned long long stretch(unsigned long long seed, int rounds) {
	for (int i = 0; i < rounds; i++) seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed;
}
*/
import "C"

import "example.com/exercises/run"

type key struct{ seed uint64 }

func (k *key) stretch(_, _ int) {
	k.seed = uint64(C.stretch(C.ulonglong(k.seed), 100000))
}

func main() {
	k := &key{seed: 1}
	run.Ballast(64)
	run.Program{Rate: 500, Unit: k.stretch}.Main()
}
