/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Namespaces of the model kernel: one object for each that /proc/PID/ns names. */
#ifndef MODEL_NS_H
#define MODEL_NS_H

#include "model/model.h"

struct model_nses;

struct model_nses *model_nses_new(struct model *m); /* NULL: out of memory */
struct model_nses *model_nses_free(struct model_nses *n);

/* Point an nsproxy at the namespaces of a process. */
void model_nsproxy_fill(struct model_nses *n, void *nsproxy, u32 pid);

/* A namespace of a process by its name in /proc/PID/ns ("user", "pid", "net", …); NULL: none. */
void *model_ns_get(struct model_nses *n, u32 pid, const char *name);

#endif
