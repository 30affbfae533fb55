package finding

func ofEstate() []Entry {
	return []Entry{
		{
			Code: NotManaged, Severity: Report, Title: "An account that is in W&B, and not in the configuration",
			Why:     "Nobody rotates its keys, nobody is named for it, and nobody would miss it.",
			Do:      "Find its owner: keyrota discover finds in which secrets its keys are. Write it down with the lines below, and run the command; manage: observe changes nothing. If nobody needs it, remove it in W&B.",
			Sources: []Advice{practice("Documentation"), cis("5.5"), soc2("CC6.1")},
		},
		{
			Code: NotAtPlatform, Severity: Ticket, Title: "An account that is in the configuration, and not in W&B",
			Why:     "Somebody removed it there, its name or team is misspelt, or nobody has made it yet. With an account go its keys.",
			Do:      "Find out who removed it. Make it in W&B, correct its name, or take it out of the configuration.",
			Sources: []Advice{practice("Documentation"), cis("5.5")},
		},
		{
			Code: LeftUnattended, Severity: Ticket, Title: "An account that left the configuration",
			Why:     "Its keys work on, and nobody rotates them. keyrota deletes nothing because of a line that is missing.",
			Do:      "Put it back; or, if nobody needs it, remove it in W&B, delete its secrets with keyrota prune, and give its record up with keyrota forget.",
			Sources: []Advice{cis("5.5"), owasp("NHI1 Improper Offboarding")},
		},
		{
			Code: NoOwner, Severity: Report, Title: "An account without an owner",
			Why:     "When something is wrong with it, nobody can be asked, and nobody hears of it.",
			Do:      "Write under owner: whom to contact, in the account, in its team or in defaults.",
			Sources: []Advice{practice("Documentation"), cis("5.5")},
		},
		{
			Code: NoPurpose, Severity: Report, Title: "An account whose purpose is not written",
			Why:     "Nobody can judge whether it is still needed, or what breaks without it.",
			Do:      "Write under purpose: what it is for.",
			Sources: []Advice{practice("Documentation"), cis("5.5")},
		},
		{
			Code: ReviewOverdue, Severity: Ticket, Title: "An account whose review is overdue",
			Why:     "Somebody has to look from time to time whether it is still needed and reaches no more than it should.",
			Do:      "Look at its use, its scope and who reads its key, and write under reviewed: the day.",
			Sources: []Advice{practice("Regular audits"), cis("5.5"), soc2("CC6.3")},
		},
		{
			Code: NameConvention, Severity: Report, Title: "An account whose name is against the convention",
			Why:     "In W&B's audit log and on its pages the name is all that people see of it.",
			Do:      "When it is next replaced, give its successor a name that says what it is for, like ci-model-training.",
			Sources: []Advice{practice("Naming conventions")},
		},
		{
			Code: RestrictedAway, Severity: Ticket, Title: "A project that an account is declared for and cannot write to",
			Why:     "An account is in no restricted project by itself, whatever its scope.",
			Do:      "Have an admin of the project add the account to it, or correct the project's name in the configuration.",
			Sources: []Advice{trouble("Access denied to restricted projects")},
		},
		{
			Code: AttributionAway, Severity: Report, Title: "Runs are to be credited to somebody who is not in the team",
			Why:     "W&B then ignores it, and the runs show the account as their user.",
			Do:      "Add the person to the account's team, or correct WANDB_USERNAME or WANDB_USER_EMAIL.",
			Sources: []Advice{practice("User attribution"), trouble("User attribution not working")},
		},
		{
			Code: EntityMismatch, Severity: Ticket, Title: "WANDB_ENTITY is not the account's team",
			Why:     "Its runs land in another team, or are refused there.",
			Do:      "Write the account's own team, or have its jobs use an account of the other team.",
			Sources: []Advice{practice("Environment configuration"), trouble("Runs not appearing")},
		},
	}
}
