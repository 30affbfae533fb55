// Package survey puts together what people should know. A sweep shows where each
// account stands; the ledger tells since when, and what is known of use; and what
// takes a call for each account or team is checked now and then (Checker) and kept
// until the next time. Make folds all of it into findings, which package report
// writes down and package notify tells people.
//
// It deletes and delivers nothing. What it keeps is in documents of the ledger,
// which hold no key, and which are made again when they are lost.
//
//	checks, err := survey.Checker{…}.Check(ctx)          // every few hours
//	s, err := survey.Surveyor{…}.Make(ctx, swept, entries) // after every sweep
package survey
