package finding

import "slices"

// Catalogue returns every kind of finding, in the order of the runbook.
func Catalogue() []Entry {
	return slices.Concat(ofUse(), ofEstate(), ofKeys(), ofOthers(), ofParts())
}

// Kind looks up a kind of finding; ok is false for a code that there is not.
func Kind(code Code) (e Entry, ok bool) {
	all := Catalogue()
	i := slices.IndexFunc(all, func(e Entry) bool { return e.Code == code })
	if i < 0 {
		return Entry{}, false
	}
	return all[i], true
}

// Codes returns the codes of every kind of finding.
func Codes() []string {
	var codes []string
	for _, e := range Catalogue() {
		codes = append(codes, string(e.Code))
	}
	return codes
}

// The documents whose advice the findings map to, each as it was read.

func cis(section string) Advice { return Advice{Document: "CIS Controls v8", Section: section} }

// cisAWS speaks of IAM users of AWS: alike, and not the same.
func cisAWS(section string) Advice {
	return Advice{Document: "CIS AWS Foundations 7.0.0", Section: section, Analogy: true}
}

func soc2(section string) Advice { return Advice{Document: "SOC 2", Section: section} }

func owasp(section string) Advice {
	return Advice{Document: "OWASP Non-Human Identities Top 10 2025", Section: section}
}

// practice is of W&B's page "Use service accounts to automate workflows".
func practice(section string) Advice {
	return Advice{Document: "W&B service accounts, best practices", Section: section}
}

// trouble is of the same page, and of W&B's support article about it.
func trouble(section string) Advice {
	return Advice{Document: "W&B service accounts, troubleshooting", Section: section}
}
