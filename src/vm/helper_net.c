/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The network helpers: one row each, in the order of their numbers. */
#include "vm/helper_net.h"

#define ROW(name) {BPF_FUNC_##name, net_##name},
const struct vm_helper helpers_net[] = {NET_HELPERS(ROW){0, NULL}};
