# make demo        the whole product on this machine (ARGS=--once: sync once, print the status, exit)
# make check       what needs no server, in a minute: linters, types, import contracts and tests
# make test        all tests but the long ones
# make faults      the whole fault suite, in about an hour; it writes docs/fault-suite.md
# make soak        all tests: then the fault suite, outages of minutes, long random sequences and new random examples
# make lint        linter, formatter, type checker and import contracts
# make audit       known vulnerabilities in what the lock files name
# make dist        what a release consists of, in dist/: wheel, locked requirements, chart, software bill of materials
# make bench       all benchmarks, which takes hours (ARGS=timing: one of them, with its options)
#
# Each target first installs what is missing. It needs Python 3.12 or newer, git and make.

BIN := .venv/bin
READY := .venv/.ready
BROWSER := .venv/.browser
PEERS := .venv/.peers
DEBOOTSTRAP := .venv/.debootstrap
DIST := dist
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
RELEASE = $(DIST)/fabric-sync-$(VERSION)
EXPORT := $(BIN)/uv export --quiet --frozen --no-default-groups --all-extras
FAULTS := .pytest_cache/faults.json

# Tests start many Python processes, each of which would compile the project again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo check test faults soak lint audit dist bench

demo: $(READY)
	@$(BIN)/python starter.py demo $(ARGS)

check: lint
	$(BIN)/pytest -n 4 --dist worksteal -m "not server and not soak" --durations=10

# In the order of their names, the last files are short ones, so that no worker waits long for the other.
test: $(READY) $(BROWSER)
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not soak" --durations=40

soak: test $(DEBOOTSTRAP)
	$(MAKE) faults; result=$$?; \
	$(BIN)/pytest -m "soak or hypothesis" --ignore=tests/faults --timeout=7200 --hypothesis-profile=new-examples --durations=40 $(ARGS) && exit $$result

# It writes the page of the faults also if some were not survived.
faults: $(READY)
	@rm -f $(FAULTS)
	FABRIC_SYNC_FAULT_RESULTS=$(FAULTS) $(BIN)/pytest tests/faults -m soak --timeout=900 --durations=40; \
	result=$$?; \
	test ! -f $(FAULTS) || $(BIN)/python -m tests.support.faults.report $(FAULTS) || exit; \
	exit $$result

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .
	$(BIN)/lint-imports

audit: $(READY)
	.ci/audit $(ARGS)

dist: $(READY)
	rm -rf $(DIST)
	$(BIN)/hatchling build --target wheel --directory $(DIST)
	$(BIN)/python -c "import helm_python; helm_python.package('deploy/chart', destination='$(DIST)')"
	$(EXPORT) --no-header --no-emit-project --format requirements.txt --output-file $(RELEASE).requirements.txt
	$(EXPORT) --preview-features sbom-export --format cyclonedx1.5 --output-file $(RELEASE).cdx.json
	cd $(DIST) && sha256sum -- * >SHA256SUMS

bench: $(PEERS)
	@$(BIN)/python -m bench $(ARGS)

$(READY): pyproject.toml uv.lock stack/set-up
	@stack/set-up
	@touch $@

$(BROWSER): stack/set-up $(READY)
	@stack/set-up browser
	@touch $@

$(DEBOOTSTRAP): stack/set-up $(READY)
	@stack/set-up debootstrap
	@touch $@

$(PEERS): $(READY)
	@env -u VIRTUAL_ENV $(BIN)/uv sync --locked --group bench
	@touch $@
