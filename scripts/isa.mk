# The reference of instructions is made from opcodes.def; a test checks that it is current.
docs/isa.md: $(B)/tests/isa/test_isa
	@mkdir -p docs
	$(B)/tests/isa/test_isa --write >/dev/null
