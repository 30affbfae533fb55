package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// teamFile is a file that include: names: the accounts of one team. It cannot
// say what reaches beyond them, and does not see keyrota's environment, so that
// whoever may change it cannot take more than the team's own.
type teamFile struct {
	// Team that all accounts of this file belong to.
	Team string `yaml:"team" keyrota:"required"`
	settings
	// Accounts are the team's service accounts.
	Accounts []account `yaml:"accounts"`

	path string
}

const onlyRoot = "only the file that includes this one can say this"

// decodeNode refuses what belongs into the root file, each with that reason.
func (f *teamFile) decodeNode(d *decoder, n *node) {
	f.path = n.path
	own, root := d.fieldsOf(reflect.TypeFor[teamFile]()), d.fieldsOf(reflect.TypeFor[document]())
	has := func(all []field, name string) bool {
		return slices.ContainsFunc(all, func(f field) bool { return f.name == name })
	}
	mine := *n
	mine.entries = nil
	for _, e := range n.entries {
		at := d.locate(join(n.path, e.name), e.line, e.column)
		switch {
		case has(own, e.name) || !has(root, e.name):
			mine.entries = append(mine.entries, e)
		case e.name == "include":
			d.add(Error, at, "an included file cannot include others", "write it under include: in "+d.file)
		default:
			d.add(Error, at, onlyRoot, "move it to "+d.file)
		}
	}
	d.decodeStruct(&mine, reflect.ValueOf(f).Elem())
}

// patterns are names of files below the root file's directory, with the
// wildcards of path.Match.
type patterns []string

const includeHint = "write files below the directory of this one, like teams/*.yaml"

func (ps *patterns) decodeNode(d *decoder, n *node) {
	parts := []*node{n}
	if n.kind == kindList {
		parts = n.items
	}
	for _, p := range parts {
		if !d.wants(p, kindScalar, includeHint) {
			continue
		}
		_, err := path.Match(p.text, "")
		if err != nil || !fs.ValidPath(p.text) || !printable(p.text) || strings.Contains(p.text, `\`) {
			d.fault(p, "not the name of files that can be included", includeHint)
			continue
		}
		*ps = append(*ps, p.text)
	}
}

// include adds the accounts of the files that include: names, in the order of
// its patterns and then of their names.
func (d *decoder) include(doc *document, n *node, dir fs.FS) {
	if n == nil || len(doc.Include) == 0 {
		return
	}
	if dir == nil {
		d.errorAt(n.path, "the directory of this file cannot be read, so nothing can be included", "check its permissions")
		return
	}
	at := []*node{n}
	if n.kind == kindList {
		at = slices.DeleteFunc(slices.Clone(n.items), func(p *node) bool { return p.bad })
	}
	taken := map[string]bool{}
	for i, pattern := range doc.Include {
		names, err := matching(dir, pattern)
		switch {
		case err != nil:
			d.errorAt(at[i].path, "a directory that it names cannot be read: "+reasonOf(err), "check its permissions, and that it is no link to outside of the directory of this file")
			continue
		case len(names) == 0:
			d.errorAt(at[i].path, "no file matches", includeHint+"; those whose names begin with a dot are left out")
			continue
		}
		for _, name := range names {
			if name == filepath.Base(d.file) {
				d.errorAt(at[i].path, "it matches this file itself", "keep the files of teams in a directory of their own, like teams/*.yaml")
			} else if !taken[name] {
				taken[name] = true
				d.readTeam(doc, dir, name, at[i].path)
			}
		}
	}
}

// readTeam reads one included file.
func (d *decoder) readTeam(doc *document, dir fs.FS, name, includedAt string) {
	file := filepath.Join(filepath.Dir(d.file), filepath.FromSlash(name))
	data, err := readRegular(dir, name)
	if err != nil {
		d.errorAt(includedAt, file+" cannot be read: "+reasonOf(err), "an included file is a plain file below the directory of this one, and no link to elsewhere")
		return
	}
	d.reads(name, data)
	n := readNodes(d.report, file+fileEnd, data, nil)
	if n == nil {
		return
	}
	f := &teamFile{path: n.path}
	if d.wants(n, kindMapping, "write team: and accounts:") {
		f.decodeNode(d, n)
	}
	if f.Team == "" {
		return
	}
	if !accountName.MatchString(f.Team) {
		d.errorAt(join(n.path, "team"), "not the name of a team", "write it as in the address of the team's page")
		return
	}
	doc.files = append(doc.files, f)
	for i, a := range f.Accounts {
		a.path, a.file = fmt.Sprintf("%s.accounts[%d]", n.path, i), f
		d.ownAccount(&a)
		doc.Accounts = append(doc.Accounts, a)
	}
}

// ownAccount holds an account of a team's file to that team.
func (d *decoder) ownAccount(a *account) {
	if a.Team != "" && a.Team != a.file.Team {
		d.errorAt(a.path+".team", "the accounts of this file belong to the team at its top", "remove the line, or move the account to that team's file")
	}
	a.Team = a.file.Team
	if a.Scope == ScopeOrganization {
		d.errorAt(a.path+".scope", "organization scope reaches every team, so only the root file can give it", "move the account to "+d.file)
		a.Scope = ScopeTeam
	}
}

// readRegular reads a plain file, so that no pipe or device is waited for.
func readRegular(dir fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(dir, name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a plain file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("it has more than %d MiB", maxFile>>20)
	}
	return fs.ReadFile(dir, name)
}

// matching returns the names that match, sorted. Unlike fs.Glob it says when a
// directory cannot be read: its accounts would seem to have left.
func matching(dir fs.FS, pattern string) ([]string, error) {
	above, last := path.Split(pattern)
	above = strings.TrimSuffix(above, "/")
	in := []string{"."}
	if above != "" {
		var err error
		if in, err = matching(dir, above); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, in := range in {
		if !strings.ContainsAny(last, `*?[`) {
			name := path.Join(in, last)
			if _, err := fs.Stat(dir, name); err == nil || !errors.Is(err, fs.ErrNotExist) {
				names = append(names, name) // why it cannot be read is told when it is
			}
			continue
		}
		if info, err := fs.Stat(dir, in); err == nil && !info.IsDir() {
			continue
		}
		entries, err := fs.ReadDir(dir, in)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(last, ".")
			if ok, _ := path.Match(last, e.Name()); ok && !hidden {
				names = append(names, path.Join(in, e.Name()))
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

// reasonOf is why a file cannot be read, without its name, which a message
// says already.
func reasonOf(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return err.Error()
}
