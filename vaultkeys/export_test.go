package vaultkeys

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
