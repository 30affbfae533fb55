package finding

// ofOthers are the kinds of external accounts, and of what is switched off.
func ofOthers() []Entry {
	return []Entry{
		{
			Code: FederationFails, Severity: Page, Title: "An external account that gets no access token",
			Why: "W&B rejects its JWT, so its jobs cannot log in: the subject, the JWT issuer, the audience or the time does not fit, or the file is not renewed.",
			Do:  "Run the command: it says which of W&B's checks fails. Then mend the identity provider, the file, or the account's subject in W&B.",
		},
		{
			Code: IdentityEnds, Severity: Ticket, Title: "A JWT that nobody renews",
			Why: "Jobs that read it cannot log in after its end.",
			Do:  "Find out what should have renewed the file, or let keyrota keep a fresh one there: identity: keep.",
		},
		{
			Code: QuarantinePending, Severity: Ticket, Title: "An account that is to be switched off",
			Why:     "A person wrote state: quarantined or removed. Its owner has until the date to object.",
			Do:      "If it is still needed, write state: active before the date. Else do nothing.",
			Sources: []Advice{cis("5.3"), soc2("CC6.2")},
		},
		{
			Code: UsedWhileOff, Severity: Ticket, Title: "An account that is used although it is switched off",
			Why:     "Either somebody still needs it, or a key of it lives that nobody knows of.",
			Do:      "Ask its owner. If it is needed, write state: active: a key is issued and delivered. If nobody knows who it is, look for keys that nothing explains.",
			Sources: []Advice{cis("5.3"), soc2("CC6.2")},
		},
	}
}

// ofParts are the kinds of what keyrota itself stands on.
func ofParts() []Entry {
	return []Entry{
		{
			Code: StoreFailing, Severity: Ticket, Title: "A secrets manager that fails",
			Why: "Its readers have what they keep, or fail with it; keyrota deletes no key of its accounts and delivers as soon as it is back.",
			Do:  "Run the command: it says whether the name, TLS, the login or a right is in the way.",
		},
		{
			Code: IssuerFailing, Severity: Ticket, Title: "W&B does not answer",
			Why: "Readers have their keys, and cannot log either. No key is created, verified or deleted until it answers.",
			Do:  "Run the command. If W&B itself is down there is nothing to do here: keyrota goes on when it is back.",
		},
		{
			Code: SinkFailing, Severity: Ticket, Title: "A sink that takes no messages",
			Why: "Who is told there hears nothing, also of what would wake them. Messages are kept and sent later.",
			Do:  "Run the command: it sends a sample and says what the answer was.",
		},
		{
			Code: AdminKeyEnds, Severity: Ticket, Title: "An admin key that is refused",
			Why: "Without it no account is listed or made, and accounts rotate by their own keys alone. No reader needs it.",
			Do:  "Have an admin make another key in W&B and put it where the configuration's reference points. It is read anew at the next use.",
		},
		{
			Code: TokenEnds, Severity: Ticket, Title: "A login to a secrets manager that ends",
			Why: "After its end nothing is delivered there, and nothing of its accounts is rotated. Readers have logins of their own.",
			Do:  "Put a fresh token where the configuration's reference points, or log in by a way that renews itself (Kubernetes, AppRole, workload identity).",
		},
	}
}
