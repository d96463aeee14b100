package vaultkeys

// Parsers of outside bytes, for the fuzz targets.
var (
	ParseHMAC     = parseHMAC
	ParsePublic   = parsePublic
	VersionNumber = versionNumber
	ClockOffset   = clockOffset
)
