# make compile_commands.json: what each C file is compiled with, for editors and clang-tidy.
COMMAND_SRCS := $(SRCS) $(sort $(wildcard cli/*.c tests/*/test_*.c fuzz/*.c))

compile_commands.json: Makefile $(COMMAND_SRCS)
	$(Q)mkdir -p $(B)
	$(file >$(B)/flags,$(CC) $(ALL_CFLAGS))
	$(Q)flags=$$(sed 's/\\/\\\\/g; s/"/\\"/g' $(B)/flags); sep='['; for f in $(COMMAND_SRCS); do \
		printf '%s\n{"directory": "%s", "file": "%s", "command": "%s -c %s"}' \
			"$$sep" "$(CURDIR)" "$$f" "$$flags" "$$f"; sep=,; \
	done >$@; printf '\n]\n' >>$@; rm $(B)/flags
