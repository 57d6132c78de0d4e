// Package signup holds requests and what makes them valid.
package signup

import "strings"

// Request is somebody's wish for an account.
type Request struct {
	User, Age   int
	Mail, Alias string
}

// Checks are cheap: some nanoseconds each.
var Checks = []func(*Request) bool{
	func(r *Request) bool { return r.User > 0 },
	func(r *Request) bool { return strings.Contains(r.Mail, "@") },
	func(r *Request) bool { return r.Age >= 18 },
	func(r *Request) bool { return len(r.Alias) < 32 },
}

var requests = [4]Request{
	{User: 1, Age: 30, Mail: "a@example.com", Alias: "a"},
	{User: 2, Age: 31, Mail: "b@example.com", Alias: "b"},
	{User: 3, Age: 17, Mail: "c@example.com", Alias: "c"},
	{User: 4, Age: 33, Mail: "example.com", Alias: "d"},
}

// Numbered returns one of a few requests.
func Numbered(n int) *Request {
	return &requests[n%len(requests)]
}
