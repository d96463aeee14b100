// Package strictyaml reads a YAML file that a person wrote and that decides
// about security: unknown keys, duplicate keys, values of the wrong kind and
// every rule of the caller's are reported all at once, each with its line, the
// field's path and what to write instead.
//
// It is not a YAML decoder: no reflection, no struct tags, no anchors, aliases,
// tags or merge keys, no second document. A caller asks a Map for the keys that
// it knows; what nobody asked for is unknown.
package strictyaml
