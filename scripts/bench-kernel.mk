# make bench-kernel: the kernel engine beside what is installed of libbpf-tools, bpftrace and bcc;
# as root. A table, and O/bench-kernel.json.
$(B)/bench/kernel/%: bench/kernel/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<) $(CC) -O2 -Wall -Wextra -o $@ $<

$(B)/bench/kernel/%.bpf.o: bench/kernel/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<) $(CLANG) -target bpf -mcpu=v3 -g -O2 -Wall \
	-I/usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<

bench-kernel: all $(B)/bench/kernel/load $(B)/bench/kernel/start $(B)/bench/kernel/ring64.bpf.o
	$(Q)B=$(B) O=$(O) scripts/bench-kernel

.PHONY: bench-kernel
