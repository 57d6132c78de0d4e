//go:build cgo

package native

/*
#include <stdlib.h>

static int twice(int value) { return 2 * value; }

extern int goCallback(int);
static int back(int value) { return goCallback(value) + 1; }
*/
import "C"

import "unsafe"

//export goCallback
func goCallback(value C.int) C.int { return C.twice(value) }

func Work() {
	text := C.CString("text")
	defer C.free(unsafe.Pointer(text))
	_ = C.GoString(text)
	_ = C.twice(21)
}
