// Package awstest emulates AWS Secrets Manager, and as much of AWS STS as it takes to assume a role, for tests and
// benchmarks. It is ours, not AWS's: it does what AWS documents, and where AWS documents nothing, what answers recorded
// from AWS and reports of its users show. It keeps everything in memory, on loopback, and knows nothing else of keyrota.
//
//	server := awstest.Start(t)                              // or awstest.Launch(options), without a test
//	api := secretsmanager.NewFromConfig(server.Config(server.User, "us-east-1"))
//	server.Inject(awstest.Fault{Operation: "PutSecretValue", Drop: true, Times: 1})
//	value, ok := server.Raw("ml/key")                       // what a person would see, not counted
//
// # Who calls
//
// Requests are signed (SigV4), and the signature is verified: AddUser makes a user with an access key, AddRole a role
// whose sessions AssumeRole and AssumeRoleWithWebIdentity give. The access key decides the account, the signature the
// Region; each account has its own secrets in each Region. Everybody may do everything in their account, until Deny or
// SetPolicy say otherwise. Programs find the server by Environment.
//
// # What can be made to happen
//
// Inject and Throttle fail calls before or after their effect and run hooks; SetLatency, SetUnreachable and SetQuotas
// slow or refuse all; SetLags lets reads see the past; SetReplication holds or fails replicas; Options.Now moves time.
// Calls and Throttled count by operation. A Console does what a person would do, in any account and Region.
//
// # How it is known to be like AWS
//
// A Model is AWS's own description of the API. Model.Recorder, as Options.Observe, checks every exchange against it, in
// this package's tests and in any other's. They also violate the model in every way it has, play all examples of AWS's
// documentation, and compare with another emulator, moto, where there is one.
//
// # What is not like AWS
//
//   - There is no rotation (RotateSecret and CancelRotateSecret are refused as for a secret without a rotation function),
//     and there are no resource policies, random passwords or keys of KMS: what is not emulated answers
//     UnknownOperationException, every KmsKeyId is taken, and a secret of another account is AccessDeniedException.
//   - Conditions of IAM policies are refused when a policy is set; session policies and who may call sts:AssumeRole by
//     its own policy are ignored.
//   - The order of a list without SortOrder is not documented; here the oldest secret comes first.
//   - DeletedDate is what the documentation says of each: the end of the window where a secret is described, the time of
//     the deletion where it is listed. Rely on its presence only.
//   - AWSPENDING is taken off a version when a put takes AWSCURRENT off it, as recorded answers show. Whether AWS takes
//     off other labels too is not documented; Options.PutDropsLabels decides.
//   - A window that ends ends at once; AWS promises no time. A deletion without recovery takes Options.ForceDeleteAfter;
//     AWS takes some seconds.
//   - Several negated values of one filter match what any of them matches; AWS does not say.
//   - A label moved to a version that does not exist is ResourceNotFoundException; AWS declares InvalidParameterException
//     too, and does not say which it is. So is an ARN of another Region.
//   - The number of versions is limited only with Options.VersionQuota.
package awstest
