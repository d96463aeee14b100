package sharedstate

import (
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Refused reports whether the server answered, and let this user do nothing or
// not that: no waiting mends it.
func Refused(err error) bool {
	reply, ok := errors.AsType[redis.Error](err)
	return ok && slices.ContainsFunc([]string{"WRONGPASS", "NOAUTH", "NOPERM"}, func(prefix string) bool {
		return redis.HasErrorPrefix(reply, prefix)
	})
}

// RefusedRemedy is what to do then.
const RefusedRemedy = "check redis.username and redis.password, and the user's rights against deploy/redis/users.acl; ACL LOG says what was refused"
