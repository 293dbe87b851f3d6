.PHONY: run test bench lint fuzz fmt

run: ## install what is missing, build, start the demo floor
	@scripts/run.sh

test: ## install what is missing, run every test
	@scripts/test.sh

bench: ## print the table of benches/README.md anew
	@scripts/bench.sh

lint: ## everything CI refuses: format, clippy, docs, UI lint, licences
	@scripts/lint.sh

fuzz: ## every fuzz target for a minute
	@scripts/fuzz.sh

fmt: ## format Rust and TypeScript
	@cargo fmt --all
