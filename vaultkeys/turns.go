package vaultkeys

// link is a place in a chain, part of what waits there: joining and leaving
// allocate nothing and take the same time wherever it stands.
type link[T any] struct {
	value      T
	prev, next *link[T]
}

// chain is a list that is joined at the end and left anywhere.
type chain[T any] struct{ head, tail *link[T] }

func (c *chain[T]) push(l *link[T]) {
	l.prev, l.next = c.tail, nil
	if c.tail == nil {
		c.head = l
	} else {
		c.tail.next = l
	}
	c.tail = l
}

func (c *chain[T]) pushFront(l *link[T]) {
	l.prev, l.next = nil, c.head
	if c.head == nil {
		c.tail = l
	} else {
		c.head.prev = l
	}
	c.head = l
}

func (c *chain[T]) remove(l *link[T]) {
	if l.prev == nil {
		c.head = l.next
	} else {
		l.prev.next = l.next
	}
	if l.next == nil {
		c.tail = l.prev
	} else {
		l.next.prev = l.prev
	}
	l.prev, l.next = nil, nil
}

// line is what waits for one client, oldest first.
type line[T any] struct {
	chain[T]

	length int
	turn   link[*line[T]] // its place in turns.order, unless it is empty
}

// turns is a waiting list in which clients take turns: one of each, then again,
// however many each has. What belongs to no client comes before all. Every
// method takes constant time. It is not safe for concurrent use.
type turns[T any] struct {
	first line[T] // of no client
	lines map[string]*line[T]
	order chain[*line[T]] // the lines that are not empty; the head's turn is next
}

// push adds l at the end of its client's line.
func (t *turns[T]) push(l *link[T], client string) {
	ln := t.line(client)
	ln.push(l)
	ln.length++
}

// putBack adds l at the head of its client's line. It gives the client no
// earlier turn.
func (t *turns[T]) putBack(l *link[T], client string) {
	ln := t.line(client)
	ln.pushFront(l)
	ln.length++
}

func (t *turns[T]) line(client string) *line[T] {
	if client == "" {
		return &t.first
	}
	ln := t.lines[client]
	if ln == nil {
		if t.lines == nil {
			t.lines = make(map[string]*line[T])
		}
		ln = new(line[T])
		ln.turn.value = ln
		t.lines[client] = ln
		t.order.push(&ln.turn)
	}
	return ln
}

// peek is whose turn it is; nil when nothing waits.
func (t *turns[T]) peek() *link[T] {
	if t.first.head != nil {
		return t.first.head
	}
	if t.order.head == nil {
		return nil
	}
	return t.order.head.value.head
}

// serve takes out what peek returned, and its client's next turn comes after
// everybody else's.
func (t *turns[T]) serve(l *link[T], client string) {
	t.remove(l, client)
	if ln := t.lines[client]; ln != nil {
		t.order.remove(&ln.turn)
		t.order.push(&ln.turn)
	}
}

// remove takes l out without a turn.
func (t *turns[T]) remove(l *link[T], client string) {
	ln := t.line(client)
	ln.remove(l)
	if ln.length--; ln.length == 0 && client != "" {
		t.order.remove(&ln.turn)
		delete(t.lines, client)
	}
}

// waiting is how many wait for a client.
func (t *turns[T]) waiting(client string) int {
	if ln := t.lines[client]; ln != nil {
		return ln.length
	}
	return 0
}
