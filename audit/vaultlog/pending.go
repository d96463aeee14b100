package vaultlog

import "bytes"

// maxPending bounds the bytes of requests that wait for their answers. Vault has
// some hundreds of them at a time; more wait only if answers are missing.
const maxPending = 32 << 20

// waiting is a request whose answer was not seen yet.
type waiting struct {
	file    string
	line    int64
	id      string
	text    []byte
	dropped bool
}

// pending holds them in their order.
type pending struct {
	byID  map[string]*waiting
	queue []*waiting // with dropped ones among them
	size  int
}

func newPending() *pending { return &pending{byID: map[string]*waiting{}} }

func (p *pending) add(file string, before int64, a asked) {
	p.drop(a.id) // an id that comes twice is not Vault's
	one := &waiting{file: file, line: before + a.line, id: a.id, text: bytes.Clone(a.text)}
	p.byID[a.id] = one
	p.queue = append(p.queue, one)
	p.size += len(one.text)
}

func (p *pending) drop(id string) {
	one, ok := p.byID[id]
	if !ok {
		return
	}
	delete(p.byID, id)
	p.size -= len(one.text)
	one.text, one.dropped = nil, true
	if len(p.queue) > 2*len(p.byID)+1024 {
		p.queue = p.all()
	}
}

// excess takes out the oldest one if there are too many, else it is nil.
func (p *pending) excess() *waiting {
	for p.size > maxPending {
		one := p.queue[0]
		p.queue = p.queue[1:]
		if !one.dropped {
			delete(p.byID, one.id)
			p.size -= len(one.text)
			return one
		}
	}
	return nil
}

// all are those that wait, in their order.
func (p *pending) all() []*waiting {
	out := make([]*waiting, 0, len(p.byID))
	for _, one := range p.queue {
		if !one.dropped {
			out = append(out, one)
		}
	}
	return out
}
