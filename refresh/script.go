package refresh

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed protocol.lua
var protocolSource string

//go:embed create.lua
var createSource string

//go:embed revoke.lua
var revokeSource string

//go:embed index.lua
var indexSource string

//go:embed notbefore.lua
var notBeforeSource string

// scripts hold only a source and its digest, so stores may share nothing and
// still run the same ones.
type scripts struct{ protocol, create, revoke, index, notBefore *redis.Script }

func newScripts() scripts {
	return scripts{
		protocol: redis.NewScript(protocolSource), create: redis.NewScript(createSource),
		revoke: redis.NewScript(revokeSource), index: redis.NewScript(indexSource), notBefore: redis.NewScript(notBeforeSource),
	}
}

// pipelined is Redis as many callers use it at once, see internal/pipelining.
type pipelined interface {
	redis.Scripter

	// Process gives each command its answer or its error; after an error of its
	// own they are not to be read.
	Process(ctx context.Context, cmds ...redis.Cmder) error
}

type outcome string

// What the protocol script answers.
const (
	outcomeCurrent    outcome = "current"
	outcomeAgain      outcome = "again"
	outcomeGrace      outcome = "grace"
	outcomeForward    outcome = "forward"
	outcomeReuse      outcome = "reuse"
	outcomeRolledBack outcome = "rolled_back"
	outcomeRevoked    outcome = "revoked"
	outcomeOvertaken  outcome = "overtaken" // revoked, for another reason
	outcomeAbsent     outcome = "absent"
	outcomeExpired    outcome = "expired"
	outcomeBad        outcome = "bad"
	outcomeLate       outcome = "late"
)

// verdict is one answer of the protocol script.
type verdict struct {
	outcome outcome
	now     int64   // Redis TIME, milliseconds
	record  *record // nil if there is none that can be read
}

var errMalformedAnswer = errors.New("redis answered a script in an unknown form")

// judge runs the protocol script on a session.
func (s *Store) judge(ctx context.Context, sid, mode string, generation uint32, more ...any) (verdict, error) {
	args := append([]any{
		mode, strconv.FormatUint(uint64(generation), 10), s.grace.Milliseconds(), s.rollbackUntil(),
	}, more...)
	answer, err := s.scripts.protocol.Run(ctx, s.pipelined, []string{keySession + sid}, args...).StringSlice()
	if err != nil {
		return verdict{}, err
	}
	if len(answer) != 3 {
		return verdict{}, errMalformedAnswer
	}
	v := verdict{outcome: outcome(answer[0])}
	if v.now, err = strconv.ParseInt(answer[1], 10, 64); err != nil {
		return verdict{}, fmt.Errorf("%w: %w", errMalformedAnswer, err)
	}
	if answer[2] == "" {
		return v, nil
	}
	// The script has read the head already; where the two disagree, neither is
	// to be trusted.
	r, ok := parseRecord(answer[2])
	if !ok || r.revoked {
		v.outcome = outcomeBad
		return v, nil
	}
	v.record = r
	return v, nil
}

// rollbackUntil is the operator's window after a planned restore, 0 for none.
func (s *Store) rollbackUntil() int64 {
	if s.acceptRollbackUntil.IsZero() {
		return 0
	}
	return s.acceptRollbackUntil.UnixMilli()
}

// bounded gives a call to Redis its deadline. What must be finished is not cut
// short by a caller who has gone away.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout)
}

// resend runs a call that is safe to repeat, and repeats it once if the answer
// was lost on the way: to the caller a lost answer is a lost session.
func (s *Store) resend(ctx context.Context, call func(context.Context) (verdict, error)) (verdict, error) {
	v, err := s.once(ctx, call)
	if err != nil && lostAnswer(err) {
		v, err = s.once(ctx, call)
	}
	return v, err
}

func (s *Store) once(ctx context.Context, call func(context.Context) (verdict, error)) (verdict, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	return call(ctx)
}

// lostAnswer tells a broken or silent connection from an answer that we do not
// like (OOM, READONLY, NOREPLICAS): the server would only repeat that.
func lostAnswer(err error) bool {
	var reply redis.Error
	return !errors.As(err, &reply) && !errors.Is(err, errMalformedAnswer)
}

func millis(t time.Time) int64 { return min(t.UnixMilli(), maxMillis) }
