package vaultcheck

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// signs tries each ring: a pinned signature works, an unpinned one is refused.
func (c *check) signs(ctx context.Context, id *identity) error {
	for i := range c.cfg.Rings {
		r := &c.cfg.Rings[i]
		d := c.keys[r.Name]
		if !d.fitsType {
			continue // found already, and what would be refused would be the key
		}
		right := probe(r, d.LatestVersion)
		if err := c.mustWork(ctx, id, c.signPath(r), right); err != nil {
			return err
		}
		if r.Algorithm.Symmetric() {
			if err := c.mustWork(ctx, id, c.paths.Verify(r.Name), verification(r, d.LatestVersion)); err != nil {
				return err
			}
		}
		if id.root() {
			continue
		}
		if err := c.mustBeRefused(ctx, id, c.signPath(r), "sign with whatever version is the latest, which no header can name", unpinned(right)); err != nil {
			return err
		}
	}
	return nil
}

// signPath is where a ring's signatures come from.
func (c *check) signPath(r *vaultkeys.RingConfig) string {
	if r.Algorithm.Symmetric() {
		return c.paths.HMAC(r.Name)
	}
	return c.paths.Sign(r.Name)
}

// verification asks about an HMAC that is not valid: that there is a verdict is enough.
func verification(r *vaultkeys.RingConfig, version int) body {
	return body{
		"input":          ProbeInput(r.Algorithm),
		"hmac":           "vault:v" + strconv.Itoa(max(1, version)) + ":" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"hash_algorithm": vaultkeys.ParamsOf(r.Algorithm, 0).HashAlgorithm,
	}
}

// derives tries the key behind refresh tokens: the one label can be derived,
// pinned; no other, nor unpinned. The HMAC of another label is of no use to
// anybody, for no secret of Signet's is derived from it.
func (c *check) derives(ctx context.Context, id *identity) error {
	d := c.keys[c.cfg.MACKey]
	if !d.fitsType {
		return nil
	}
	right := body{"input": base64.StdEncoding.EncodeToString([]byte(vaultkeys.MACLabel))}.with("key_version", strconv.Itoa(max(1, d.LatestVersion)))
	path := c.paths.HMAC(c.cfg.MACKey)
	if err := c.mustWork(ctx, id, path, right); err != nil || id.root() {
		return err
	}
	wrong := append(unpinned(right), attempt{"another label", right.with("input", base64.StdEncoding.EncodeToString([]byte(ProbeText)))})
	return c.mustBeRefused(ctx, id, path, "derive more than the one secret behind refresh tokens", wrong)
}

// mustWork wants Vault to do what the login needs.
func (c *check) mustWork(ctx context.Context, id *identity, path string, right body) error {
	err := try(ctx, id.conn, path, right)
	if outage(err) != nil {
		return err
	}
	remedy := c.allows(id)
	if err != nil && !refused(err) {
		remedy = "compare the key with the configuration: `vault read " + c.paths.Key(path[strings.LastIndex(path, "/")+1:]) + "`"
	}
	c.judge(err == nil, Fail, path, fmt.Sprintf("Vault refuses the %s what it needs (%v)", id.name, err), remedy)
	return nil
}

// mustBeRefused wants Vault's policy to say no to each; whatever else Vault
// answers, the policy let it through.
func (c *check) mustBeRefused(ctx context.Context, id *identity, path, may string, wrong []attempt) error {
	var through []string
	for _, a := range wrong {
		err := try(ctx, id.conn, path, a.body)
		if outage(err) != nil {
			return err
		}
		if !refused(err) {
			through = append(through, a.what)
		}
	}
	c.judge(len(through) == 0, Fail, path, fmt.Sprintf("the %s may %s: Vault lets %s through (%s)", id.name, may, join(through), id.has()), c.narrow(id))
	return nil
}

// allows is the remedy for a policy that allows too little.
func (c *check) allows(id *identity) string {
	return c.cfg.vaultInit("") + " writes the policy " + id.policy + ", which allows it"
}

// narrow is the remedy for a policy that allows too much.
func (c *check) narrow(id *identity) string {
	return fmt.Sprintf("%s writes the policy %s and its AppRole anew; take every other policy from this login",
		c.cfg.vaultInit("--narrow-policies"), id.policy)
}

var errItem = errors.New("vault answered with an error for the one item of the batch")

// try sends a request and looks for the error that Vault reports inside an
// answer of 200.
func try(ctx context.Context, conn Conn, path string, in any) error {
	var out struct {
		Results []struct {
			Error string `json:"error"`
		} `json:"batch_results"`
	}
	if _, err := conn.Write(ctx, path, in, &out); err != nil {
		return err
	}
	for _, r := range out.Results {
		if r.Error != "" {
			return fmt.Errorf("%w: %s", errItem, r.Error)
		}
	}
	return nil
}

func join(all []string) string { return strings.Join(all, ", ") }

var _ Conn = (*vaultapi.Conn)(nil)
