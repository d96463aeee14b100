package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// result is one round: completed exchanges a second and their latencies.
type result struct {
	rate     float64
	p50, p99 time.Duration
}

// load runs n connections in a closed loop for the given time. Every exchange
// must succeed: a benchmark of errors measures nothing.
func load(ctx context.Context, n int, length time.Duration, makeRequest func(context.Context) (*http.Request, error)) (result, error) {
	transport := &http.Transport{MaxIdleConns: n, MaxIdleConnsPerHost: n, MaxConnsPerHost: n, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	warm := time.Now().Add(length / 5)
	end := warm.Add(length)

	latencies := make([][]time.Duration, n)
	errs := make([]error, n)
	var workers sync.WaitGroup
	for i := range n {
		workers.Go(func() { latencies[i], errs[i] = loop(ctx, client, warm, end, makeRequest) })
	}
	workers.Wait()
	var all []time.Duration
	for i := range n {
		if errs[i] != nil {
			return result{}, errs[i]
		}
		all = append(all, latencies[i]...)
	}
	if len(all) == 0 {
		return result{}, fmt.Errorf("no exchange finished within %s", length)
	}
	slices.Sort(all)
	return result{
		rate: float64(len(all)) / length.Seconds(),
		p50:  all[len(all)/2],
		p99:  all[len(all)*99/100],
	}, nil
}

func loop(ctx context.Context, client *http.Client, warm, end time.Time, makeRequest func(context.Context) (*http.Request, error)) ([]time.Duration, error) {
	var latencies []time.Duration
	for {
		begin := time.Now()
		if begin.After(end) {
			return latencies, nil
		}
		req, err := makeRequest(ctx)
		if err != nil {
			return nil, err
		}
		if err := exchange(client, req); err != nil {
			return nil, err
		}
		if done := time.Now(); begin.After(warm) && !done.After(end) {
			latencies = append(latencies, done.Sub(begin))
		}
	}
}

func exchange(client *http.Client, req *http.Request) error {
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("asking %s: %w", req.URL.Host, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading from %s: %w", req.URL.Host, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, resp.Status, body)
	}
	return nil
}
