package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/keyrota/keyrota/config"
	"github.com/keyrota/keyrota/rotation"
	"github.com/keyrota/keyrota/sync/inventory"
)

// line is one destination as it is proposed, in YAML.
type line struct {
	text string
	read string // when the place was last read, where its store tells
	kept bool   // by another tool, it seems
	note string // for people: what to look at
	why  string // it is a comment only, since a person must decide
}

// propose writes how each place of an account's keys would be delivered to, and
// takes back what the configuration would not load.
func (d *discovery) propose(v *discoveredView) {
	for _, f := range v.found {
		l := d.line(f, "")
		if l.why == "" {
			if err := d.leads(l, f.at); err != nil {
				l.why = err.Error()
				if alone := d.line(f, ", exclusive: true"); f.at.Field != "" && d.leads(alone, f.at) == nil {
					l.text, l.why = alone.text, "only if nobody else writes this secret, since its store has no way to write one field on condition"
				}
			}
		}
		v.lines = append(v.lines, l)
	}
	if v.Result != resultProposed {
		return
	}
	if _, err := d.loads(accountLines(v.Name, v.owner, v.lines)); err != nil {
		v.Result, v.Ref, v.Why = resultUndecided, "", err.Error()
	}
}

// line proposes one destination, with settings besides those that follow from
// what was found.
func (d *discovery) line(f *foundKey, settings string) line {
	l := line{read: f.lastRead()}
	switch f.form {
	case formRaw:
		if f.at.Field == "password" {
			l.note = "perhaps an Airflow connection: its other fields stay as they are"
		}
	case formEnv:
		fields := scalar(f.name) + ": " + config.KeyVariable
		var others []string
		for _, name := range f.lines {
			if name == "WANDB_ENTITY" || name == "WANDB_BASE_URL" { // every account has them
				fields += ", " + name + ": " + name
			} else {
				others = append(others, name)
			}
		}
		settings += ", format: " + string(config.FormatEnv) + ", fields: {" + fields + "}"
		if len(others) > 0 {
			l.why = "the file is written as a whole, and has other lines too (" + strings.Join(others, ", ") + "): add them to env: and fields:, or deliver elsewhere"
		}
	case formURI:
		settings += ", format: " + string(config.FormatAirflowConnection) + ", style: " + string(config.StyleURI) +
			", conn_type: " + scalar(strings.ReplaceAll(f.scheme, "-", "_"))
		l.note = "the connection is written as a whole: login, host and extra will be keyrota's"
	case formObject:
		l.why = "the key is in an object inside another: write a template for it, or have it in a field of its own"
	default:
		l.why = "the key is in the midst of other text: write a template for it, or have it in a field of its own"
	}
	l.text = destinationLine(f.at, settings)
	whose := ""
	switch {
	case f.mark != (rotation.Mark{}) && f.mark.Instance != d.config.Instance:
		l.why = "another keyrota keeps it: see who runs the instance " + f.mark.Instance
	case f.mark != (rotation.Mark{}):
		whose = "this instance delivered it once"
	case f.owner != "":
		l.kept = true
		whose = "kept by " + f.owner + ", it seems: ask there before it is rotated"
	}
	if l.note != "" && whose != "" {
		whose += "; "
	}
	l.note = whose + l.note
	if taken := d.taken(f.at); taken != "" {
		l.why = taken
	}
	if hidden := d.hide.Replace(l.text); hidden != l.text {
		l.text, l.why = hidden, "the key is in the place's own name: rename it"
	}
	l.note, l.why = d.hide.Replace(l.note), d.hide.Replace(l.why)
	return l
}

// destinationLine writes a destination, in short where it has no settings.
func destinationLine(at rotation.Destination, settings string) string {
	if settings == "" {
		return scalar(at.String())
	}
	text := "{store: " + scalar(at.Store) + ", path: " + scalar(at.Path)
	if at.Field != "" {
		text += ", field: " + scalar(at.Field)
	}
	return text + settings + "}"
}

// taken says what in the configuration a place is used for already.
func (d *discovery) taken(at rotation.Destination) string {
	for _, a := range d.config.Accounts {
		if d.delivers(a, at) {
			return "the configuration delivers the key of " + a.Ref + " there: one of the two is wrong"
		}
	}
	references := []config.Reference{d.config.WandB.AdminKey}
	for _, t := range d.config.Teams {
		references = append(references, t.AdminKey)
	}
	for _, r := range references {
		if r.Kind == config.FromStore && d.covers(config.Destination{Store: r.Store, Path: r.Path, Field: r.Field}, at) {
			return "keyrota's own credential is there"
		}
	}
	return ""
}

// accountLines is an account as it is written under accounts:, with what of its
// lines is no comment.
func accountLines(name string, a rotation.Account, lines []line) []string {
	text := []string{"  - name: " + scalar(name)}
	if a.Scope == rotation.ScopeOrganization {
		text = append(text, "    scope: organization")
		if a.Team != "" {
			text = append(text, "    default_team: "+scalar(a.Team))
		}
	} else {
		text = append(text, "    team: "+scalar(a.Team))
	}
	text = append(text, "    manage: "+string(config.Observe))
	begun := false
	for _, l := range lines {
		if l.why != "" {
			continue
		}
		if !begun {
			text, begun = append(text, "    deliver:"), true
		}
		text = append(text, "      - "+l.text)
	}
	return text
}

// leads reports why a line would not lead to a place, if so.
func (d *discovery) leads(l line, at rotation.Destination) error {
	a, err := d.loads(accountLines("any", rotation.Account{Team: "any"}, []line{l}))
	if err != nil {
		return err
	}
	if len(a.Deliver) != 1 || a.Deliver[0].Path != at.Path || a.Deliver[0].Field != at.Field {
		return errors.New("the configuration would take something in its name for a template: rename it")
	}
	return nil
}

// loads returns an account as it would load beside the stores that there are, or
// why it would not: by the rules of the configuration and of the stores
// themselves.
func (d *discovery) loads(account []string) (config.Account, error) {
	text := "instance: any\nledger: any\nstores:\n"
	for _, name := range d.config.StoreNames() {
		text += fmt.Sprintf("  %s: {type: %s}\n", name, scalar(d.config.Stores[name].Type))
	}
	text += "accounts:\n" + strings.Join(account, "\n") + "\n"
	c, problems := config.Parse("proposal", []byte(text), config.Options{})
	if errs := problems.Errors(); len(errs) > 0 {
		return config.Account{}, errors.New(words(errs[0].Message, errs[0].Hint))
	}
	_, err := inventory.Build(c, d.providers, "")
	var refused *inventory.Refusal
	if errors.As(err, &refused) {
		err = refused.Err
	}
	return c.Accounts[0], err
}

func words(message, hint string) string {
	if hint == "" {
		return message
	}
	return message + " (" + hint + ")"
}

var (
	plainScalar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./#:-]*$`)
	yamlWords   = []string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
)

// scalar writes text as YAML that no quotes, colons or variables in it change.
func scalar(text string) string {
	if plainScalar.MatchString(text) && !strings.HasSuffix(text, ":") && !slices.Contains(yamlWords, strings.ToLower(text)) {
		return text
	}
	return strconv.Quote(strings.ReplaceAll(text, "${", "$${"))
}
