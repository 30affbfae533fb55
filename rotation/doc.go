// Package rotation decides. It knows what an account wants, what was last
// recorded of it and what was just observed, and answers with the one thing to
// do next. It performs nothing: no I/O, no clock, no randomness.
//
// Next folds a Spec, a Record and an Observed into an Action: the first rule
// that matches wins, and any crash, pause or second process is just a later
// call of Next. Issue, Deliver, Retire, Discard and Provision are the
// procedures behind the actions that touch the world: plain comparable values
// that return the next Effect and take its Outcome. Whoever performs the
// effects keeps the secret values; a procedure refers to them by key id and
// cannot see them.
//
// The same code runs in production (sync/execute), in plans (sync/plan) and in
// the explorer of this package's tests, which walks every reachable state of a
// small world and checks that no reader is left with a dead key and that no
// live key is lost from sight.
//
// # What exploring added
//
// Guards that only the explorer and the simulation showed to be needed, each
// with its mutant in testdata/mutants: keys once offered and deleted are remembered and never
// offered again; a listing says nothing of keys offered after it was begun; a
// look that is older than the record calls nobody and revives nothing; the
// record is loaded last before a deletion; a stray is deleted only once no
// request can be under way, and while every destination is seen to hold what
// its mark says; no request for a key is sent after a deadline; a record is
// recovered from complete looks alone, and counts every destination that bears
// our mark; a key that a person named is not forgotten by a listing from before
// it was made; what is put into a secret by hand during an emergency is not
// believed to be known to nobody else; a record recovered in an emergency hurries
// nobody; an overlap begins by a clock that the platform agrees with; what was
// created a moment ago is not taken for deleted by a listing that may lag; while an
// account is switched off nothing is delivered, and its keys go only once what was
// being written has ended; a key that nothing explains and that was condemned with
// the others keeps its full overlap if the account is wanted again.
//
// # What goes wrong
//
// The cases that this project was begun with, as other tools of its kind met
// them, and what has each happen here: a world of the explorer, a fault that the
// simulation makes, or a test by its name.
//
//	 1  a crash after a key is created:
//	    world one/crash, fault crash, TestKilledAtAnyMoment
//	 2  a key is created, its answer lost:
//	    world one/lost, fault answer lost, TestALostAnswerLeavesNoKey
//	 3  a crash after one of several destinations:
//	    world one/crash, TestKillsOnThreeStores
//	 4  a crash after all writes:
//	    world two/plain/one_key/crash, TestKillsOnThreeStores
//	 5  a deletion cut short, or answered 404:
//	    world two/plain/retiring/crash, fault request lost, TestRevokeAnswers
//	 6  a write whose answer is lost:
//	    world one/hand+lost, fault request in flight, TestLostAnswers
//	 7  a destination down for days:
//	    fault store down, TestAStoreThatIsDownCostsNoKey, TestAStoreIsDownForAWholeOverlap
//	 8  two daemons, one of them paused:
//	    world two/plain/lost, TestASecondEngineIsRefused, TestNothingAfterTheDeadlineOfASleeper
//	 9  clocks that jump, time zones, ticks missed:
//	    fault clock jump, TestSchedule, TestWindow, TestWhatFallsDueBetweenSweeps
//	10  a ledger lost, old, damaged, its disk full:
//	    fault ledger lost, fault yesterday's ledger, TestADamagedFileIsRefusedAndLeftAsItIs, TestAFullDiskSavesNothingAndSaysSo
//	11  a new key that is not valid yet:
//	    fault unreachable, TestDelayedKey
//	12  a new key of another account:
//	    fault denied, TestAnswerOfSomeoneElse
//	13  the platform's limit of keys:
//	    world one/refused, fault refused, TestRefusedCreation
//	14  a name that is soft-deleted:
//	    fault secret deleted, TestRecoveryWindow, TestSoftDelete
//	15  versions deleted, evicted, changed meanwhile:
//	    world one/leak/hand, TestPutConflicts, TestDeletedAndPutBackAsItWas
//	16  a secret edited by hand, a mark removed:
//	    world one/hand, fault hand edit, fault mark removed, fault mark forged, TestAHandEditIsHealed
//	17  another claims the destination:
//	    TestAnotherInstanceIsRefusedByBothNames, TestOneSecretUnderTwoStoreNamesIsRefused
//	18  throttling:
//	    fault refused, TestRetryAfterIsKept, TestThrottlingSaysWhenToComeBack
//	19  quotas of versions:
//	    TestTheQuotaOfVersions, TestQuotaOfOneSecret
//	20  a replica that is behind:
//	    fault lag, TestReplicaBehind, TestReplicasLagFailAndAreOverwritten
//	21  keys deleted or renamed, accounts gone:
//	    world one/removed, world one/leak/gone, fault key deleted, fault account gone, fault label forged
//	22  our own admin key ends:
//	    TestAdminKey, TestWhoSeesAndDeletesKeys
//	23  a reader still on the old key:
//	    world one/run, fault not answered, TestANineDayRunKeepsItsKey, TestAnAnswerAboutRunsIsWaitedFor, TestOverlapGrowsWithLongestJob
//	24  a value of several fields, torn:
//	    TestKilledBetweenDataAndMark, TestForeignFieldsStayByteForByte
//	25  a value too large, a template that fails:
//	    TestATemplateThatFailsIsFoundBeforeAKeyExists, TestNothingIsSentAfterTheDeadline
//	26  a reload in the middle of a rotation:
//	    world one/leaves, world one/leak/leaves, fault configuration, TestAReloadLosesNoKey
//	27  an emergency or a freeze in the middle of one:
//	    world one/leak/issuing, world two/plain/emergency, fault leak, TestWhatPlanSaysIsWhatSyncDoes
//	28  the vault's token ends, it is sealed:
//	    TestTokensEnd, TestRealSealAndHeal, TestNewLoginWhenTheTokenHasEnded
//	29  writing allowed, reading back or KMS denied:
//	    TestDenials, TestPutWithoutTheRightToMark
//	30  a secret in an error, a panic, a URL:
//	    TestNoValueInAnyError, TestAPanicIsAnErrorWithoutItsWords, TestNoKeyAnywhereElse
//	31  a listing that changes while it is read:
//	    fault listing broken off late, TestAListThatChangesMeanwhileMissesNothingThatStays
//	32  told to end while a key is created:
//	    TestAStopInTheMiddleOfAnIssue, TestAStopIsBounded
//	33  falsely taken for unused:
//	    TestWhatIsSeldomUsedIsNeverCalledUnused, TestWhatCannotBeSeenIsNeverCalledUnused, TestFindingsAreRight
//	34  the sink of events is down:
//	    TestATargetThatIsDown
//	35  an external account asked to own a key:
//	    TestNext, TestExternalOwnsNoKeys
//
// # Limits
//
// The bound of three live keys (four when one has leaked) is raised by one for
// each process that is paused in the middle of a creation. A ledger restored
// from a backup may count an overlap from the agreement that the backup knows.
// A destination that left the configuration before the ledger was lost is
// unknown to the new one. Where the platform's listing lags behind, an emergency
// may be said to be over while a key that somebody made last is not listed yet:
// it is told as unexplained once it is. A key created by a paused process after its ledger
// was lost is explained by nothing, and left for people to judge. A run keeps an
// old key only if it can be seen: one that is credited to a person, or that logs
// through Weave, cannot. Whoever reads the secrets of an account that its
// configuration switches off is left with a dead key: a plan shows it, and its
// owner is warned.
//
// Everything here may be copied and used from several goroutines, as long as
// no two of them change the same value.
package rotation
