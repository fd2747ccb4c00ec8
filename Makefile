# The commands of this project. `make help` lists them; the work is in scripts/.
SHELL := /bin/bash
.DEFAULT_GOAL := help

.PHONY: help run test bench load chaos measure clean

help: ## List the commands
	@grep -hE '^[a-z]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+): .*## /  make \1\t/' | expand -t 16

run: ## Build web and server, and serve a demo on http://localhost:8080 (ARGS="--listen 127.0.0.1:9000")
	@scripts/run.sh $(ARGS)

test: ## Every check: format, lints, Rust and web tests, a real browser (installs what it needs, as root on Debian)
	@scripts/test.sh

bench: ## Time searches over 100,000 passages
	@scripts/bench.sh

load: ## Load a server with USERS=100 k6 users that check every answer (SCRIPT=login or watch: others)
	@scripts/load.sh $(or $(USERS),100) $(SCRIPT)

chaos: ## Break nodes, Redis and PostgreSQL under 200 conversations, and prove that no answer is lost (CHAOS_SEED=1)
	@scripts/chaos.sh

measure: ## The figures of the live protocol, with the native load driver (SHORT=1: a shorter form)
	@scripts/measure.sh

clean: ## Remove everything that was built or downloaded into this folder
	cargo clean
	rm -rf web/dist web/node_modules web/authclient/reference/node_modules web/oidcclient/reference/node_modules web/oidcclient/authlib/.venv web/e2e/screenshots loadtest/.venv .dev
