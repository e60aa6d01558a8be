/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep show pinned: what runs with --pin left in the kernel. */
#include "show.h"
#include <skep/pin.h>
#include <stdio.h>
#include <string.h>

struct listing {
	const char *which; /* a set; NULL: all */
	bool json;
	size_t nr;
};

static int show(void *ctx, const struct skep_pin *pin)
{
	struct listing *l = ctx;

	if (l->which && strcmp(l->which, pin->set))
		return 0;
	if (l->json) {
		printf("{\"set\":");
		cli_json_string(pin->set);
		printf(",\"kind\":\"%s\",\"id\":%u,\"name\":", pin->kind, pin->id);
		cli_json_string(pin->name);
		printf(",\"path\":");
		cli_json_string(pin->path);
		printf("}\n");
	} else {
		if (!l->nr)
			printf("%-16s %-10s %6s %-28s %s\n", "SET", "KIND", "ID", "NAME", "PATH");
		printf("%-16s %-10s %6u %-28s %s\n", pin->set, pin->kind, pin->id,
		       strcmp(pin->kind, "attachment") ? pin->name : "-", pin->path);
	}
	l->nr++;
	return 0;
}

int show_pinned(const char *which, bool json)
{
	struct listing l = {.which = which, .json = json};
	struct skep_diag diag = {0};

	if (skep_pins_each(show, &l, &diag))
		return cli_error(&diag);
	if (!which || l.nr)
		return EXIT_DONE;
	fprintf(stderr, "skep: error: nothing is pinned as \"%s\"\n", which);
	return EXIT_FAILED;
}
