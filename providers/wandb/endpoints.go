package wandb

import (
	"context"

	"github.com/keyrota/keyrota/providers"
)

var _ providers.Connector = (*Issuer)(nil)

// Endpoints returns the server's address.
func (i *Issuer) Endpoints(context.Context) ([]providers.Endpoint, error) {
	return []providers.Endpoint{{URL: i.config.URL, For: "W&B"}}, nil
}
