package floor

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Argument is that of the program that Start starts: it is to call Run.
const Argument = "floor"

// Process is a running one.
type Process struct {
	// Addr is where it listens, host:port.
	Addr string

	cmd *exec.Cmd
	in  io.Closer
}

// Start starts this program once more, until Stop. document is one line.
func Start(document []byte) (*Process, error) {
	if bytes.ContainsRune(document, '\n') {
		return nil, errors.New("the JWK set is more than one line")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.Command(self, Argument) //nolint:noctx // Stop ends it, and so does the end of this process
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the floor: %w", err)
	}
	p := &Process{cmd: cmd, in: in}
	if _, err = in.Write(append(document, '\n')); err == nil {
		p.Addr, err = bufio.NewReader(out).ReadString('\n')
	}
	if err != nil {
		p.Stop()
		return nil, fmt.Errorf("starting the floor: %w", err)
	}
	p.Addr = strings.TrimSpace(p.Addr)
	return p, nil
}

// PID is its process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stop ends it, and waits for that.
func (p *Process) Stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait()
}
