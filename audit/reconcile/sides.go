package reconcile

import "errors"

// splitBoth splits a part that is too large on both sides, and goes on with what
// comes of it.
func splitBoth(a, b *spill, i, parts int, next func(a, b *spill) error) error {
	smallA, err := a.split(i, parts)
	if err != nil {
		return err
	}
	smallB, err := b.split(i, parts)
	if err != nil {
		smallA.close()
		return err
	}
	return next(smallA, smallB)
}

// sides are what is joined, in parts by the same ids.
type sides struct{ signed, declared, anchors *spill }

func (s *sides) all() [3]*spill { return [3]*spill{s.signed, s.declared, s.anchors} }

func (s *sides) close() {
	for _, one := range s.all() {
		if one != nil {
			one.close()
		}
	}
}

func (s *sides) drop(i int) (err error) {
	for _, one := range s.all() {
		err = errors.Join(err, one.drop(i))
	}
	return err
}

// split splits a part that is too large.
func (s *sides) split(i, parts int) (small sides, err error) {
	for n, to := range []**spill{&small.signed, &small.declared, &small.anchors} {
		if *to, err = s.all()[n].split(i, parts); err != nil {
			small.close()
			return small, err
		}
	}
	return small, nil
}
