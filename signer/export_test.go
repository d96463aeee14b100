package signer

import "errors"

// VerifyJWS is the part of Verify that the Wycheproof vectors exercise: taking
// the token apart, the header, the algorithm of the key, the signature. Their
// payloads are no claims and their headers bear no typ. mac checks HS256.
func VerifyJWS(token string, key Key, mac func(input, tag []byte) bool) error {
	c, err := split(token)
	if err != nil {
		return err
	}
	h, err := parseHeader(c.header)
	if err != nil {
		return err
	}
	if h.alg != string(key.Algorithm) {
		return errKeyType
	}
	if key.Algorithm.Symmetric() {
		if !mac(c.input, c.signature) {
			return errors.New("wrong tag")
		}
		return nil
	}
	return CheckSignature(key, c.input, c.signature)
}
