# What root tests need beside skep itself.
OBJS_HOLD := $(B)/tests/root/objs_hold
$(OBJS_HOLD): $(B)/obj/tests/root/objs_hold.o $(B)/libskep.a
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(SANFLAGS) -o $@ $^ $(LDLIBS)
check-root: $(OBJS_HOLD)
AGREE := $(B)/tests/root/agree
$(AGREE): $(B)/obj/tests/root/agree.o $(B)/libskep.a
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(SANFLAGS) -o $@ $^ $(LDLIBS)
check-root: $(AGREE)
