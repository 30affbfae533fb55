package awstest

type rotateSecretInput struct {
	SecretID           string `json:"SecretId"`
	ClientRequestToken *string
}

// rotateSecret answers for RotateSecret and CancelRotateSecret: there are no
// Lambda functions here, so no secret has rotation configured, and none can.
func (c *request) rotateSecret(in rotateSecretInput) (any, *Error) {
	if c.operation == "RotateSecret" {
		switch n := len(value(in.ClientRequestToken)); {
		case n == 0:
			return nil, invalidParameter("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
		case n < minToken || n > maxToken:
			return nil, invalidParameter("ClientRequestToken must be 32-64 characters long.")
		}
	}
	if _, _, failure := c.writable(in.SecretID); failure != nil {
		return nil, failure
	}
	if c.operation == "CancelRotateSecret" {
		return nil, invalidRequest("You tried to cancel rotation on a secret that doesn't have rotation configured: awstest emulates no rotation.")
	}
	return nil, invalidRequest("No Lambda rotation function ARN is associated with this secret: awstest emulates no rotation.")
}
