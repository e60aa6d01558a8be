# What the kernel engine does under other kernels: GUESTS="6.1 newest" picks.
GUESTS ?= 6.1 6.12 5.10 newest

check-guest: tests
	$(Q)$(TEST_ENV) scripts/check-guest $(GUESTS)

.PHONY: check-guest
