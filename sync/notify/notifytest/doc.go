// Package notifytest has servers that take messages as Slack, PagerDuty, a mail
// server and a receiver of webhooks do, for tests: they hold what they are sent
// against the rules that are documented, refuse what breaks one, as the service
// would, and keep what they took. They are stand-ins, and ours.
//
//	s := &notifytest.Slack{}
//	server := httptest.NewServer(s)     // or, without a network:
//	client.Transport = notifytest.Direct(s)
//
// Each can be taken down: it then answers nothing, or what the test says.
package notifytest
