package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// overlap settles how long an old key stays: as written, else the built-in
// default or as long as the account's jobs and readers need, whichever is
// longer.
func (r resolver) overlap(a *Account, layers []layer, writeDeadline time.Duration) {
	longest, longestAt := innermost(layers, func(l layer) *LongestJob { return l.LongestJob })
	a.LongestJob = valueOr(longest, LongestJob{})
	var cache, written time.Duration
	writtenAt := ""
	for _, d := range a.Deliver {
		cache = max(cache, d.Cache)
		if !d.presetCache && d.Cache > written {
			written, writtenAt = d.Cache, d.path+".cache"
		}
	}
	overlap, at := innermost(layers, func(l layer) *time.Duration { return l.Overlap })
	a.Overlap = valueOr(overlap, max(defaultOverlap, a.LongestJob.Duration+cache+writeDeadline))
	if need := a.LongestJob.Duration + written + writeDeadline; a.Overlap < need {
		// The place is the innermost of the fields that disagree: an outer
		// overlap may be right for other accounts.
		where, sum := []string{at + ".overlap"}, ""
		if a.LongestJob.Duration > 0 {
			where, sum = append(where, longestAt+".longest_job"), "longest_job "+FormatDuration(a.LongestJob.Duration)+" + "
		}
		if written > 0 {
			where, sum = append(where, writtenAt), sum+"cache "+FormatDuration(written)+" + "
		}
		for _, l := range layers {
			if i := slices.IndexFunc(where, func(p string) bool { return strings.HasPrefix(p, l.path+".") }); i >= 0 {
				r.errorAt(where[i], fmt.Sprintf("%soverlap is %s, shorter than %swrite_deadline %s: a reader could be left with a deleted key",
					within(at), FormatDuration(a.Overlap), sum, FormatDuration(writeDeadline)),
					"write overlap: "+FormatDuration(need)+" or more")
				break
			}
		}
	} else {
		r.adviseReaders(a, at, longest != nil, writeDeadline)
	}
	most, at := innermost(layers, func(l layer) *time.Duration { return l.MaxOverlap })
	a.MaxOverlap = max(a.Overlap, valueOr(most, 2*a.Overlap))
	if most != nil && *most < a.Overlap {
		r.errorAt(at+".max_overlap", "shorter than the overlap of "+FormatDuration(a.Overlap), "write "+FormatDuration(a.Overlap)+" or more")
	}
}

// within names the place of settings before one of them: "defaults.", and
// nothing for those of a whole file.
func within(path string) string {
	if path = shown(path); path == "" {
		return ""
	}
	return path + "."
}

// adviseReaders warns of readers that may need a key for longer than it stays.
// What a preset says of its reader is true of most, not of all: no error.
func (r resolver) adviseReaders(a *Account, overlapAt string, longestWritten bool, writeDeadline time.Duration) {
	beside := "write_deadline " + FormatDuration(writeDeadline)
	if a.LongestJob.Duration > 0 {
		beside = "longest_job " + FormatDuration(a.LongestJob.Duration) + " and " + beside
	}
	for _, d := range a.Deliver {
		at := d.path + ".reader"
		if need := a.LongestJob.Duration + d.Cache + writeDeadline; d.presetCache && a.Overlap < need {
			r.warnAt(at, fmt.Sprintf("%s may keep a key for %s; with %s that is longer than %soverlap, which is %s",
				d.Reader, FormatDuration(d.Cache), beside, within(overlapAt), FormatDuration(a.Overlap)),
				"write overlap: "+FormatDuration(need)+" or more, or cache: here, with how long yours keeps one")
		}
		if d.process && !longestWritten {
			r.warnAt(at, "this reader holds the key for as long as its process runs, and longest_job is not written", "write longest_job: and how long one runs, or forever")
		}
	}
}
