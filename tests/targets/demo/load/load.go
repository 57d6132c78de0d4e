// Package load holds the service's own clients.
package load

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/demo/orders"
)

const clients = 4

// Result counts what the clients did.
type Result struct{ Requests, Failed uint64 }

type counters struct{ requests, failed atomic.Uint64 }

// Run sends rate requests per second, from several clients, until the context ends.
func Run(ctx context.Context, url string, rate int) Result {
	var counts counters
	var running sync.WaitGroup
	running.Add(clients)
	for i := 0; i < clients; i++ {
		i := i
		go func() {
			defer running.Done()
			newClient(url, i, &counts).loop(ctx, time.Second*clients/time.Duration(max1(rate)))
		}()
	}
	running.Wait()
	return Result{Requests: counts.requests.Load(), Failed: counts.failed.Load()}
}

func max1(n int) int {
	if n < 1 {
		return 1
	}
	return n
}

type client struct {
	url    string
	number int
	http   *http.Client
	counts *counters
}

func newClient(url string, number int, counts *counters) *client {
	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	return &client{url: url, number: number, http: &http.Client{Transport: transport}, counts: counts}
}

func (c *client) loop(ctx context.Context, interval time.Duration) {
	defer c.http.CloseIdleConnections()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := c.order(ctx, round); err != nil && ctx.Err() == nil {
			c.counts.failed.Add(1)
		}
	}
}

// order places an order and, every other time, asks for it.
func (c *client) order(ctx context.Context, round int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	order := orders.Order{Customer: fmt.Sprintf("customer %d", (round+c.number)%100)}
	for i := 0; i <= round%6; i++ {
		order.Items = append(order.Items, orders.Item{Article: fmt.Sprintf("article %d", i), Amount: i + 1})
	}
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	id, err := c.request(ctx, http.MethodPost, "/order", strings.NewReader(string(body)))
	if err != nil || round%2 == 1 {
		return err
	}
	_, err = c.request(ctx, http.MethodGet, "/order/"+strings.TrimSpace(id), nil)
	return err
}

func (c *client) request(ctx context.Context, method, path string, body io.Reader) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, body)
	if err != nil {
		return "", err
	}
	c.counts.requests.Add(1)
	response, err := c.http.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	return string(text), err
}
