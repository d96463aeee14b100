package sharedstate

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

const allSlots = "16384"

// checkClusterNode is what a node says of its cluster.
func checkClusterNode(ctx context.Context, node *redis.Client) []Warning {
	var found []Warning
	warn := func(problem, remedy string) { found = append(found, Warning{Problem: problem, Remedy: remedy}) }
	text, err := node.ClusterInfo(ctx).Result()
	facts := parseFacts(text)
	switch state := facts["cluster_state"]; {
	case err != nil || state == "":
		warn("redis does not tell the state of the cluster", "allow CLUSTER INFO for the ACL user, or make sure that cluster_state is ok")
	case state != "ok":
		warn(fmt.Sprintf("cluster_state is %s: slots that nobody serves, or too few masters that see each other", state), "look at CLUSTER NODES; give every master a replica")
	case facts["cluster_slots_ok"] != allSlots:
		warn(fmt.Sprintf("%s of %s slots are served: the sessions in the others are unavailable", facts["cluster_slots_ok"], allSlots), "look at CLUSTER NODES; give every master a replica")
	}
	coverage, err := node.ConfigGet(ctx, "cluster-require-full-coverage").Result()
	if err == nil && coverage["cluster-require-full-coverage"] == "yes" { // where it is not told it may be either
		warn("cluster-require-full-coverage is yes: one lost slot makes every session unavailable", "set cluster-require-full-coverage no: no script of Signet's needs more than one slot")
	}
	return found
}
