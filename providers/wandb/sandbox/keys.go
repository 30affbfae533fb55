package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// minKeyLength is the shortest key W&B's SDK accepts, without a prefix.
const minKeyLength = 40

// The lengths of what newKey makes: longer than 40 characters, as W&B's newer keys are, so that no client comes to
// rely on 40.
const (
	firstPartLength  = 12
	secretPartLength = 52
)

// nameLength is how much of a key that we did not make ourselves is taken for its first part.
const nameLength = 8

type keyHash [sha256.Size]byte

func hashKey(value string) keyHash { return sha256.Sum256([]byte(value)) }

func (h keyHash) String() string { return hashPrefix + hex.EncodeToString(h[:]) }

// apiKey is one key of one account. Its value is kept only on servers that show keys, and only in memory.
type apiKey struct {
	id          string
	name        string // the first part of the value
	description string
	hash        keyHash
	value       string
	owner       *account
	createdAt   time.Time
	validFrom   time.Time
	lastUsedAt  time.Time
}

// listedName is what a listing shows as the key's name.
func (k *apiKey) listedName() string {
	if k.value != "" {
		return k.value
	}
	return k.name
}

// keyByValue finds the key in constant time with regard to the stored hash.
func (w *world) keyByValue(value string) *apiKey {
	hash := hashKey(value)
	key, ok := w.keysByHash[hash]
	if !ok || subtle.ConstantTimeCompare(key.hash[:], hash[:]) != 1 {
		return nil
	}
	return key
}

// newKey makes a value in W&B's format (its SDK: letters, digits, "_" and "-", after an optional prefix and dash), and
// says which part of it is not secret.
func newKey(random io.Reader, prefix, marker string) (value, firstPart string, err error) {
	first, err := randomText(random, firstPartLength)
	if err != nil {
		return "", "", err
	}
	secret, err := randomText(random, secretPartLength)
	if err != nil {
		return "", "", err
	}
	if prefix != "" {
		first = prefix + "-" + first
	}
	return first + "_" + marker + secret, first, nil
}

const keyAlphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func randomText(random io.Reader, length int) (string, error) {
	const unbiased = 256 - 256%len(keyAlphabet)
	text := make([]byte, 0, length)
	var b [1]byte
	for len(text) < length {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("reading randomness for a key: %w", err)
		}
		if int(b[0]) < unbiased {
			text = append(text, keyAlphabet[int(b[0])%len(keyAlphabet)])
		}
	}
	return string(text), nil
}
