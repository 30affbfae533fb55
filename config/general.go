package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var instanceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// general checks what holds for the whole file.
func (r resolver) general() {
	if v := r.doc.Version; v != nil && *v != 1 {
		r.errorAt("version", "this version of the format is not known", "write version: 1, or use a newer keyrota")
	}
	if r.place("instance") != r.place("") && !instanceName.MatchString(r.doc.Instance) {
		r.errorAt("instance", "not a name for an instance", "write up to 40 lower case letters, digits and -, like prod")
	}
}

func (r resolver) wandb() WandB {
	w := r.doc.WandB
	if !printable(w.UserAgent) || len(w.UserAgent) > 256 {
		r.errorAt("wandb.user_agent", "not a user agent", "write one line of text")
	}
	if !printable(w.Organization) || strings.ContainsAny(w.Organization, "/ ") {
		r.errorAt("wandb.organization", "not the name of an organization", "write it as in the address of its page")
	}
	return WandB{
		URL:          r.url(valueOr(w.URL, defaultURL)),
		Organization: w.Organization,
		AdminKey:     valueOr(w.AdminKey, Reference{}),
		UserAgent:    w.UserAgent,
	}
}

// url checks the server's address. Over plain HTTP every key would be there to
// read, so it is for this machine only.
func (r resolver) url(s string) string {
	const path = "wandb.url"
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		r.errorAt(path, "not the address of a server", "write url: https://HOST")
	case u.User != nil:
		r.errorAt(path, "an address with a password in it", "write url: https://HOST, and admin_key: for the key")
	case u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/graphql"):
		r.errorAt(path, "not the base address of a server", "write url: https://HOST without /graphql, ? and #")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		r.errorAt(path, "plain HTTP would show every key to the network", "write https://")
	}
	return strings.TrimRight(s, "/")
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// ledger returns the path as written, else the one in the user's state
// directory (XDG Base Directory Specification).
func (r resolver) ledger() string {
	if p := r.doc.Ledger.Path; p != "" {
		return p
	}
	if r.place("ledger") != r.place("") {
		return ""
	}
	dir := ""
	if d, _ := r.env("XDG_STATE_HOME"); filepath.IsAbs(d) {
		dir = d
	} else if home, _ := r.env("HOME"); filepath.IsAbs(home) {
		dir = filepath.Join(home, ".local", "state")
	}
	if dir == "" {
		r.errorAt("ledger", "no place for the ledger: neither XDG_STATE_HOME nor HOME is set", "write ledger: /var/lib/keyrota/ledger.db")
		return ""
	}
	return filepath.Join(dir, "keyrota", r.doc.Instance+".db")
}

func (r resolver) listen() string {
	l := valueOr(r.doc.Listen, defaultListen)
	if l == "off" {
		return ""
	}
	_, port, err := net.SplitHostPort(l)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n > 65535 {
		r.errorAt("listen", "not an address to listen on", "write listen: 127.0.0.1:9464, or off")
	}
	return l
}

func (r resolver) workers() int {
	n := valueOr(r.doc.Workers, defaultWorkers)
	if n < 1 || n > maxWorkers {
		r.errorAt("workers", "not a possible number of workers", fmt.Sprintf("write a number from 1 to %d", maxWorkers))
	}
	return n
}

func (r resolver) atLeast(path string, written *time.Duration, fallback, least time.Duration) time.Duration {
	d := valueOr(written, fallback)
	if d < least {
		r.errorAt(path, "too short", "write "+FormatDuration(least)+" or more")
	}
	return d
}
