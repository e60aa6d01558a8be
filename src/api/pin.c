/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* include/skep/pin.h: what was left in the kernel. */
#include "engine/kernel_objs.h"
#include "engine/kernel_pin.h"
#include <skep/pin.h>
#include <string.h>
#include <unistd.h>

struct walk {
	int (*fn)(void *ctx, const struct skep_pin *pin);
	void *ctx;
};

static u32 id_of(const char *path)
{
	int fd = kobj_open_path(path), kind = fd < 0 ? -1 : kobj_fd_kind(fd);
	u64 id = 0;

	if (kind >= 0 && !kobj_fdinfo(fd, kobj_kinds[kind].key, &id))
		id = 0;
	if (fd >= 0)
		close(fd);
	return (u32)id;
}

static int tell(void *ctx, const char *set, const char *kind, const char *name, const char *path)
{
	static const char *const words[][2] = {
		{"progs", "program"}, {"maps", "map"}, {"links", "link"}, {"undo", "attachment"}};
	const struct walk *w = ctx;
	struct skep_pin pin = {
		.sz = sizeof(pin), .set = set, .name = name, .path = path, .id = id_of(path)};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(kind, words[i][0]))
			pin.kind = words[i][1];
	return w->fn(w->ctx, &pin);
}

int skep_pins_each(int (*fn)(void *ctx, const struct skep_pin *pin), void *ctx,
		   struct skep_diag *diag)
{
	struct walk w = {.fn = fn, .ctx = ctx};

	return kernel_pins_each(tell, &w, diag);
}

int skep_unpin(const char *set, struct skep_diag *diag)
{
	return kernel_unpin(set, diag);
}
