/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What programs report: records of ring and perf buffers, printk lines. */
#ifndef SKEP_EVENT_H
#define SKEP_EVENT_H

#include <skep/diag.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct skep_object;
struct skep_printer;

enum skep_event_kind {
	SKEP_EVENT_RECORD, /* ring or perf buffer */
	SKEP_EVENT_PRINTK, /* data is text without a newline */
	SKEP_EVENT_TEXT,   /* an iterator's output: whole lines; map is the program's name */
};

struct skep_event {
	size_t sz;
	enum skep_event_kind kind;
	const char *map; /* the buffer's name; NULL for printk */
	uint32_t cpu;
	uint32_t pid;     /* printk: who; else 0 */
	const char *comm; /* printk: who; else NULL */
	uint64_t time_ns; /* CLOCK_MONOTONIC when it was read */
	const void *data; /* valid during the callback */
	size_t size;
	size_t : 0;
};

enum skep_format {
	SKEP_FORMAT_TABLE,
	SKEP_FORMAT_JSON,
};

struct skep_printer_opts {
	size_t sz;
	enum skep_format format;
	const char *fields; /* "a,-b,+c"; NULL: all */
	int width;          /* columns of the screen; 0: 80 */
	size_t : 0;
};

/**
 * Output: whole lines, newline included; text is not NUL-terminated and valid during the call.
 * Non-zero stops and is returned to whoever asked for the output.
 */
typedef int (*skep_write_fn)(void *ctx, const char *text, size_t size);

/**
 * A printer decodes the events of one object with its BTF and DWARF; nothing about the object's
 * records has to be declared. The object must outlive it. Not for several threads at a time. opts
 * may be NULL. *ret is the caller's to free with skep_printer_free.
 */
int skep_printer_new(const struct skep_object *obj, const struct skep_printer_opts *opts,
		     skep_write_fn write, void *ctx, struct skep_printer **ret,
		     struct skep_diag *diag);
struct skep_printer *skep_printer_free(struct skep_printer *p); /* NULL is fine; returns NULL */

/** Print one event. 0, -errno, or what the write callback returned. */
int skep_printer_event(struct skep_printer *p, const struct skep_event *event);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
