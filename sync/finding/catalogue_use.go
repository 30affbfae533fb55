package finding

func ofUse() []Entry {
	return []Entry{
		{
			Code: Unused, Severity: Ticket, Title: "An account that nobody uses",
			Why: "A key that nobody needs can only be misused, and nobody would notice. " +
				"The judgement is of the account, never of one key, and is made only where nothing could hide a use.",
			Do:      "Ask its owner. If nobody needs it, write state: quarantined: its keys are deleted after a waiting period, and its secrets stay. If it is used seldom, write under rhythm: how far apart.",
			Sources: []Advice{practice("Regular audits"), cis("5.3"), cisAWS("2.11"), soc2("CC6.2"), owasp("NHI1 Improper Offboarding")},
		},
		{
			Code: NeverUsed, Severity: Ticket, Title: "An account that was never used since its key was delivered",
			Why:     "Either it was made for something that never came, or its jobs work with another account or with a person's key.",
			Do:      "Ask its owner which key its jobs really use. If nobody needs the account, write state: quarantined.",
			Sources: []Advice{practice("Regular audits"), cis("5.3"), cisAWS("2.11"), owasp("NHI1 Improper Offboarding")},
		},
		{
			Code: UsageUnknown, Severity: Report, Title: "An account of which nobody can tell whether it is used",
			Why: "A gap in what was read, runs that are credited to a person, use through Weave alone, or a project that cannot be seen leave no trace of the account. " +
				"It is never called unused for that.",
			Do:      "Close the gap that is named, or have its owner say from time to time that it is needed, and write the day under reviewed: each time.",
			Sources: []Advice{practice("Regular audits")},
		},
		{
			Code: ProposeOff, Severity: Ticket, Title: "An account that can be switched off",
			Why:     "It was idle for longer than propose_quarantine_after. keyrota never switches anything off by itself.",
			Do:      "If its owner agrees, commit the lines below. Nothing happens before the waiting period is over, a use seen meanwhile stops it, and the secrets stay.",
			Sources: []Advice{practice("Regular audits"), cis("5.3"), cisAWS("2.11"), soc2("CC6.2"), owasp("NHI1 Improper Offboarding")},
		},
		{
			Code: SecretUnread, Severity: Report, Title: "A secret that nobody reads",
			Why:     "A copy of a live key that serves nobody is one more place to lose it from; or its readers have the key from elsewhere, and will fail after the next rotation.",
			Do:      "Find out where its readers have the key from. If there are none, take the destination out of deliver: and release it.",
			Sources: []Advice{practice("Use a secrets manager")},
		},
		{
			Code: ScopeTooWide, Severity: Report, Title: "Organization scope where the use shows one team",
			Why:     "An account of organization scope reaches every project of every team that is not restricted. Whoever gets its key does, too.",
			Do:      "Make an account of team scope, deliver its key to the same destinations, and remove this one. If organization scope is needed, say why in reason: and acknowledge this.",
			Sources: []Advice{practice("Principle of least privilege"), soc2("CC6.3"), owasp("NHI5 Overprivileged NHI")},
		},
		{
			Code: SeveralPurposes, Severity: Report, Title: "An account that is used for several purposes",
			Why:     "Nobody can tell from the audit log which of them did something, and none can be switched off alone.",
			Do:      "Give each workflow an account of its own. If it is one workflow, name its projects in the configuration.",
			Sources: []Advice{practice("Unique service accounts per use case"), owasp("NHI9 NHI Reuse")},
		},
		{
			Code: SharedKey, Severity: Report, Title: "One key in several hands",
			Why:     "If one of them loses it, all of them must change it, and nobody can tell who it was.",
			Do:      "Give each system an account, and a secret, of its own.",
			Sources: []Advice{practice("Unique service accounts per use case"), owasp("NHI9 NHI Reuse")},
		},
		{
			Code: FailedLogins, Severity: Ticket, Title: "Requests of an account are refused",
			Why:     "A job has an old key, lacks a right, or somebody is trying what they may not. The log names no key and no reason.",
			Do:      "Run the command: it tries the account's live key and says which of W&B's cases it is. If the key works, a job has another one: look at how it reads its secret.",
			Sources: []Advice{practice("Error handling"), trouble("“Unauthorized” errors")},
		},
		{
			Code: UsageUnavailable, Severity: Ticket, Title: "A source of evidence cannot be read",
			Why:     "What it would have shown is missing, so that unused accounts cannot be told from used ones.",
			Do:      "Give the credential the right that is named, or write under usage: that the source is off, so that its absence is a decision.",
			Sources: []Advice{practice("Regular audits")},
		},
	}
}
