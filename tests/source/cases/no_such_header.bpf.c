/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* expect error 'nowhere.h' file not found */
#include <linux/bpf.h>
#include "nowhere.h"
