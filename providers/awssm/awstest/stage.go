package awstest

import (
	"slices"
	"time"
)

// detach takes a label off whichever version has it, and returns that version's id.
func (s *secret) detach(stage string) string {
	v := s.labelled(stage)
	if v == nil {
		return ""
	}
	s.replace(v.id, func(v *version) {
		v.stages = slices.DeleteFunc(v.stages, func(x string) bool { return x == stage })
	})
	return v.id
}

// move attaches a label to a version, and takes it off the one that had it. With
// AWSCURRENT, AWSPREVIOUS goes where AWSCURRENT came from. AWS answers labels in
// alphabetical order.
func (s *secret) move(stage, id string) {
	from := s.detach(stage)
	s.replace(id, func(v *version) {
		v.stages = append(v.stages, stage)
		slices.Sort(v.stages)
	})
	if stage == current && from != "" && from != id {
		s.move(previous, from)
	}
}

// labels is how many labels are attached in all.
func (s *secret) labels() int {
	n := 0
	for _, v := range s.versions {
		n += len(v.stages)
	}
	return n
}

// prune removes the oldest versions without labels while there are more than
// 100, but none younger than a day.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
func (s *secret) prune(now time.Time) {
	excess := len(s.versions) - keptVersions
	s.versions = slices.DeleteFunc(s.versions, func(v *version) bool {
		if excess <= 0 || len(v.stages) > 0 || now.Sub(v.created) < 24*time.Hour {
			return false
		}
		excess--
		return true
	})
}

func (s *secret) stagesByVersion() map[string][]string {
	all := map[string][]string{}
	for _, v := range s.versions {
		if len(v.stages) > 0 {
			all[v.id] = v.stages
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
