# Programs that ask Linux: run as root, beside the user engine.
ORACLE := $(B)/tests/root/kernel_run
$(ORACLE): $(B)/obj/tests/root/kernel_run.o $(B)/libskep.a
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(SANFLAGS) -o $@ $^ $(LDLIBS)
check-root: $(ORACLE)
