package notify

import (
	"slices"
	"strings"
)

// slackPlain bounds a message of text alone: Slack advises 4000 characters.
const slackPlain = 3900

// slackPlainly writes a digest as a Slack message of text alone, a line for each
// thing.
func slackPlainly(d digest, instance, channel string) any {
	var lines []string
	for _, a := range d.Alerts() {
		lines = append(lines, string(a.Severity)+", "+a.News+": "+a.full())
	}
	for _, list := range []struct {
		mark  string
		lines []string
	}{
		{"over: ", over(d.Healed)}, {"came and went: ", cameAndWent(d.Passed, shortClock)}, {"acknowledged: ", known(d.Acknowledged, clock)},
	} {
		for _, l := range list.lines {
			lines = append(lines, list.mark+l)
		}
	}
	for _, r := range d.Reports {
		lines = slices.Concat(lines, []string{r.Title}, r.Lines)
		if r.Link != "" {
			lines = append(lines, r.Link)
		}
	}
	for _, e := range d.Events {
		lines = append(lines, e.sentence())
	}
	text := strings.Join(append([]string{"keyrota " + instance + ": " + d.headline()}, lines...), "\n• ")
	return struct {
		Channel string `json:"channel,omitempty"`
		Text    string `json:"text"`
		Links   bool   `json:"unfurl_links"`
		Media   bool   `json:"unfurl_media"`
	}{channel, fit(text, slackPlain), false, false}
}
