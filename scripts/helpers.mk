# docs/helpers.md from the tables of facts.
docs: docs-helpers
docs-helpers: $(B)/tests/spec/test_helpers_doc
	$(Q)$< --write docs/helpers.md
.PHONY: docs docs-helpers
