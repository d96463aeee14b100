package main

import (
	"context"
	"fmt"
)

// lists are requests for listLength tokens at once. They are compared with as many
// requests for one, at lowLevel.
const (
	lists      = "list of 1,000"
	listLength = 1000
)

// addLists has one user in each place of the list.
func addLists(ctx context.Context, s *stack, all map[string]series) error {
	var tokens []map[string]string
	for i := range listLength {
		tokens = append(tokens, map[string]string{"subject": fmt.Sprintf("user:%04d", i)})
	}
	request, err := s.toSignet(ctx, "/v1/tokens", map[string]any{"tokens": tokens})
	all[lists] = several(s.host("SIGNET_URL"), request, accessToken, listLength)
	return err
}
