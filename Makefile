# skep: one makefile, no configuration beyond these:
#   O=DIR  where everything is built     SAN=address,undefined  sanitizers (builds in O/san)
#   CC=    the C compiler                CLANG=                 the compiler of BPF programs
#   prefix= DESTDIR=  for install        V=1  show commands
# all  tests  check  check-root  fuzz T=60  bench  install  compile_commands.json  clean
O ?= build
SAN ?=
CLANG ?= $(shell for c in clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14; do \
	command -v $$c >/dev/null 2>&1 && { echo $$c; break; }; done)
prefix ?= /usr/local
libdir ?= $(prefix)/lib
VERSION := 0.1.0

ifneq ($(SAN),)
B := $(O)/san
SANFLAGS := -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
else
B := $(O)
endif
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2);)

LIBS := libbpf libelf libdw libpcap json-c liburcu-bp libzstd liblzma zlib
CFLAGS ?= -O2 -g
DATADIR ?= $(prefix)/share/skep
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -Wall -Wextra -Wstrict-prototypes \
	-Wmissing-prototypes -Wno-unused-parameter -Iinclude -Isrc -DSKEP_VERSION='"$(VERSION)"' \
	-DSKEP_DATADIR='"$(DATADIR)"' -pthread $(CFLAGS) $(SANFLAGS) $(shell pkg-config --cflags $(LIBS))
LDLIBS := $(shell pkg-config --libs $(LIBS)) -pthread -lm

SRCS := $(sort $(wildcard src/*/*.c))
OBJS := $(SRCS:%.c=$(B)/obj/%.o)
CLI_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard cli/*.c)))
ALL_UNIT := $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/*/test_*.c)))
UNIT := $(filter-out $(B)/tests/root/%,$(ALL_UNIT))
ROOT_UNIT := $(filter $(B)/tests/root/%,$(ALL_UNIT))
BPF := $(patsubst tests/%.bpf.c,$(B)/tests/%.bpf.o,$(sort $(wildcard tests/bpf/*.bpf.c)))
SCRIPT_TESTS := $(filter-out tests/root/%,$(sort $(wildcard tests/*/*.t)))
ROOT_TESTS := $(sort $(wildcard tests/root/*.t))

all: $(B)/skep $(B)/libskep.a $(B)/libskep.so

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Nothing but skep_* leaves the archive: one relocatable object with everything else made local.
$(B)/libskep.a: $(OBJS)
	$(call say,AR,$@) $(LD) -r -o $(B)/libskep.o $^ && \
	objcopy --wildcard --keep-global-symbol='skep_*' $(B)/libskep.o && \
	rm -f $@ && $(AR) rcs $@ $(B)/libskep.o

$(B)/libskep.so: $(OBJS) scripts/libskep.map
	$(call say,LD,$@) $(CC) -shared $(SANFLAGS) -Wl,-soname,libskep.so.0 -Wl,-z,defs \
	-Wl,--version-script=scripts/libskep.map -o $@ $(OBJS) $(LDLIBS)

$(B)/skep: $(CLI_OBJS) $(B)/libskep.a
	$(call say,LD,$@) $(CC) $(SANFLAGS) -o $@ $^ $(LDLIBS)

# --- tests ---------------------------------------------------------------------------------------
$(B)/tests/%: $(B)/obj/tests/%.o $(OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(SANFLAGS) -o $@ $^ $(LDLIBS)

$(B)/tests/bpf/%.bpf.o: tests/bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<) $(CLANG) -target bpf -mcpu=v3 -g -O2 -Wall \
	-I/usr/include/$(shell uname -m)-linux-gnu -c -o $@ $<

tests: all $(ALL_UNIT) $(BPF)

TEST_ENV := B=$(B) O=$(O) CC="$(CC)" CLANG=$(CLANG) SAN=$(SAN) MAKEFLAGS=
PROVE := $(TEST_ENV) prove -j2 --timer --failures

# What runs without privileges: the whole of it stays under two minutes on two cores.
check: tests
	$(Q)$(PROVE) $(UNIT) $(SCRIPT_TESTS) $(TESTFLAGS)

# What needs root: the kernel as the oracle, namespaces, other users.
check-root: tests
	$(Q)$(PROVE) $(ROOT_UNIT) $(ROOT_TESTS) $(TESTFLAGS)

.PHONY: all tests check check-root clean
.SECONDARY:

-include $(OBJS:.o=.d) $(CLI_OBJS:.o=.d) $(patsubst $(B)/tests/%,$(B)/obj/tests/%.d,$(ALL_UNIT))
include $(wildcard scripts/*.mk)

clean:
	rm -rf $(O)
