# What the kernel engine does under other kernels: GUESTS="6.1 newest" picks.
GUESTS ?= 6.1 6.12 5.10 newest
GUEST_TIMEOUT ?= 400

check-guest: tests
	$(Q)$(TEST_ENV) GUEST_TIMEOUT=$(GUEST_TIMEOUT) scripts/check-guest $(GUESTS)

.PHONY: check-guest
