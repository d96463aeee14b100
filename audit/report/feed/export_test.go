package feed

// Whole is what a report is told of a record.
var Whole = whole
