/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/diag.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void skep_diag_clear(struct skep_diag *diag)
{
	if (diag)
		memset(diag, 0, sizeof(*diag));
}

int skep_diag_format(const struct skep_diag *d, char *buf, size_t size)
{
	return snprintf(buf, size, "%s%s%s%s%s%s", d->where, d->where[0] ? ": " : "",
			d->message[0] ? d->message : strerror(-d->err), d->hint[0] ? " (" : "",
			d->hint, d->hint[0] ? ")" : "");
}

static bool is_first(const struct skep_diag *diag)
{
	return diag && !diag->err;
}

int diag_set(struct skep_diag *diag, int err, const char *fmt, ...)
{
	va_list ap;

	if (!is_first(diag))
		return err;
	diag->err = err;
	va_start(ap, fmt);
	vsnprintf(diag->message, sizeof(diag->message), fmt, ap);
	va_end(ap);
	return err;
}

int diag_set_full(struct skep_diag *diag, int err, const char *id, const char *hint,
		  const char *fmt, ...)
{
	va_list ap;

	if (!is_first(diag))
		return err;
	diag->err = err;
	va_start(ap, fmt);
	vsnprintf(diag->message, sizeof(diag->message), fmt, ap);
	va_end(ap);
	snprintf(diag->id, sizeof(diag->id), "%s", id ? id : "");
	snprintf(diag->hint, sizeof(diag->hint), "%s", hint ? hint : "");
	return err;
}

int diag_at(struct skep_diag *diag, int err, const char *fmt, ...)
{
	char place[sizeof(diag->where)];
	size_t len, old;
	va_list ap;

	if (!diag)
		return err;
	va_start(ap, fmt);
	vsnprintf(place, sizeof(place), fmt, ap);
	va_end(ap);
	len = strlen(place);
	old = strlen(diag->where);
	if (!diag->err)
		diag->err = err;
	if (len + 2 >= sizeof(diag->where))
		return err;
	if (old) {
		size_t keep = old;

		if (len + 2 + keep >= sizeof(diag->where))
			keep = sizeof(diag->where) - len - 3;
		memmove(diag->where + len + 2, diag->where, keep);
		memcpy(diag->where + len, ": ", 2);
		diag->where[len + 2 + keep] = 0;
		memcpy(diag->where, place, len);
	} else {
		memcpy(diag->where, place, len + 1);
	}
	return err;
}

int diag_hint(struct skep_diag *diag, int err, const char *fmt, ...)
{
	va_list ap;

	if (!diag || diag->hint[0])
		return err;
	va_start(ap, fmt);
	vsnprintf(diag->hint, sizeof(diag->hint), fmt, ap);
	va_end(ap);
	return err;
}

int diag_nomem(struct skep_diag *diag)
{
	return diag_set(diag, -ENOMEM, "out of memory");
}
