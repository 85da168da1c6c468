# `make run` and `make test` need make, Node.js 20 or newer and npm; they install the rest.
SHELL := /bin/sh
# Debian keeps nats-server among the system programs, which a user's PATH may lack.
export PATH := $(PATH):/usr/sbin:/usr/local/sbin
# Where `make test` also writes its results for programs; empty: nowhere.
TEST_REPORT ?=

.PHONY: help run test check bench stress chaos mutants fuzz soak build clean
.DEFAULT_GOAL := help

help: ## Show what can be made.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: node_modules/.package-lock.json ## Install what is missing, then run everything on this machine (halley dev).
	@sh scripts/require.sh nats-to-run
	@node cli/halley.mjs dev

test: node_modules/.package-lock.json build ## Install what is missing, then run all tests.
	@sh scripts/require.sh nats nats-cluster chromium
	@npx vitest run $(if $(TEST_REPORT),--reporter=default --reporter=json --outputFile=$(TEST_REPORT))

check: node_modules/.package-lock.json ## Lint, types, the contract's style and compatibility, and whether gen/ is up to date.
	@npm run --silent lint
	@npm run --silent types
	@sh scripts/check-proto.sh

bench: node_modules/.package-lock.json build ## Measure throughput, latency and memory (one part: ONLY=fanout; see bench/README.md).
	@sh scripts/require.sh nats peers
	@node dist/bench/main.js $(ONLY) $(if $(QUICK),--quick) $(if $(PROFILE),--profile)

stress: node_modules/.package-lock.json build ## Provoke faults and check that nothing is lost (ARGS="--seed 1 --only cluster"; ARGS=--list shows all).
	@sh scripts/require.sh nats nats-cluster chromium
	@node dist/stress/main.js $(ARGS)

chaos: node_modules/.package-lock.json build ## Random faults on a whole installation, everything checked twice a minute (ARGS="--minutes 30 --seed 1 --nats single").
	@sh scripts/require.sh nats nats-cluster
	@node dist/stress/chaos/main.js $(ARGS)

fuzz: node_modules/.package-lock.json build ## A million odd inputs at every door (ARGS="--inputs 20000 --seed 1 --only websocket").
	@sh scripts/require.sh nats
	@node dist/stress/fuzz/main.js $(ARGS)

soak: node_modules/.package-lock.json build ## Steady traffic with clients that come and go, and a leak gate (ARGS="--minutes 30").
	@sh scripts/require.sh nats
	@node dist/stress/soak/main.js $(ARGS)

mutants: node_modules/.package-lock.json build ## Put deliberate faults into copies of the code; a scenario must fail by each (ONLY="gap rule" JOBS=2).
	@sh scripts/require.sh nats nats-cluster
	@node dist/stress/mutants/main.js "$(ONLY)" "$(JOBS)"

build: node_modules/.package-lock.json ## Build dist/ where the sources have changed.
	@node scripts/build.mjs

clean: ## Remove what was built; keeps node_modules and .halley.
	@rm -rf dist client/dist

node_modules/.package-lock.json: package-lock.json package.json
	@sh scripts/require.sh node
	npm ci --no-fund --no-audit
	@touch $@
