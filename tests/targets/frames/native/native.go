// Package native calls C where there is a C compiler.
package native
