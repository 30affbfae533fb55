// Package awssm delivers to AWS Secrets Manager: secrets that are one text,
// and string fields of secrets that are a JSON object. A destination's path is
// the secret's name. In a configuration the type is called aws.
//
// Marks are tags of the secret: "keyrota" for a whole secret, "keyrota.FIELD"
// for a field. A mark names the version it speaks of, and is written after it,
// except with a new secret, where both are one call. It is bound to its secret
// and tag: one that was copied or edited by hand is no mark. The id of a version is
// made of its mark (for a field, also of the version it was built upon) with
// the edition legible in it, so that a repeated write is the same version and
// DescribeSecret alone tells what a secret holds.
//
// PutSecretValue knows no condition. So a value is put under the staging label
// KEYROTA_STAGED, which no reader asks for, and AWSCURRENT is then moved to it
// from the version that was seen: that call fails if the label sits elsewhere
// by then. AWSPREVIOUS stays on the value before. Where a store has replicas, a
// secret is healthy only when each of them has the current version.
//
// The policy of keyrota's own identity, for everything below ci/:
//
//	{"Version": "2012-10-17", "Statement": [
//	  {"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"},
//	  {"Effect": "Allow",
//	   "Action": ["secretsmanager:DescribeSecret", "secretsmanager:CreateSecret", "secretsmanager:TagResource",
//	              "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage", "secretsmanager:GetSecretValue"],
//	   "Resource": "arn:aws:secretsmanager:REGION:ACCOUNT:secret:ci/*"}]}
//
// GetSecretValue is needed for fields, and where a key must be read back;
// UpdateSecret where a description or a KMS key changes, RestoreSecret for
// secrets in their recovery window, ReplicateSecretToRegions (and
// DescribeSecret and ListSecrets in those Regions) for replicas; for a KMS key
// of your own kms:GenerateDataKey and kms:Decrypt on it.
//
// What it cannot do: versions without a label are not listed and AWS prunes
// them, so only the current, the previous and the staged value can be found
// again. Whole secrets that are binary are neither read nor kept as fields.
package awssm
