# make demo        the whole product on this machine (ARGS=--once: sync once, print the status, exit)
# make test        the tests: two at a time, because most of them wait; then those that measure time, alone
# make soak        the long tests: many random sequences, outages of minutes, new random examples
# make lint        linter, formatter, type checker and import contracts
#
# Each target first installs what is missing. It needs Python 3.12 or newer, git and make.

BIN := .venv/bin
READY := .venv/.ready
BROWSER := .venv/.browser

.PHONY: demo test soak lint

demo: $(READY)
	@$(BIN)/python starter.py demo $(ARGS)

test: $(READY) $(BROWSER)
	$(BIN)/pytest -n 2 --dist loadfile -m "not soak and not alone" --durations=40
	$(BIN)/pytest -m alone

soak: $(READY)
	$(BIN)/pytest -m soak --hypothesis-profile=new-examples $(ARGS)
	$(BIN)/pytest tests/fabrics tests/webhooks/test_payloads.py tests/webhooks/test_signatures.py --hypothesis-profile=new-examples

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy .
	$(BIN)/lint-imports

$(READY): pyproject.toml uv.lock stack/set-up
	@stack/set-up
	@touch $@

$(BROWSER): stack/set-up $(READY)
	@stack/set-up browser
	@touch $@
