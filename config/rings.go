package config

import "time"

// MaxTTLs maps the name of each ring to its max_ttl.
func (c *Config) MaxTTLs() map[string]time.Duration {
	all := make(map[string]time.Duration, len(c.Rings))
	for _, r := range c.Rings {
		all[r.Name] = r.MaxTTL
	}
	return all
}

// LongestTTL is the longest max_ttl of all rings: no access token lives longer.
func (c *Config) LongestTTL() (longest time.Duration) {
	for _, r := range c.Rings {
		longest = max(longest, r.MaxTTL)
	}
	return longest
}
