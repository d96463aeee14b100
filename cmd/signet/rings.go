package main

import (
	"signet/config"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

// ringConfigs are the configuration's rings, with all of their policy.
func ringConfigs(cfg *config.Config) []vaultkeys.RingConfig {
	rings := make([]vaultkeys.RingConfig, 0, len(cfg.Rings))
	for _, r := range cfg.Rings {
		rings = append(rings, vaultkeys.RingConfig{
			Name: r.Name, Algorithm: r.Algorithm, RSABits: r.RSABits,
			Policy: lifecycle.Policy{
				PublishDelay: r.PublishDelay, MaxTTL: r.MaxTTL, RotationPeriod: r.RotationPeriod, RetireMargin: r.RetireMargin,
				RefreshInterval: cfg.Keys.RefreshInterval, ClockSkew: cfg.Keys.ClockSkew,
			},
		})
	}
	return rings
}

func ringNames(cfg *config.Config) []string {
	names := make([]string, 0, len(cfg.Rings))
	for _, r := range cfg.Rings {
		names = append(names, r.Name)
	}
	return names
}

func algorithmNames(all []signer.Algorithm) []string {
	names := make([]string, 0, len(all))
	for _, a := range all {
		names = append(names, string(a))
	}
	return names
}
