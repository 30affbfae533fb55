package postgrestest

import (
	"database/sql"
	"strings"
	"testing"
)

func TestAServerKeepsWhatItAnswered(t *testing.T) {
	s := Start(t)
	at := s.Fresh(t)
	if at == s.Fresh(t) {
		t.Error("one database for two")
	}
	s.Exec(t, "test_1", `CREATE TABLE kept (n INTEGER)`, `INSERT INTO kept VALUES (1)`)
	for name, end := range map[string]func() error{"stopped": s.Stop, "killed": s.Kill} {
		if err := end(); err != nil {
			t.Fatal(name, err)
		}
		if err := s.Start(); err != nil {
			t.Fatal(name, err)
		}
		for _, at := range []string{at, s.Socket("test_1")} {
			db, err := sql.Open("pgx", at)
			if err != nil {
				t.Fatal(err)
			}
			var n int
			if err := db.QueryRow(`SELECT count(*) FROM kept`).Scan(&n); err != nil || n != 1 {
				t.Errorf("%s: %d, %v", name, n, err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestOneUserNeedsAPassword(t *testing.T) {
	s := Start(t)
	s.Exec(t, "postgres", `CREATE ROLE guarded LOGIN PASSWORD '`+Password+`'`)
	at := strings.Replace(s.URL("postgres"), "keyrota@", "guarded@", 1)
	for url, welcome := range map[string]bool{
		at: false,
		strings.Replace(at, "guarded@", "guarded:"+Password+"@", 1): true,
	} {
		db, err := sql.Open("pgx", url)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Ping(); (err == nil) != welcome {
			t.Errorf("welcome %v: %v", welcome, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
