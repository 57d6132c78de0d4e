package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sort"
	"sync"
	"time"
)

// reply is what a request allocates for; its handler also sends and spawns.
type reply struct {
	ID    int
	Names []string
}

// serve answers HTTP on the loopback, and says where: SERVING ADDRESS. `cpu` as a request tells what it used so far.
func serve(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", answer)
	mux.HandleFunc("/cpu", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, cpuTime()) })
	go http.Serve(listener, mux)
	fmt.Println("SERVING", listener.Addr())
	return nil
}

func answer(w http.ResponseWriter, _ *http.Request) {
	names := make(chan string, 8)
	go func() {
		for i := 0; i < cap(names); i++ {
			names <- fmt.Sprint("name ", i)
		}
		close(names)
	}()
	made := reply{ID: 1}
	for name := range names {
		made.Names = append(made.Names, name)
	}
	json.NewEncoder(w).Encode(made)
}

// load asks a server, from several connections at once, and tells what that took:
// LOADED REQUESTS SERVER_CPU_NS WALL_NS P50_NS P99_NS.
func load(line string) error {
	var address string
	var connections, milliseconds int
	if _, err := fmt.Sscanf(line, "load %s %d %d", &address, &connections, &milliseconds); err != nil {
		return err
	}
	url := "http://" + address
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	cpu, err := serverCPU(client, url)
	if err != nil {
		return err
	}
	began := time.Now()
	took := ask(client, url, connections, began.Add(time.Duration(milliseconds)*time.Millisecond))
	elapsed := time.Since(began)
	after, err := serverCPU(client, url)
	if err != nil {
		return err
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	at := func(q float64) int64 { return took[int(q*float64(len(took)-1))].Nanoseconds() }
	fmt.Println("LOADED", len(took), after-cpu, elapsed.Nanoseconds(), at(0.5), at(0.99))
	return nil
}

func ask(client *http.Client, url string, connections int, end time.Time) []time.Duration {
	var lock sync.Mutex
	var all []time.Duration
	var running sync.WaitGroup
	for i := 0; i < connections; i++ {
		running.Add(1)
		go func() {
			defer running.Done()
			var took []time.Duration
			for time.Now().Before(end) {
				began := time.Now()
				if get(client, url) == nil {
					took = append(took, time.Since(began))
				}
			}
			lock.Lock()
			all = append(all, took...)
			lock.Unlock()
		}()
	}
	running.Wait()
	return append(all, 0)[:max(len(all), 1)]
}

func get(client *http.Client, url string) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return err
}

func serverCPU(client *http.Client, url string) (nanoseconds int64, err error) {
	response, err := client.Get(url + "/cpu")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = fmt.Fscan(response.Body, &nanoseconds)
	return nanoseconds, err
}
