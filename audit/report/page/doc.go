// Package page draws a report as one HTML file that needs nothing else: no
// script, no font, no image from anywhere. It is read on a screen of any width,
// light or dark, on paper, and aloud: each plot has its numbers in a table.
//
// It decides nothing: what is counted and what is judged is package report's.
package page
