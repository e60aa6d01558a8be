# make fuzz T=60: every fuzz/fuzz_NAME.c under libFuzzer with ASan and UBSan for T seconds in all.
# Seeds are fuzz/corpus/NAME/, what is found grows in O/corpus/NAME/; a finding ends it non-zero.
T ?= 60
FUZZ_CC ?= $(CLANG)
F := $(O)/fuzz
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_CFLAGS = $(filter-out $(SANFLAGS),$(ALL_CFLAGS)) $(FUZZ_SAN) -O1 -g \
	-Wno-unknown-warning-option $(FUZZ_EXTRA)
FUZZERS := $(patsubst fuzz/%.c,$(F)/%,$(sort $(wildcard fuzz/fuzz_*.c)))
FUZZ_OBJS := $(SRCS:%.c=$(F)/obj/%.o)

# the optimizer needs a minute for instrumented threaded dispatch
$(F)/obj/src/vm/interp.o: FUZZ_EXTRA := -O0

$(F)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<) $(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(F)/fuzz_%: $(F)/obj/fuzz/fuzz_%.o $(FUZZ_OBJS)
	$(call say,LD,$@) $(FUZZ_CC) $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

.PHONY: fuzz fuzzers
fuzzers: $(FUZZERS)
fuzz: $(FUZZERS)
	$(Q)scripts/fuzz-run $(O) $(T) $(FUZZERS)

-include $(FUZZ_OBJS:.o=.d)
