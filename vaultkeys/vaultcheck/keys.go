package vaultcheck

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

// keyData is a key as Vault reads it out, with what only an imported one has.
type keyData struct {
	vaultkeys.KeyData

	Imported        bool  `json:"imported_key"`
	MayBeRotated    *bool `json:"imported_key_allow_rotation"`
	found, fitsType bool
}

// key is a transit key of the configuration.
type key struct {
	name, setting string
	algorithm     signer.Algorithm // "" for the one behind refresh tokens
	want          string           // the transit type
}

func (c *check) allKeys() []key {
	all := make([]key, 0, len(c.cfg.Rings)+1)
	for _, r := range c.cfg.Rings {
		all = append(all, key{name: r.Name, setting: "rings", algorithm: r.Algorithm, want: vaultkeys.ParamsOf(r.Algorithm, r.RSABits).KeyType})
	}
	return append(all, key{name: c.cfg.MACKey, setting: "refresh.mac_key", want: "hmac"})
}

// readKeys reads every key as the issuer.
func (c *check) readKeys(ctx context.Context, id *identity) error {
	for _, k := range c.allKeys() {
		d, err := c.readKey(ctx, id, k)
		if err != nil {
			return err
		}
		c.keys[k.name] = d
	}
	return nil
}

// readKey reads and judges one key. Vault's clock is judged by the first answer.
func (c *check) readKey(ctx context.Context, id *identity, k key) (d keyData, err error) {
	path := c.paths.Key(k.name)
	sent := c.cfg.Now()
	meta, err := id.conn.Read(ctx, path, &d)
	received := c.cfg.Now()
	switch {
	case outage(err) != nil:
		return d, err
	case errors.Is(err, vaultapi.ErrNotFound):
		c.judge(false, Fail, path, "the key does not exist, or nothing is mounted there", c.cfg.vaultInit("")+" makes it")
		return d, nil
	case err != nil:
		c.judge(false, Fail, path, fmt.Sprintf("the %s may not read it (%v)", id.name, err), c.allows(id))
		return d, nil
	}
	c.clock(sent, received, meta.Date)
	d.found, d.fitsType = true, d.Type == k.want
	c.flags(path, k, &d)
	c.age(path, &d)
	return d, nil
}

// flags judges what a key may be and may allow.
func (c *check) flags(path string, k key, d *keyData) {
	another := fmt.Sprintf("Vault cannot undo that: write another key name under %s in %s, then run %s", k.setting, c.cfg.ConfigPath, c.cfg.vaultInit("--narrow-policies"))
	unfit := d.Unfit(k.want)
	for _, problem := range unfit {
		c.judge(false, Fail, path, problem, another)
	}
	if len(unfit) == 0 {
		c.report.Passed++
	}
	c.judge(!d.DeletionAllowed, Warn, path, "may be deleted by whoever has the right: deletion_allowed is true", c.cfg.vaultInit("")+" sets it back to false")
	c.judge(!d.Imported, Warn, path, "was imported, so its private key has been outside Vault", another)
	if d.Imported && d.MayBeRotated != nil {
		c.judge(*d.MayBeRotated, Fail, path, "was imported without allow_rotation, so Vault cannot make a new version of it", another)
	}
}

// age judges the newest version; an hmac key does not tell its versions' ages.
func (c *check) age(path string, d *keyData) {
	v, ok := d.Keys[strconv.Itoa(d.LatestVersion)]
	if !ok || v.CreationTime.IsZero() {
		return
	}
	age := c.cfg.Now().Sub(v.CreationTime)
	c.judge(age <= lifecycle.Cryptoperiod, Warn, path, fmt.Sprintf("its newest version %d is %d days old: a signing key lives two years at most", d.LatestVersion, int(age.Hours()/24)),
		fmt.Sprintf("rotate it: `vault write -f %s/rotate`, as keeper or operator", path))
}

// clock judges this host's clock by Vault's, once.
func (c *check) clock(sent, received, date time.Time) {
	if c.clockSeen {
		return
	}
	c.clockSeen = true
	const where = "clock"
	if date.IsZero() {
		c.judge(false, Unknown, where, "Vault's answer has no Date header, so the clocks were not compared", "let the proxy before Vault pass the header Date")
		return
	}
	off := vaultkeys.ClockOffset(sent, received, date)
	side := "ahead of"
	if off < 0 {
		side = "behind"
	}
	c.judge(off.Abs() <= c.cfg.ClockSkew, Fail, where,
		fmt.Sprintf("this host is %s %s Vault, clock_skew is %s: it would not sign", off.Abs().Round(time.Millisecond), side, c.cfg.ClockSkew),
		"run NTP on this host and on Vault's; check again after it has set the clock")
}

// names joins what a finding lists, the first few of many.
func names(all []string) string {
	const most = 4
	if len(all) <= most {
		return join(all)
	}
	return fmt.Sprintf("%s and %d more", join(all[:most]), len(all)-most)
}
