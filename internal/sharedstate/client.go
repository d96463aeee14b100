package sharedstate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"signet/internal/authorities"
)

// ErrUnavailable means that Redis could not be asked.
var ErrUnavailable = errors.New("redis is unavailable")

// TLS names the files of a TLS connection.
type TLS struct {
	// CACert is a PEM file of the authorities to trust; empty means the system's.
	CACert string
	// Cert and Key are the client's own PEM files, both or neither. They are read
	// anew for each connection, so that a renewal needs no restart.
	Cert, Key string
	// ServerName to expect in the certificate; empty means the host dialled.
	ServerName string
}

// Config describes the Redis to use.
type Config struct {
	// Addresses, host:port: one for a single server, the sentinels with
	// MasterName, some of the nodes with Cluster. Required.
	Addresses []string
	// MasterName is the name that the sentinels know the master by; empty means
	// that there are none.
	MasterName string
	// Cluster says that the addresses are those of a Redis Cluster.
	Cluster bool
	// Username and Password of the ACL user; empty for none.
	Username, Password string
	// SentinelUsername and SentinelPassword are the Sentinels' own ACL user;
	// empty for none, and only with MasterName. A password alone is that of
	// requirepass.
	SentinelUsername, SentinelPassword string
	// TLS; nil means plain TCP.
	TLS *TLS
	// PoolSize bounds the connections to one node; pipelines have 10 more. 0 means 64.
	PoolSize int
}

// The time that anything may take: an answer later than this is no help to a
// caller who is waiting for a token.
const (
	dialTimeout = 500 * time.Millisecond
	ioTimeout   = 300 * time.Millisecond

	// clusterReload is the age at which the map of a cluster's slots is read
	// again. go-redis reads it at once when a node answers MOVED, but a dead
	// primary answers nothing: with its default the sessions of that primary
	// would stay away for up to a minute after a replica took over.
	clusterReload = 500 * time.Millisecond
)

// Client is a connection to Redis, for those who only hand it on.
type Client = redis.UniversalClient

// Open makes the client. It connects when it is first used, so it succeeds
// while Redis is down.
func Open(c Config) (Client, error) {
	switch {
	case len(c.Addresses) == 0:
		return nil, errors.New("opening redis: no address")
	case c.Cluster && c.MasterName != "":
		return nil, errors.New("opening redis: either a cluster or a sentinel's master, not both")
	case !c.Cluster && c.MasterName == "" && len(c.Addresses) > 1:
		return nil, errors.New("opening redis: several addresses need a cluster or a sentinel's master name")
	case c.MasterName == "" && (c.SentinelUsername != "" || c.SentinelPassword != ""):
		return nil, errors.New("opening redis: a user of the sentinels without a sentinel's master name")
	}
	options, err := c.options()
	if err != nil {
		return nil, fmt.Errorf("opening redis: %w", err)
	}
	if c.Cluster {
		cluster := options.Cluster()
		cluster.ClusterStateReloadInterval = clusterReload
		client := redis.NewClusterClient(cluster)
		client.OnNewNode(func(node *redis.Client) { node.AddHook(dialled{}) })
		return client, nil
	}
	client := redis.NewUniversalClient(options)
	client.AddHook(eager{})
	client.AddHook(dialled{})
	return client, nil
}

func (c *Config) options() (*redis.UniversalOptions, error) {
	options := &redis.UniversalOptions{
		Addrs: c.Addresses, MasterName: c.MasterName,
		Username: c.Username, Password: c.Password,
		SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword,
		DialTimeout: dialTimeout, ReadTimeout: ioTimeout, WriteTimeout: ioTimeout, PoolTimeout: ioTimeout,
		// Without this a caller's deadline is ignored.
		ContextTimeoutEnabled: true,
		// The default would send a script again after a lost answer, and hide it.
		// What may be repeated is repeated by whoever knows that it may. (In a
		// cluster the client repeats all the same: every script is idempotent.)
		MaxRetries: -1, DialerRetries: 1,
		PoolSize: c.PoolSize,
		// A pool that is empty fills fast enough so, and all its callers at once would
		// keep each other's handshakes from ending in time.
		MaxConcurrentDials: 8,
		// Our requests and answers are a few hundred bytes; the default is 32 KiB each.
		ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
		// Pipelines have 10 connections of their own, beside PoolSize, and are some
		// hundred such requests; the default is 128 KiB each.
		PipelineReadBufferSize: 64 << 10, PipelineWriteBufferSize: 64 << 10,
		// A plain Redis knows no maintenance notifications.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		// CLIENT SETINFO is unknown before Redis 7.2, which then cannot load an ACL
		// that allows it, and refused where the ACL does not.
		DisableIdentity: true,
		// RESP3 brings pushed messages, of which we want none, and for which each
		// answer is looked at twice.
		Protocol: 2,
	}
	if options.PoolSize == 0 {
		options.PoolSize = 64
	}
	if c.TLS != nil {
		t, err := c.TLS.config()
		if err != nil {
			return nil, err
		}
		options.TLSConfig = t
	}
	return options, nil
}

func (t *TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CACert != "" {
		pool, err := authorities.Load(t.CACert)
		if err != nil {
			return nil, fmt.Errorf("reading the authorities: %w", err)
		}
		c.RootCAs = pool
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("a client certificate needs both its cert and its key file")
	}
	if t.Cert == "" {
		return c, nil
	}
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate: %w", err)
		}
		return &pair, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	return c, nil
}
