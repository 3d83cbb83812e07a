.DEFAULT_GOAL := help
SHELL := bash
PY := .venv/bin/python

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

proto: ## Regenerate libs/contracts from proto/
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(PY) libs/contracts/generate.py

.PHONY: help proto
