package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// await polls until the probe succeeds, and says with what it failed last when
// it does not within the bound, or when the child ends first.
func await(ctx context.Context, bound time.Duration, k *child, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-k.done:
			return k.ended()
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%s is not ready after %s: %w; the end of %s:\n%s", k.name, bound, err, k.log, tail(k.log, 4000))
			}
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// pingRedis asks in Redis's own protocol (RESP: an array of one bulk string),
// which for one command needs no client.
func pingRedis(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("connecting to redis: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return fmt.Errorf("setting a deadline: %w", err)
	}
	if _, err := io.WriteString(conn, "*1\r\n$4\r\nPING\r\n"); err != nil {
		return fmt.Errorf("writing to redis: %w", err)
	}
	answer := make([]byte, 7)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return fmt.Errorf("reading from redis: %w", err)
	}
	if string(answer) != "+PONG\r\n" {
		return fmt.Errorf("redis answers PING with %q", answer) // e.g. -LOADING
	}
	return nil
}

// getOK fails unless a GET answers 200.
func getOK(ctx context.Context, client *http.Client, target string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return fmt.Errorf("building the request: %w", err)
	}
	_, err = send(client, req)
	return err
}

// firstToken asks for a real token, the proof that everything works together.
func firstToken(ctx context.Context, client *http.Client, base, id, secret string) error {
	form := url.Values{"grant_type": {"client_credentials"}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/oauth2/token", strings.NewReader(form))
	if err != nil {
		return fmt.Errorf("building the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(id, secret)
	raw, err := send(client, req)
	if err != nil {
		return err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("decoding the token endpoint's answer: %w", err)
	}
	if answer.AccessToken == "" {
		return errors.New("the token endpoint answered 200 without a token")
	}
	return nil
}

// send returns the body of a 200 answer.
func send(client *http.Client, req *http.Request) ([]byte, error) {
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking signet: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading signet's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s: %s", req.URL.Path, resp.Status, strings.TrimSpace(string(raw)))
	}
	return raw, nil
}
