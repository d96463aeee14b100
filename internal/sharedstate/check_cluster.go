package sharedstate

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// checkClusterNode is what a node says of its cluster.
func checkClusterNode(ctx context.Context, node *redis.Client) []Warning {
	text, err := node.ClusterInfo(ctx).Result()
	state := parseFacts(text)["cluster_state"]
	if err != nil || state == "" {
		return []Warning{{Problem: "redis does not tell the state of the cluster", Remedy: "allow CLUSTER INFO for the ACL user, or make sure that cluster_state is ok"}}
	}
	if state == "ok" {
		return nil
	}
	problem := fmt.Sprintf("cluster_state is %s: slots without a node, or too few masters that see each other", state)
	switch coverage, err := node.ConfigGet(ctx, "cluster-require-full-coverage").Result(); {
	case err != nil:
	case coverage["cluster-require-full-coverage"] == "yes":
		problem += "; with cluster-require-full-coverage yes every session is unavailable"
	case coverage["cluster-require-full-coverage"] == "no":
		problem += "; with cluster-require-full-coverage no only the sessions in missing slots are unavailable, unless this node is cut off"
	}
	return []Warning{{Problem: problem, Remedy: "look at CLUSTER NODES; give every master a replica"}}
}
