package finding

func ofKeys() []Entry {
	return []Entry{
		{
			Code: DeadKey, Severity: Page, Title: "A secret without a key that works",
			Why: "Whoever reads it now cannot log in. keyrota deletes no key that a destination still holds: somebody deleted the key in W&B, or the secret.",
			Do:  "Read what keyrota waits for and help with that. If no key of the account can be read back, make one by hand and hand it in: keyrota adopt ACCOUNT --key-file -.",
		},
		{
			Code: ForeignKey, Severity: Ticket, Title: "A live key that nothing explains",
			Why:     "Whoever holds a key of an account can make more of them, a thief too. It may as well be a colleague's.",
			Do:      "Ask who made it. If somebody did for a reason, acknowledge this, or hand the key in with keyrota adopt; if nobody did, take the account's keys for leaked: run the command, which shows what breaks and asks.",
			Sources: []Advice{practice("Secure API key handling"), soc2("CC6.1"), owasp("NHI2 Secret Leakage")},
		},
		{
			Code: ExtraKeys, Severity: Ticket, Title: "More live keys than an account needs",
			Why:     "Each is one more to lose.",
			Do:      "Find out what holds the old key: a run that began before its successor, or longest_job: forever. If nothing does, run the command: it ends the overlap.",
			Sources: []Advice{soc2("CC6.2"), owasp("NHI7 Long-Lived Secrets")},
		},
		{
			Code: DestinationsDisagree, Severity: Ticket, Title: "Destinations that do not hold the key that readers should have",
			Why: "The old key is kept for their sake, so their readers go on; but nothing is rotated meanwhile.",
			Do:  "Read the lines. What belongs to somebody else is released there, adopted by name (keyrota adopt ACCOUNT --take DEST), or taken out of the list under deliver: in this account.",
		},
		{
			Code: DestinationFailing, Severity: Ticket, Title: "A destination that could not be delivered to for half its overlap",
			Why: "Its readers go on with the key that is there: none is deleted. But the rotation cannot end, and after a leak that matters.",
			Do:  "Read why, and mend the right, the path or the store that is named. keyrota tries again by itself.",
		},
		{
			Code: Parked, Severity: Ticket, Title: "An account that waits for a person",
			Why: "What stands in its way does not heal by itself, so keyrota stopped trying. Its keys work on.",
			Do:  "Do what the words say, and then run the command.",
		},
		{
			Code: LeakStalled, Severity: Page, Title: "The response to a leak does not go on",
			Why:     "Others may know keys of the account that still work.",
			Do:      "Run the command, and do what it says the emergency waits for: a store to answer, or your word on keys that nothing explains.",
			Sources: []Advice{practice("Secure API key handling"), owasp("NHI2 Secret Leakage")},
		},
		{
			Code: RotationOverdue, Severity: Ticket, Title: "A key that is older than its policy wants",
			Why:     "The longer a key lives, the likelier somebody else has it.",
			Do:      "Run the command: it says what the rotation waits for.",
			Sources: []Advice{cisAWS("2.12"), owasp("NHI7 Long-Lived Secrets")},
		},
		{
			Code: RotationFailing, Severity: Ticket, Title: "A new key cannot be created",
			Why:     "The old key works on. After the third failure in a row the account is parked.",
			Do:      "Read why. Where W&B has the creation of API keys disabled, an admin of the server must allow it for service accounts.",
			Sources: []Advice{cisAWS("2.12"), owasp("NHI7 Long-Lived Secrets")},
		},
		{
			Code: RotationWillMiss, Severity: Ticket, Title: "A rotation that will miss its date",
			Why:     "What is in its way is there already, and there is still time.",
			Do:      "Clear what is named out of the way before the date.",
			Sources: []Advice{cisAWS("2.12"), owasp("NHI7 Long-Lived Secrets")},
		},
		{
			Code: OverlapTooShort, Severity: Ticket, Title: "An overlap that is shorter than its readers need",
			Why: "A reader that keeps what it read, or a job that runs on, is left with a deleted key at the end of a rotation.",
			Do:  "Write the overlap below, or shorten what readers keep. An overlap under way gets the new length at once.",
		},
	}
}
