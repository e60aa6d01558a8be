# skep show --jited: capstone's header at build time where it is there; the library is opened when used.
ifeq ($(shell pkg-config --exists capstone && echo yes),yes)
ALL_CFLAGS += -DSKEP_CAPSTONE -isystem $(shell pkg-config --variable=includedir capstone)
endif
