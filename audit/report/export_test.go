package report

// DimensionNames are all dimensions that a report may have, in its order.
var DimensionNames = order
