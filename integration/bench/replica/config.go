package replica

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/goccy/go-yaml"
)

// Changes are what is different in a copy of a configuration.
type Changes struct {
	// Public and Ops are where it listens, host:port.
	Public, Ops string
	// Name is its own in the records, which go to the file Records.
	Name, Records string
	// Clients is another clients file; empty for the same.
	Clients string
	// Rings of ES256 instead of the copied ones, or with Keep beside them; nil for none.
	Rings []string
	Keep  bool
}

// Rewrite is the configuration, which stands in dir, with the changes. All times of
// keys are the defaults: what a service does while it is idle is then what it does
// for an operator, not for a demonstration that has somebody wait for a rotation.
func Rewrite(original []byte, dir string, c Changes) ([]byte, error) {
	var all map[string]any
	if err := yaml.Unmarshal(original, &all); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	absolute(all, dir)
	rings, err := withoutTimes(all["rings"])
	if err != nil {
		return nil, err
	}
	if c.Rings != nil && !c.Keep {
		rings = nil
	}
	for _, name := range c.Rings {
		rings = append(rings, map[string]any{"name": name, "algorithm": "ES256"})
	}
	all["rings"] = rings
	delete(all, "keys")
	all["listen"] = map[string]any{"address": c.Public, "drain": "0s"}
	all["ops"] = map[string]any{"address": c.Ops}
	all["audit"] = map[string]any{"stdout": false, "file": c.Records, "replica": c.Name}
	if c.Clients != "" {
		all["clients"] = map[string]any{"file": c.Clients}
	}
	raw, err := yaml.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	return raw, nil
}

// withoutTimes leaves a ring its name and its key.
func withoutTimes(list any) (rings []map[string]any, err error) {
	items, _ := list.([]any)
	for _, item := range items {
		ring, _ := item.(map[string]any)
		for _, key := range []string{"publish_delay", "max_ttl", "rotation_period", "retire_margin"} {
			delete(ring, key)
		}
		rings = append(rings, ring)
	}
	if len(rings) == 0 {
		return nil, errors.New("the configuration has no rings")
	}
	return rings, nil
}

// absolute completes the paths: they are relative to the file they stand in.
func absolute(node any, dir string) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			if path, ok := value.(string); ok && key == "file" && !filepath.IsAbs(path) {
				node[key] = filepath.Join(dir, path)
			}
			absolute(value, dir)
		}
	case []any:
		for _, item := range node {
			absolute(item, dir)
		}
	}
}
