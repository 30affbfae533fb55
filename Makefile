# What CI runs is `make check`. Everything but `make test` without its real
# servers needs nothing more than Go, a C compiler for the race detector, and
# Debian's packages: postgresql is one, of which the tests start clusters of
# their own.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS  = -s -w -X main.release=$(VERSION)

# The real Vault, where `make vault` has built it; elsewhere its tests skip
# with a word, and fail when CI=true.
export KEYROTA_VAULT_BIN ?= $(wildcard $(shell .ci/vault --path))

# The race detector needs a C compiler.
RACE  = $(if $(shell command -v $${CC:-cc}),-race,$(warning no C compiler: testing without the race detector))
TESTS ?= ./...

GENERATED = providers/wandb/internal/graph/generated.go

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

.PHONY: demo
demo: ## watch keys rotate, in one process, without a network or credentials
	go run ./cmd/keyrota demo

.PHONY: build
build: ## a static binary, ./keyrota
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o keyrota ./cmd/keyrota

.PHONY: check
check: format generated vet lint docs test ## what CI runs

.PHONY: format
format: ## every file is as gofmt writes it
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

.PHONY: generated
generated: ## generated code is what its sources give
	@before=$$(cksum $(GENERATED)); go generate ./providers/...; \
	if [ "$$before" != "$$(cksum $(GENERATED))" ]; then echo "changed: commit $(GENERATED)"; exit 1; fi

.PHONY: vet
vet: ## what the compiler lets pass
	go vet ./...

.PHONY: lint
lint: ## the linters of .golangci.yml
	.ci/lint run ./...

.PHONY: docs
docs: ## go.mod is tidy, links lead somewhere, every dependency has its reason
	go mod tidy -diff
	go test -run '^TestDocs' ./cmd/keyrota

# The tests of the whole program come last and alone: they wait for real
# deadlines, which a machine that is busy with other tests misses.
.PHONY: test
test: ## all tests, with the race detector
	@rest=$$(go list $(TESTS) | grep -v '/e2e$$' || true); [ -z "$$rest" ] || (set -x; go test $(RACE) -timeout 30m $$rest)
	@alone=$$(go list $(TESTS) | grep '/e2e$$' || true); [ -z "$$alone" ] || (set -x; go test $(RACE) -timeout 30m $$alone)

# BENCH=-accounts=100,1000 is a matter of minutes; all of it takes half an hour.
.PHONY: bench
bench: ## calls and ratios: a steady pass and a full rotation over many accounts
	go run ./cmd/keyrota/bench $(BENCH)

# SOAK=10m is the default; a night is better.
SOAK ?= 10m

.PHONY: soak
soak: ## SOAK=10m of random worlds, all worlds of the explorer, ten times the kills, a minute of every fuzz test
	KEYROTA_SOAK=$(SOAK) go test -count=1 -timeout 0 -v -run '^Test(Soak|Explore)$$' ./rotation
	KEYROTA_SOAK=$(SOAK) go test -count=1 -timeout 0 -v ./cmd/keyrota/e2e
	.ci/fuzz 1m

.PHONY: vault
vault: ## build the Vault server that the tests run against (five minutes, once)
	.ci/vault

.PHONY: clean
clean: ## remove what was built in the clone
	rm -rf keyrota dist .bin
