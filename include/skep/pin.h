/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What sessions with skep_session_opts.pin left in the kernel: sets of programs, maps and links,
 * each with a name of its own, below the directory skep of a BPF file system.
 */
#ifndef SKEP_PIN_H
#define SKEP_PIN_H

#include <skep/diag.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A pinned object. */
struct skep_pin {
	size_t sz;
	const char *set;  /* the name that was given: skep_unpin takes it */
	const char *kind; /* "program", "map", "link", "attachment" (what is no link) */
	const char *name;
	const char *path;
	uint32_t id; /* the kernel's; 0: not known */
	size_t : 0;
};

/**
 * All of them, sorted by set; pin and its strings are valid during the call. Non-zero from fn ends
 * the walk and is returned. No BPF file system, or nothing pinned: 0, and fn is not called.
 */
int skep_pins_each(int (*fn)(void *ctx, const struct skep_pin *pin), void *ctx,
		   struct skep_diag *diag);

/** Detach and remove everything of a set, and nothing else. -ENOENT: there is none. */
int skep_unpin(const char *set, struct skep_diag *diag);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
