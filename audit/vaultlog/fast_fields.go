package vaultlog

// The members of a line, one function for each object. None of them minds the
// order.

func (f *fields) top(c *cursor) {
	if c.peek() != '{' {
		c.bad = true
		return
	}
	var seen uint
	for name := c.next(); name != nil; name = c.next() {
		switch string(name) {
		case "auth":
			c.once(&seen, 0)
			f.auth(c)
		case "error":
			c.once(&seen, 1)
			f.err = c.text()
		case "request":
			c.once(&seen, 2)
			if c.peek() == '{' {
				f.hasRequest = true
				f.requestMembers(c)
			} else {
				c.skip(1)
			}
		case "response":
			c.once(&seen, 3)
			f.responseMembers(c)
		case "time":
			c.once(&seen, 4)
			f.time = c.text()
		case "type":
			c.once(&seen, 5)
			f.kind = c.text()
		default:
			c.skip(1)
		}
	}
}

func (f *fields) auth(c *cursor) {
	if c.peek() != '{' {
		c.skip(1)
		return
	}
	var seen uint
	for name := c.next(); name != nil; name = c.next() {
		switch string(name) {
		case "accessor":
			c.once(&seen, 0)
			f.accessor = c.text()
		case "entity_id":
			c.once(&seen, 1)
			f.entityID = c.text()
		case "display_name":
			c.once(&seen, 2)
			f.displayName = c.text()
		case "token_type":
			c.once(&seen, 3)
			f.tokenType = c.text()
		case "policies":
			c.once(&seen, 4)
			f.policies = c.value()
		default:
			c.skip(2)
		}
	}
}

// requestMembers reads from the brace of the request, or from any comma in it,
// to its end.
func (f *fields) requestMembers(c *cursor) {
	var seen uint
	for name := c.next(); name != nil; name = c.next() {
		switch string(name) {
		case "data":
			c.once(&seen, 0)
			f.request.members(c)
		case "id":
			c.once(&seen, 1)
			f.id = c.text()
		case "operation":
			c.once(&seen, 2)
			f.operation = c.text()
		case "path":
			c.once(&seen, 3)
			f.path = c.text()
		case "namespace":
			c.once(&seen, 4)
			f.namespace = c.namespacePath()
		case "mount_point":
			c.once(&seen, 5)
			f.mountPoint = c.text()
		case "mount_type":
			c.once(&seen, 6)
			f.mountType = c.text()
		case "remote_address":
			c.once(&seen, 7)
			f.remoteAddr = c.text()
		case "remote_port":
			c.once(&seen, 8)
			f.remotePort = c.text()
		default:
			c.skip(2)
		}
	}
}

func (c *cursor) namespacePath() (path []byte) {
	if c.peek() != '{' {
		c.skip(2)
		return nil
	}
	var seen uint
	for name := c.next(); name != nil; name = c.next() {
		if string(name) == "path" {
			c.once(&seen, 0)
			path = c.text()
		} else {
			c.skip(3)
		}
	}
	return path
}

func (r *request) members(c *cursor) {
	from := c.i
	if c.peek() != '{' {
		r.data = c.value()
		return
	}
	var seen uint
	for name := c.next(); name != nil; name = c.next() {
		switch string(name) {
		case "batch_input":
			c.once(&seen, 0)
			r.batchInput(c)
		case "input":
			c.once(&seen, 1)
			r.input = c.text()
		case "reference":
			c.once(&seen, 2)
			r.reference = c.text()
		case "key_version":
			c.once(&seen, 3)
			r.keyVersion = c.text()
		default:
			c.skip(3)
		}
	}
	r.data = c.b[from:c.i:c.i]
}

func (r *request) batchInput(c *cursor) {
	if c.peek() != '[' {
		c.skip(3)
		return
	}
	r.batch = true
	for c.element() {
		var one input
		if c.peek() != '{' {
			c.skip(4)
			r.inputs = append(r.inputs, one)
			continue
		}
		var seen uint
		for name := c.next(); name != nil; name = c.next() {
			switch string(name) {
			case "input":
				c.once(&seen, 0)
				one.input = c.text()
			case "reference":
				c.once(&seen, 1)
				one.reference = c.text()
			default:
				c.skip(5)
			}
		}
		r.inputs = append(r.inputs, one)
	}
}

func (f *fields) responseMembers(c *cursor) {
	if c.peek() != '{' {
		c.skip(1)
		return
	}
	var seen uint
	for name := c.next(); name != nil; name = c.next() {
		if string(name) == "data" {
			c.once(&seen, 0)
			f.response.members(c)
		} else {
			c.skip(2)
		}
	}
}

func (r *response) members(c *cursor) {
	from := c.i
	if c.peek() != '{' {
		r.data = c.value()
		return
	}
	var seen uint
	for name := c.next(); name != nil; name = c.next() {
		if string(name) == "batch_results" {
			c.once(&seen, 7)
			r.batchResults(c)
		} else {
			r.single.member(c, name, &seen)
		}
	}
	r.data = c.b[from:c.i:c.i]
}

func (r *response) batchResults(c *cursor) {
	if c.peek() != '[' {
		c.skip(3)
		return
	}
	r.batch = true
	var before alike
	for c.element() {
		one, n := before.read(c.b[c.i:])
		if c.i += n; n == 0 {
			one = c.result(&before)
		}
		r.results = append(r.results, one)
	}
}

// result reads one item of the results.
func (c *cursor) result(before *alike) (one output) {
	if c.peek() != '{' {
		c.skip(4)
		return one
	}
	begin, signature := c.i, 0
	var seen uint
	for name := c.next(); name != nil; name = c.next() {
		if string(name) == "signature" {
			signature = c.i + 1 - begin // behind its quote
		}
		one.member(c, name, &seen)
	}
	if !c.bad {
		before.learn(c.b[begin:c.i], signature, one)
	}
	return one
}

func (o *output) member(c *cursor, name []byte, seen *uint) {
	switch string(name) {
	case "signature":
		c.once(seen, 0)
		o.signature = c.text()
	case "hmac":
		c.once(seen, 1)
		o.mac = c.text()
	case "key_version":
		c.once(seen, 2)
		o.keyVersion = c.text()
	case "error":
		c.once(seen, 3)
		o.err = c.text()
	default:
		c.skip(5)
	}
}
