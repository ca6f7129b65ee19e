# `make` lists what there is. Whatever a target needs beyond Rust and Python 3.11 or later is installed into
# .tools/ and tools/policies/, at the versions pinned in tools/.

FILE ?= examples/support-tickets.jsonl
# Whose requests the file has.
MODEL ?= amazon.nova-lite-v1:0
# Of the files that bench makes, in MB.
SIZE ?= 1000
# Of the functions that sam-build makes: this machine's own, which needs no second standard library.
ARCHITECTURE ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

CARGO_FLAGS := --locked --features doctor
NEXTEST := .tools/venv/bin/cargo-nextest
WITH_NODE := PATH="$(CURDIR)/.tools/node/bin:$$PATH"
SAM := PATH="$(CURDIR)/.tools/sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 sam

.NOTPARALLEL:
.PHONY: help demo doctor test fmt clippy doc doctest nextest lint-template policies sam-build emulator crash model strictness soak herd bench instructions examples tools clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the pipeline on this machine: make demo FILE=drop.jsonl MODEL=its-model
	@cargo run --locked --features local --bin bedrock-vpc-batch -- local --model-id "$(MODEL)" "$(FILE)"

doctor: ## Examine the account that a stack is in: make doctor STACK=name
	@cargo run $(CARGO_FLAGS) --bin bedrock-vpc-batch -- doctor --stack "$(STACK)"

test: fmt clippy doc doctest nextest lint-template policies emulator instructions ## Check everything, as CI does.
	@echo "make test: formatting, lints, documentation, tests, template, policies, build, deployment and speed are in order"

fmt: ## Check the formatting.
	@cargo fmt --check

clippy: ## Lint all targets, warnings are errors.
	@cargo clippy $(CARGO_FLAGS),bench --all-targets -- -D warnings

doc: ## Build the documentation, warnings are errors.
	@RUSTDOCFLAGS=-Dwarnings cargo doc $(CARGO_FLAGS) --no-deps --document-private-items

doctest: ## Run the examples in the documentation.
	@cargo test $(CARGO_FLAGS) --doc

nextest: .tools/venv/installed .tools/emulator/installed ## Run the unit and integration tests.
	@$(NEXTEST) nextest run $(CARGO_FLAGS)

lint-template: .tools/sam/installed .tools/checkov/installed ## Lint template.yaml and check what it grants and configures.
	@$(SAM) validate --lint
	@.tools/sam/bin/python tools/check_template.py
	@.tools/checkov/bin/checkov --file target/template.json --framework cloudformation --quiet --compact --skip-download

policies: .tools/venv/installed .tools/sam/installed tools/policies/node_modules/installed ## Simulate what the policies allow, and what the flows call.
	$(call FIGURES,flow_calls::,flow calls)
	@.tools/sam/bin/python tools/resolve_policies.py
	@$(WITH_NODE) node tools/policies/simulate.mjs

sam-build: .tools/sam/installed ## Build both functions as `sam deploy` uploads them.
	@$(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)
	@.tools/sam/bin/python tools/check_build.py $(ARCHITECTURE)

# The command line is the one that the tests have built.
emulator: sam-build .tools/emulator/installed ## Deploy what was built onto an emulator of AWS, use it, update it, delete it.
	@cargo test $(CARGO_FLAGS) --quiet --no-run --test all
	@.tools/emulator/bin/python -B tools/emulator

# Runs some tests by themselves, and prints the lines in which they give their figures.
FIGURES = @mkdir -p target; $(NEXTEST) nextest run $(CARGO_FLAGS) --no-capture -E 'test(/(^|::)$(1)/)' > target/$@.log 2>&1 \
	|| { cat target/$@.log; exit 1; }; grep -E '^($(2)): ' target/$@.log

crash: .tools/venv/installed ## Kill the functions before and after each call that they make.
	$(call FIGURES,crash::,crash points.*)

model: export MODEL_DEPTH = deep
model: .tools/venv/installed ## Explore the protocol further than the tests do, for some minutes.
	$(call FIGURES,model::,model)

strictness: .tools/venv/installed ## Hold a million mutated lines against a strict oracle.
	$(call FIGURES,strictness::,strictness.*)

soak: export SEED := $(SEED)
soak: export DROPS := $(DROPS)
soak: .tools/venv/installed ## Drop many files with every fault at random: make soak SEED=7 DROPS=2000
	$(call FIGURES,soak::first,soak)

herd: export DROPS = 1000
herd: .tools/venv/installed ## Drop a thousand files at once on a quota of twenty jobs.
	$(call FIGURES,soak::many,herd)

bench: .tools/bench/installed .tools/sam/installed .tools/venv/installed ## Measure time and memory: make bench ONLY="validate read" SIZE=200
	@SIZE=$(SIZE) .tools/bench/bin/python tools/bench/run.py $(ONLY)

instructions: .tools/sam/installed ## Count the instructions of the inner loops, against the counts on record.
	@python3 tools/bench/instructions.py

examples: ## Write the example files anew.
	@python3 tools/make_examples.py

tools: $(addsuffix /installed,$(addprefix .tools/,venv sam checkov emulator node bench) tools/policies/node_modules) ## Install the tools.

.tools/venv/installed: tools/requirements.txt
.tools/bench/installed: tools/bench-requirements.txt
.tools/sam/installed: tools/sam-requirements.txt
.tools/emulator/installed: tools/emulator-requirements.txt
.tools/checkov/installed: tools/checkov-requirements.txt
.tools/node/installed: tools/node-requirements.txt
.tools/%/installed:
	@echo "installing $< into $(@D)"
	@rm -rf $(@D)
	@python3 -m venv $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

tools/policies/node_modules/installed: tools/policies/package-lock.json .tools/node/installed
	@echo "installing $< into $(@D)"
	@$(WITH_NODE) npm ci --prefix tools/policies --silent --no-audit --no-fund
	@touch $@

clean: ## Remove what the other targets made.
	@cargo clean
	@rm -rf .aws-sam .tools bedrock-local tools/policies/node_modules
