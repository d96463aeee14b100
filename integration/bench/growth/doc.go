// Package growth holds how costs grow with the size of what they are for against a
// bound: figures at several sizes, the exponent of each, and tables of them.
package growth
