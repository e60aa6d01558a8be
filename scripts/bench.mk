# make bench: every bench/bench_*.c prints `key value` lines; all of them make a table and
# O/bench.json, one flat object of numbers. A bench program gets the directory of built programs
# (bench/prog/*.c as <name>.bpf.o) as its argument; bench/*.sh are run the same way.
BENCH_CLANG := $(shell for c in clang-19 clang-20 clang-21 clang-18; do \
	command -v $$c >/dev/null 2>&1 && { echo $$c; break; }; done)
BENCH_CPU := $(if $(BENCH_CLANG),v4,v3)
BENCH_CC := $(or $(BENCH_CLANG),$(CLANG))
BENCHES := $(patsubst bench/%.c,$(B)/bench/%,$(sort $(wildcard bench/bench_*.c)))
BENCH_SCRIPTS := $(sort $(wildcard bench/bench_*.sh))
BENCH_PROGS := $(sort $(wildcard bench/prog/*.c))
BENCH_NATIVE := $(BENCH_PROGS:%.c=$(B)/obj/%.o)
BENCH_BPF := $(patsubst bench/prog/%.c,$(B)/bench/%.bpf.o,$(BENCH_PROGS))

$(B)/obj/bench/prog/%.o: bench/prog/%.c bench/prog/bench.h
	@mkdir -p $(@D)
	$(call say,CC,$<) $(BENCH_CC) -O2 -fPIC -DENTRY=bench_$* -c -o $@ $<

$(B)/bench/%.bpf.o: bench/prog/%.c bench/prog/bench.h
	@mkdir -p $(@D)
	$(call say,BPF,$<) $(BENCH_CC) -target bpf -mcpu=$(BENCH_CPU) -O2 -c -o $@ $<

$(B)/bench/bench_%: $(B)/obj/bench/bench_%.o $(OBJS) $(BENCH_NATIVE)
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(SANFLAGS) -o $@ $^ $(LDLIBS)

bench: all $(BENCHES) $(BENCH_BPF)
	$(Q)for b in $(BENCHES) $(BENCH_SCRIPTS); do \
		B=$(B) $$b $(B)/bench || exit 1; done >$(B)/bench.txt
	$(Q)awk '{ printf "  %-40s %12s\n", $$1, $$2 }' $(B)/bench.txt
	$(Q)awk 'BEGIN { printf "{" } { printf("%s\n  \"%s\": %s", (NR > 1 ? "," : ""), $$1, $$2) } \
		END { print "\n}" }' $(B)/bench.txt >$(O)/bench.json

.PHONY: bench
