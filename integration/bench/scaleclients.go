package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"signet/clients"
	"signet/integration/bench/growth"
	"signet/integration/bench/loadgen"
	"signet/integration/bench/procstat"
	"signet/integration/bench/replica"
)

const (
	// inForceWithin is how long a changed clients file may take.
	inForceWithin = 30 * time.Second
	askEvery      = 10 * time.Millisecond
)

// clientsFile is the stack's clients file with more clients, each as
// `signet client new` spells it.
type clientsFile struct {
	path, text string
	stack      *stack
	secrets    []string // of the clients after the stack's own
}

func (b *scaleBench) newClientsFile(n int) (*clientsFile, error) {
	raw, err := os.ReadFile(filepath.Join(b.stack.dir, "clients.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading the stack's clients: %w", err)
	}
	f := &clientsFile{path: filepath.Join(b.clientsDir(), fmt.Sprintf("clients-%d.yaml", n)), text: string(raw), stack: b.stack}
	for range n - 1 {
		if err := f.add(); err != nil {
			return nil, err
		}
	}
	return f, f.write()
}

func (f *clientsFile) id(i int) string { return fmt.Sprintf("service-%d", i) }

// add is one more client at the end, which is not written yet.
func (f *clientsFile) add() error {
	secret, hash, err := clients.NewSecret()
	if err != nil {
		return err
	}
	entry, err := clients.Entry{
		ID: f.id(len(f.secrets)), Secrets: []string{hash}, Grants: []string{"client_credentials"}, Audiences: []string{"https://api.example.com"},
	}.YAML()
	f.text += entry
	f.secrets = append(f.secrets, secret)
	return err
}

// write replaces the file at once, as operators should.
func (f *clientsFile) write() error {
	next := f.path + ".new"
	if err := os.WriteFile(next, []byte(f.text), 0o600); err != nil {
		return fmt.Errorf("writing a clients file: %w", err)
	}
	if err := os.Rename(next, f.path); err != nil {
		return fmt.Errorf("writing a clients file: %w", err)
	}
	return nil
}

// requests are for a token of each client.
func (f *clientsFile) requests(ctx context.Context) ([][]byte, error) {
	var all [][]byte
	for i := -1; i < len(f.secrets); i++ {
		request, err := f.request(ctx, i)
		if err != nil {
			return nil, err
		}
		all = append(all, request)
	}
	return all, nil
}

// request: -1 is the stack's own client.
func (f *clientsFile) request(ctx context.Context, i int) ([]byte, error) {
	s := f.stack
	if i >= 0 {
		s = s.with(map[string]string{"SIGNET_CLIENT_ID": f.id(i), "SIGNET_CLIENT_SECRET": f.secrets[i]})
	}
	return s.forToken(ctx)
}

// byClients has more and more clients in the file, and all of them ask in turn.
func (b *scaleBench) byClients(ctx context.Context, sizes scaleSizes) error {
	axis := &growth.Axis{Name: "clients in the file", Note: fmt.Sprintf("`client_credentials` over %d connections, all clients in turn; the file changes by one more client at its end", mainLevel)}
	for _, n := range sizes.clients {
		file, err := b.newClientsFile(n)
		if err != nil {
			return err
		}
		err = b.serving(ctx, 1, replica.Changes{Clients: file.path}, func(last starts) error {
			requests, err := file.requests(ctx)
			if err != nil {
				return err
			}
			s := tokensInTurn(b.replicas[0].Public, requests)
			rounds, err := b.load(ctx, fmt.Sprintf("clients: %d", n), s, mainLevel)
			if err != nil {
				return err
			}
			changed, err := b.inForce(ctx, file)
			if err != nil {
				return err
			}
			left, err := b.memoryLeft(ctx)
			if err != nil {
				return err
			}
			p := axis.At(n)
			b.costs(p, p.Flat, rounds)
			p.Cost("until ready, ms", 1, milliseconds(last.ready))
			p.Cost("until a changed file is in force, ms", 1, milliseconds(changed))
			p.Cost("resident memory, MB", 1, signetMemory(rounds))
			p.Cost("resident memory after the change, MB", 1, left)
			return nil
		})
		if err != nil {
			return err
		}
	}
	b.done(axis)
	return nil
}

// memoryLeft is what the first replica keeps, in MB, when it has read a file and has
// had a second to give back what it needed for that.
func (b *scaleBench) memoryLeft(ctx context.Context) (float64, error) {
	if err := pause(ctx, time.Second); err != nil {
		return 0, err
	}
	u, err := procstat.Read(b.replicas[0].PID())
	return float64(u.Resident) / (1 << 20), err
}

// inForce adds a client and waits until it gets a token.
func (b *scaleBench) inForce(ctx context.Context, file *clientsFile) (time.Duration, error) {
	if err := file.add(); err != nil {
		return 0, err
	}
	request, err := file.request(ctx, len(file.secrets)-1)
	if err != nil {
		return 0, err
	}
	if err := file.write(); err != nil {
		return 0, err
	}
	began := time.Now()
	for {
		_, err := loadgen.Once(ctx, b.replicas[0].Public, request)
		took := time.Since(began)
		if err == nil {
			return took, nil
		}
		if took > inForceWithin {
			return 0, fmt.Errorf("a client that was added to the file had no token within %s: %w", inForceWithin, err)
		}
		if err := pause(ctx, askEvery); err != nil {
			return 0, err
		}
	}
}
