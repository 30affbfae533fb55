package daemon_test

import "testing"

func TestAccountsAreDeliveredAndRequestsCarriedOut(t *testing.T) {
	w := newWorld(t, twoAccounts)
	e := w.start(w.options())
	beside := w.open()
	w.until("both accounts delivered", func() bool { return w.trained(beside) && w.evaluated(beside) })
	was := w.record(beside, train).Offer
	w.request(beside, train)
	w.until("a new key delivered", func() bool {
		return w.record(beside, train).Offer.Edition > was.Edition && w.trained(beside)
	})
	if err := e.stop(); err != nil {
		t.Fatal(err)
	}
}
