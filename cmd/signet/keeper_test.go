package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

// TestKeeper: it logs in by itself, is ready once it has read the rings, and
// ends at once. What it does to rings is package keeper's to test.
func TestKeeper(t *testing.T) {
	t.Parallel()
	fake, vault := transit(t)
	fake.Seal(true)
	all, _ := files(t, vault, miniredis.RunT(t).Addr(), "drain: 0s")
	all["signet.yaml"] += "keeper: {vault: {auth: {method: token_file, token_file: keeper-token}}}\n" +
		"keys: {refresh_interval: 50ms}\n"
	all["keeper-token"] = "hvs.KEEPER"
	delete(all, "token") // a host that serves no tokens has no right to sign
	delete(all, "clients.yaml")
	r := startCommand(t, "", "keeper", "--config", dir(t, all), "--ops-address", "127.0.0.1:0")
	r.listens()
	r.until("it has tried", func() bool { return strings.Contains(r.log.String(), "keeper: failing") })
	for path, want := range map[string]int{"/livez": 200, "/readyz": 503, "/readyz/sign": 404, "/metrics": 200} {
		if code := r.probe(path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	fake.Seal(false)
	r.until("it is ready", func() bool { return r.probe("/readyz") == 200 })
	if code, err := r.do(http.MethodGet, "http://"+r.ops+"/.well-known/jwks.json", nil); code != 404 || err != nil {
		t.Errorf("it serves keys: %d, %v", code, err)
	}
	r.stop()
	if code := r.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(r.log.String(), "hvs.") {
		t.Error("its token is in the log")
	}
}

func TestKeeperWithoutSection(t *testing.T) {
	t.Parallel()
	_, vault := transit(t)
	all, _ := files(t, vault, "127.0.0.1:1", "drain: 0s")
	r := startCommand(t, "", "keeper", "--config", dir(t, all))
	if code := r.ended(); code != exitFailed || !strings.Contains(r.log.String(), "has no keeper section: write `keeper:") {
		t.Errorf("exit code %d:\n%s", code, r.log)
	}
}

// TestServeKeeps: with the section a replica keeps its rings too, under the
// keeper's login.
func TestServeKeeps(t *testing.T) {
	t.Parallel()
	_, vault := transit(t)
	all, secret := files(t, vault, miniredis.RunT(t).Addr(), "drain: 0s")
	all["signet.yaml"] += "keeper: {vault: {auth: {method: token_file, token_file: keeper-token}}}\n"
	all["keeper-token"] = "hvs.KEEPER"
	r := start(t, dir(t, all), secret)
	r.listens()
	r.until("it is ready", func() bool { return r.probe("/readyz") == 200 })
	r.until("the keeper has read the ring", func() bool {
		page := r.page("/metrics")
		return strings.Contains(page, `signet_keeper_last_read_timestamp_seconds{ring="signet-es256"}`) &&
			strings.Contains(page, `signet_vault_requests_total{login="keeper",operation="read_key",result="ok"}`)
	})
	r.stop()
	if code := r.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// page is the body of a path of the ops listener, empty if there is none.
func (r *replica) page(path string) string {
	response, err := r.client.Get("http://" + r.ops + path) //nolint:noctx // bounded by the client
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	var body strings.Builder
	if _, err := io.Copy(&body, response.Body); err != nil {
		return ""
	}
	return body.String()
}
