package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"example.com/took"
)

func load(stdin *bufio.Scanner, address string, connections int) error {
	url := "http://" + address
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	logs := make([]*took.Log, connections)
	for i := range logs {
		logs[i] = new(took.Log)
		go ask(client, url, logs[i])
	}
	fmt.Println("READY")
	for stdin.Scan() {
		var from, to int64
		if _, err := fmt.Sscan(stdin.Text(), &from, &to); err != nil {
			return err
		}
		fmt.Println("TOOK", took.Between(logs, from, to))
	}
	return nil
}

// ask makes one request after the other; one that fails makes all figures worthless.
func ask(client *http.Client, url string, log *took.Log) {
	for {
		began := time.Now()
		if err := get(client, url); err != nil {
			fmt.Fprintln(os.Stderr, "web:", err)
			os.Exit(1)
		}
		log.Add(time.Since(began))
	}
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
