package awssm

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/keyrota/keyrota/providers"
)

var errRedirected = errors.New("the server redirects, and credentials are not sent along redirects")

// httpClient is the SDK's own, as it is made for every service and every way to
// credentials, but follows no redirect: the SDK's follows some kinds, with the
// token of a container or of SSO. It has to stay of the SDK's own type, or
// AWS_CA_BUNDLE is refused; of what that type lets be set, the choice of a proxy
// is asked about every request, and knows one that a redirect caused.
func httpClient() aws.HTTPClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		choose := t.Proxy
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			switch {
			case r.Response != nil: // "only populated during client redirects"
				return nil, errRedirected
			case choose == nil:
				return nil, nil
			}
			return choose(r)
		}
	})
}

// bounded has every operation of every client end an answer after
// providers.AnswerMax.
func bounded(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("keyrota.Bounded", func(
		ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler,
	) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && answer.Response != nil && answer.Body != nil {
			answer.Body = providers.BoundedBody(answer.Body)
		}
		return out, metadata, err
	}), middleware.After)
}
