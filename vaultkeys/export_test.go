package vaultkeys

import "context"

// Parsers of outside bytes, for the fuzz targets.
var (
	ParseHMAC     = parseHMAC
	VersionNumber = versionNumber
)

// AlarmMessages is the log line of every kind of alarm; "" where there is none.
func AlarmMessages() map[string]string {
	lines := map[string]string{}
	for _, kind := range alarmKinds {
		lines[string(kind)] = messages[kind]
	}
	return lines
}

// KIDNotes is what Run does with a replica's notes each interval, step by step.
func KIDNotes(r *Rings) (round func(context.Context)) { return newKIDNotes(r).round }

// ReadUsual is what a reply in its usual form says.
func ReadUsual(data []byte) (reply any, ok bool) {
	r := &batchReply{}
	return r, r.ReadUsual(data)
}

// EmptyReply is for encoding/json to fill.
func EmptyReply() any { return &batchReply{} }
