package awstest_test

// knownDifferences are the differences between the emulators, as patterns of path.Match, and why ours is as it is.
func knownDifferences() map[string]string {
	const (
		recorded = "answers recorded from AWS show it as ours has it"
		model    = "the model of the API has it as ours has it"
		document = "AWS documents it as ours has it"
		lax      = "moto lets pass what AWS refuses"
		seen     = "users report it from AWS as ours has it"
	)
	return map[string]string{
		// What moto shows everywhere.
		"* SecretVersionsToStages *: ours nothing, moto *":                  model,    // describing has VersionIdsToStages, listing the other
		"* VersionIdsToStages *: ours nothing, moto *":                      model,    // in lists
		"* LastAccessedDate: ours a date, moto nothing":                     document, // after a value was read
		"list versions* LastAccessedDate: ours nothing, moto a date":        recorded, // no version was read then
		"list versions* KmsKeyIds: ours DefaultEncryptionKey, moto nothing": recorded,
		"list versions* NextToken: ours nothing, moto a token":              model, // moto's is the empty string
		"list versions* ARN: ours arn:*, moto *":                            model,
		"replicate ARN: ours arn:*, moto replicated":                        model,
		"remove a replica ARN: ours arn:*, moto replicated":                 model,

		// Versions.
		"list versions Versions *1 VersionId: ours nothing, moto *":                         document, // without labels, only where they are asked for
		"list versions Versions *1 CreatedDate: ours nothing, moto *":                       document,
		"put without a token fails: ours InvalidRequestException, moto not":                 recorded,
		"put two values fails: ours InvalidParameterException, moto not":                    lax,
		"update with the same token and data fails: ours ResourceExistsException, moto not": document,

		// Labels.
		"move a label to an unknown version fails: ours ResourceNotFoundException, moto InvalidParameterException":              "the model declares both; which one it is, nobody says",
		"move a label without its version fails: ours InvalidParameterException, moto not":                                      document,
		"describe after: move a label without its version VersionIdsToStages *1: ours AWSCURRENT, moto AWSCURRENT MINE":         document,
		"remove AWSCURRENT fails: ours InvalidParameterException, moto not":                                                     lax,
		"describe after: remove AWSCURRENT VersionIdsToStages *1: ours AWSCURRENT, moto AWSPREVIOUS":                            lax,
		"describe a put after a version with a label of our own VersionIdsToStages *2: ours AWSPREVIOUS MINE, moto AWSPREVIOUS": "nobody says what AWS does; see Options.PutDropsLabels",

		// Secrets that are scheduled for deletion.
		"create deleted fails: ours InvalidRequestException, moto ResourceExistsException": recorded,
		"deleted: * fails: ours InvalidRequestException, moto not":                         document,
		"batch deleted Errors deleted Message: ours You can't perform *, moto *":           seen,

		// What is checked.
		"tag as AWS fails: ours InvalidParameterException, moto not":                                                 lax,
		"tag twice fails: ours InvalidParameterException, moto not":                                                  lax,
		"list with a token of nobody fails: ours InvalidNextTokenException, moto no JSON, 500 INTERNAL SERVER ERROR": model,
		"batch by nothing fails: ours InvalidParameterException, moto not":                                           document,
		"create a name that is none fails: ours ValidationException, moto not":                                       recorded,
		"create a long name fails: ours ValidationException, moto not":                                               model,
		"create a large value fails: ours ValidationException, moto not":                                             model,
		"rotate fails: ours InvalidRequestException, moto not":                                                       "ours has no rotation, and says so",

		// Replicas.
		"replicate ReplicationStatus * Status: ours InProgress, moto InSync":                      "AWS's example shows it as ours has it",
		"*replicate* ReplicationStatus * StatusMessage: ours nothing, moto Replication succeeded": "AWS's example shows it as ours has it",
		"describe replicated PrimaryRegion: ours us-east-1, moto nothing":                         seen,
	}
}
