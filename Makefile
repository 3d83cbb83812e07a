.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
PY := .venv/bin/python
BIN := .venv/bin
CALL ?=
CALLS ?=
SERIES ?=
MINUTES ?= 2
EMAIL ?=
ARGS ?= doctor
HOW ?= kill
REGION ?=
SERVICES ?=
ALONE := tests/faults/test_kill_a_node.py
REGIONS := tests/regions

# A system is a dozen processes, and each would compile everything it imports at every start.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: env ## Run all of Merkez on this machine (Ctrl-C stops it)
	@exec $(PY) -m merkez_local run

test: peers env-dev web-modules chromium charts ## Check and test everything, as CI does
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check-code web-test
	@$(PY) -m pytest -q $(ALONE)
	@$(PY) -m pytest -q -n 3 --dist loadgroup --max-worker-restart=0 $(addprefix --ignore=,$(ALONE) $(REGIONS))

check: env-dev web-modules ## The fast half: lint, types, contracts, pure rules (under 90 s)
	@$(MAKE) --no-print-directory check-code
	@$(PY) -m pytest -q -n 2 libs/kernel services/*/tests/test_domain*.py tests/house/test_code.py

test-charts: env-dev charts ## Render, validate and police the chart; try its alerts
	@$(PY) -m pytest -q -n 2 tests/charts

test-regions: env-dev ## Two regions, one of them killed and then cut off: seconds, lost, duplicated as JSON lines (4 min; root cuts)
	@MERKEZ_SKIP_WEB=1 $(PY) -m pytest -q -s $(REGIONS)

run-regions: env ## Two regions on this machine, joined as on several (Ctrl-C stops both)
	@exec $(PY) -m merkez_local run-regions

drill-region: env-dev ## Lose a region of `make run-regions`, measure, bring it back: make drill-region HOW=cut REGION=eu-west
	@$(PY) -m tests.regions.drill_region $(HOW) $(REGION)

test-images: env-dev ## Build telephony's and the gateway's image and run them as the chart does (root, Debian's buildah)
	@MERKEZ_TEST_IMAGES=1 $(PY) -m pytest -q -n0 tests/images

test-cluster: env-dev charts ## Install, upgrade and drain the chart on Kubernetes nodes of this machine (root, Debian; the first time builds Kubernetes)
	@MERKEZ_TEST_CLUSTER=1 bash infra/cluster/run.sh $(PY) -m pytest -q -s -n0 tests/cluster

demo: env-dev chromium ## Sign up, call, answer and prove it in two real browsers against the running system
	@$(PY) -m tests.flows.demo

bench-call: env-dev ## Offer latency and answer to audio, as JSON lines
	@$(PY) -m tests.load.bench_call

bench-media: env-dev ## What joined calls cost and delay, beside rtpengine where it is installed, as JSON lines
	@$(PY) services/telephony/bench/bench_media.py $(CALLS)

bench-sound: env-dev ## CPU of transcoding, mixing, announcements, as JSON lines
	@$(PY) services/telephony/bench/bench_sound.py

bench-speech: env-dev ## How well speech menus understand, as JSON lines
	@$(PY) services/telephony/bench/bench_speech.py

bench-node: env-dev ## 50 calls a second at a whole node: rate, delays, CPU, as JSON lines; fails when it holds less
	@PYTHONPATH=. $(PY) services/telephony/bench/bench_node.py

bench-routing: env-dev ## Decisions, memory and rebuilding of the matcher, as JSON lines
	@$(PY) services/routing/bench/bench_matcher.py
	@$(PY) services/routing/bench/bench_desk.py
	@$(PY) services/routing/bench/bench_assignments.py

bench-billing: env-dev ## Usage rated into PostgreSQL, statements, and what else billing measures, as JSON lines
	@$(PY) services/billing/bench

bench-wfm: env-dev ## Forecasts against baselines, 1,000 queues, staffing, schedules, as JSON lines: make bench-wfm PART=multiskill, schedules or rostering
	@$(PY) services/wfm/bench/bench_wfm.py $(if $(PART),--only $(PART)) $(SERIES)

soak: env-dev ## Calls come and go and leave nothing behind, as JSON lines, or it fails: make soak MINUTES=10
	@PYTHONPATH=. $(PY) services/telephony/bench/soak.py $(MINUTES)

bench-limits: env-dev ## What it costs to count a request against its plan, as JSON lines
	@$(PY) services/gateway/bench/bench_budgets.py

bench-amd: env-dev ## Answering machines told from people: shares right, beeps, seconds to decide, as JSON lines
	@$(PY) services/telephony/bench/bench_amd.py

fit-amd: env-dev ## Choose the numbers that people and machines are told apart by, from the calls kept for that
	@$(PY) services/telephony/bench/fit_amd.py

trace: env ## Print one call's trace from the local files: make trace CALL=call_...
	@$(PY) -m merkez_local trace $(CALL)

operator: env ## Invite a platform operator to the running system: make operator EMAIL=...
	@$(PY) -m merkez_local operator "$(EMAIL)"

ops: env ## Look after the running system: make ops ARGS="doctor" (or nodes, calls, lag, drain ...)
	@$(PY) -m merkez_local ops $(ARGS)

images: ## Build container images, with or without a registry: make images SERVICES="telephony gateway"
	@bash infra/docker/images.sh $(SERVICES)

proto: env-dev web-modules ## Regenerate libs/contracts and the web app's types from proto/
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PY) libs/contracts/generate.py > /dev/null
	@$(PY) -m merkez_local npm run api

lock: ## Resolve Python dependencies anew into the two lock files
	@bash infra/local/lock.sh

clean: ## Remove what was built and all local data
	@rm -rf .local .cache services/web/dist services/web/node_modules

env:
	@bash infra/local/bootstrap.sh

env-dev:
	@bash infra/local/bootstrap.sh
	@bash infra/local/bootstrap.sh dev

chromium:
	@bash infra/local/chromium.sh

peers:
	@bash infra/local/peers.sh

charts:
	@bash infra/charts/tools.sh

web-modules:
	@$(PY) -m merkez_local web-modules

web-test:
	@$(PY) -m merkez_local npm test

check-code:
	@bash infra/local/check.sh

.PHONY: help run run-regions drill-region test test-regions test-charts test-images test-cluster charts check demo bench-call bench-media bench-sound bench-node bench-routing bench-limits bench-billing bench-wfm soak trace operator ops images proto lock clean env env-dev chromium peers web-modules web-test check-code bench-amd fit-amd
