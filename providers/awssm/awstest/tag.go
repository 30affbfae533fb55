package awstest

import "slices"

type tagResourceInput struct {
	SecretID string `json:"SecretId"`
	Tags     []tag
}

func (c *request) tagResource(in tagResourceInput) (any, *Error) {
	if in.Tags == nil {
		return nil, constraint("tags", "not be null")
	}
	if failure := checkTags(in.Tags); failure != nil {
		return nil, failure
	}
	e, s, failure := c.writable(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	for _, t := range in.Tags {
		if at := s.tag(t.Key); at >= 0 {
			s.tags[at] = t
		} else {
			s.tags = append(s.tags, t)
		}
	}
	if len(s.tags) > maxTags {
		return nil, tooManyTags()
	}
	c.save(e, s)
	return nil, nil
}

type untagResourceInput struct {
	SecretID string `json:"SecretId"`
	TagKeys  []string
}

func (c *request) untagResource(in untagResourceInput) (any, *Error) {
	if in.TagKeys == nil {
		return nil, constraint("tagKeys", "not be null")
	}
	for _, key := range in.TagKeys {
		if failure := length("tagKeys.member", key, 1, maxTagKey); failure != nil {
			return nil, failure
		}
		if reserved(key) {
			return nil, invalidParameter("Tag keys that start with aws: are reserved for AWS use.")
		}
	}
	e, s, failure := c.writable(in.SecretID)
	if failure != nil {
		return nil, failure
	}
	s.tags = slices.DeleteFunc(s.tags, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
	c.save(e, s)
	return nil, nil
}

func tooManyTags() *Error {
	return invalidParameter("The number of tags exceeds the limit of %d for a secret.", maxTags)
}
