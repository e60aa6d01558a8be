/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* skep unpin NAME …: remove what skep run --pin NAME left. */
#include "cli.h"
#include <skep/pin.h>
#include <string.h>

struct unpin_config {
	int verbose, quiet;
};

#define ROW(letter, name, type, field, arg, help)                                                  \
	{                                                                                          \
		letter, name, type, offsetof(struct unpin_config, field), arg, help                \
	}

/* clang-format off */
static const struct opt options[] = {
	ROW('v', "verbose", OPT_FLAG, verbose, NULL, "say more"),
	ROW('q', "quiet",   OPT_FLAG, quiet,   NULL, "no warnings"),
	{ 0 },
};
/* clang-format on */

static int unpin(const struct opt_rest *rest)
{
	int status = EXIT_DONE;

	for (size_t i = 0; i < rest->nr; i++)
		if (rest->items[i].name)
			return cli_usage(&cmd_unpin, "no option --%s", rest->items[i].name);
	if (!rest->nr)
		return cli_usage(&cmd_unpin, "which NAME? skep show pinned lists them");
	for (size_t i = 0; i < rest->nr; i++) {
		struct skep_diag diag = {0};

		if (skep_unpin(rest->items[i].value, &diag))
			status = cli_error(&diag);
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct unpin_config c = {0};
	struct opt_rest rest = {0};
	int status = opt_parse(&cmd_unpin, &c, argc, argv, &rest);

	cli_log_level(c.verbose, c.quiet);
	if (!status)
		status = unpin(&rest);
	opt_rest_done(&rest);
	return status < 0 ? EXIT_DONE : status;
}

const struct command cmd_unpin = {
	.name = "unpin",
	.summary = "detach and remove what skep run --pin left",
	.usage = "NAME …",
	.text = "NAME is what skep run --pin was given; skep show pinned lists them. Exactly that "
		"goes:\n"
		"links, programs, maps and the directory; nothing of anybody else's.\n",
	.opts = options,
	.run = run,
};
