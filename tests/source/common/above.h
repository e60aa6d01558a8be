/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For cases/header_above.bpf.c. */
#define ABOVE 42
