// Package auditlog reads W&B's audit log as a stream, however long it is, in
// memory that does not grow with it.
//
// The log comes in two forms, and Read tells them apart: one JSON object with
// the entries in an array (W&B docs, audit logs: audit_logs, range_start_time,
// range_end_time, count, next_cursor), and JSON objects one a line. Either may be
// compressed with gzip, as files in a bucket often are.
//
// Nothing of the log is repeated in an error.
package auditlog
