// Package api is the service's HTTP face.
package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/demo/cache"
	"example.com/demo/metrics"
	"example.com/demo/orders"
	"example.com/demo/pool"
)

// API answers requests from the book and hands work to the pool.
type API struct {
	book    *orders.Book
	workers *pool.Pool
	names   *cache.Cache[string, string]
	events  chan event
}

type event struct {
	order uint64
	what  string
}

// New returns an API over the book, with a goroutine that logs its events.
func New(book *orders.Book, workers *pool.Pool) *API {
	a := &API{
		book: book, workers: workers,
		names:  cache.New[string, string](64),
		events: make(chan event, 32),
	}
	go a.log(io.Discard)
	return a
}

func (a *API) log(out io.Writer) {
	for event := range a.events {
		fmt.Fprintf(out, "%d %s\n", event.order, event.what)
	}
}

// Handler returns the routes.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/order", logged(a.events, a.create))
	mux.HandleFunc("/order/", logged(a.events, a.show))
	mux.HandleFunc("/heap", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, metrics.Heap())
	})
	return mux
}

// logged reports each request before it is handled.
func logged(events chan<- event, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		events <- event{what: r.Method + " " + r.URL.Path}
		handle(w, r)
	}
}

func (a *API) create(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	order := new(orders.Order)
	if err := json.Unmarshal(payload, order); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	order.Customer = a.names.Get(order.Customer, strings.ToUpper)
	id := a.book.Add(order)
	if len(order.Items) > 3 {
		if err := a.workers.SubmitWithin(pool.Job{Order: id, Payload: payload}, 50*time.Millisecond); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
	} else {
		a.workers.Submit(pool.Job{Order: id, Payload: payload})
	}
	a.notify(id)
	fmt.Fprintln(w, id)
}

// notify tells the log without making the client wait for it.
func (a *API) notify(id uint64) {
	go func() { a.events <- event{order: id, what: "created"} }()
}

func (a *API) show(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(strings.TrimPrefix(r.URL.Path, "/order/"), 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	order, ok := a.book.Get(id)
	if !ok {
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(order)
}
