package finding

// Of an account's use.
const (
	Unused           Code = "unused"
	NeverUsed        Code = "never_used"
	UsageUnknown     Code = "usage_unknown"
	ProposeOff       Code = "propose_quarantine"
	SecretUnread     Code = "secret_unread"
	ScopeTooWide     Code = "scope_too_wide"
	SeveralPurposes  Code = "several_purposes"
	SharedKey        Code = "shared_key"
	FailedLogins     Code = "failed_authentications"
	UsageUnavailable Code = "usage_source_failing"
)

// Of which accounts there are, and what is written about them.
const (
	NotManaged      Code = "not_managed"
	NotAtPlatform   Code = "not_at_platform"
	LeftUnattended  Code = "left_configuration"
	NoOwner         Code = "no_owner"
	NoPurpose       Code = "no_purpose"
	ReviewOverdue   Code = "review_overdue"
	NameConvention  Code = "name_convention"
	RestrictedAway  Code = "restricted_project"
	AttributionAway Code = "attribution_outside_team"
	EntityMismatch  Code = "entity_mismatch"
)

// Of keys and their rotation.
const (
	ForeignKey           Code = "foreign_key"
	DeadKey              Code = "dead_key"
	ExtraKeys            Code = "extra_keys"
	RotationOverdue      Code = "rotation_overdue"
	RotationFailing      Code = "rotation_failing"
	RotationWillMiss     Code = "rotation_will_miss"
	Parked               Code = "parked"
	LeakStalled          Code = "leak_stalled"
	OverlapTooShort      Code = "overlap_too_short"
	DestinationsDisagree Code = "destinations_disagree"
	DestinationFailing   Code = "destination_failing"
)

// Of external accounts, and of what is switched off.
const (
	FederationFails   Code = "federation_fails"
	IdentityEnds      Code = "identity_ends"
	QuarantinePending Code = "quarantine_pending"
	UsedWhileOff      Code = "used_while_off"
)

// Of what keyrota itself stands on.
const (
	StoreFailing  Code = "store_failing"
	IssuerFailing Code = "issuer_failing"
	SinkFailing   Code = "sink_failing"
	AdminKeyEnds  Code = "admin_key_ends"
	TokenEnds     Code = "token_ends"
)
