// Package packed opens what the audit commands read, plain or gzip. Which of the
// two it is, the first bytes tell, and not a name. It knows nothing of lines.
package packed
