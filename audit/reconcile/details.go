package reconcile

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"signet/audit/records"
)

// detail is what a finding tells of a record.
type detail struct {
	place                       records.Place
	seq                         uint64
	time                        uint64 // of the record
	replica, jti, client, where string
	requestID                   string
}

// details are in a file: what the declarations of a batch have in common, and
// then each of them. An entry is its length, and then numbers and texts.
type details struct {
	file  *blobs
	batch []byte // the entries of a batch, which goes to the file at its end
	time  uint64 // of the batch's first record
}

// begin begins the entries of a batch.
func (d *details) begin(replica string, requestID []byte, b *batch) {
	d.time = b.items[0].time
	d.batch = append(d.batch[:0], 0, 0, 0, 0)
	d.batch = append(binary.AppendUvarint(d.batch, uint64(len(replica))), replica...)
	d.batch = append(binary.AppendUvarint(d.batch, uint64(len(requestID))), requestID...)
	d.batch = binary.AppendUvarint(d.batch, d.time)
	d.measure(0)
}

// add gives the place at which the entry of a declaration will stand.
func (d *details) add(b *batch, p *pending) int64 {
	from := len(d.batch)
	e := append(d.batch, 0, 0, 0, 0)
	e = binary.AppendUvarint(e, uint64(from))
	e = binary.AppendUvarint(e, uint64(max(0, p.place.File)))
	e = binary.AppendUvarint(e, uint64(max(0, p.place.Line)))
	e = binary.AppendUvarint(e, p.seq)
	e = binary.AppendUvarint(e, p.time-d.time)               // modulo 2^64, like the sum of both
	e = binary.AppendUvarint(e, uint64(p.jti.to-p.jti.from)) //nolint:gosec // G115: a length
	e = append(e, b.bytes(p.jti)...)
	e = binary.AppendUvarint(e, uint64(p.client.to-p.client.from)) //nolint:gosec // G115: a length
	d.batch = append(e, b.bytes(p.client)...)
	d.measure(from)
	return d.file.at + int64(from)
}

// measure puts the length of an entry before it.
func (d *details) measure(from int) {
	binary.LittleEndian.PutUint32(d.batch[from:], uint32(len(d.batch)-from-4)) //nolint:gosec // G115: a record has at most a megabyte
}

// end writes the entries of a batch.
func (d *details) end() error {
	_, err := d.file.add(d.batch)
	return err
}

// find reads an entry back, and that of its batch.
func (d *details) find(at int64) (out detail, err error) {
	in, err := d.open(at)
	if err != nil {
		return out, err
	}
	batch := at - int64(in.number())                                          //nolint:gosec // G115: written from an int64
	out.place = records.Place{File: int(in.number()), Line: int(in.number())} //nolint:gosec // G115: written from ints
	out.seq, out.time = in.number(), in.number()
	out.jti, out.client = in.text(), in.text()
	of, err := d.open(batch)
	if err != nil {
		return out, err
	}
	out.replica, out.requestID = of.text(), of.text()
	out.time += of.number()
	if in.err == nil {
		in.err = of.err
	}
	return out, in.err
}

func (d *details) open(at int64) (*entry, error) {
	var length [4]byte
	if err := d.file.read(at, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.LittleEndian.Uint32(length[:]))
	if err := d.file.read(at+4, b); err != nil {
		return nil, err
	}
	return &entry{Reader: bytes.NewReader(b)}, nil
}

// entry is read from its beginning.
type entry struct {
	*bytes.Reader

	err error
}

func (e *entry) number() uint64 {
	n, err := binary.ReadUvarint(e)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("reading a temporary file: %w", err)
	}
	return n
}

func (e *entry) text() string {
	text := make([]byte, min(e.number(), uint64(e.Len()))) //nolint:gosec // G115: a length is not negative
	_, _ = e.Read(text)                                    // no more than there is
	return string(text)
}
