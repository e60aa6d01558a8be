/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a compiler prints is read, and decided on, whatever it is. */
#include "base/mem.h"
#include "source/source.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct report_line *first;
	struct arena arena = {};
	struct report report;
	struct mend mend = {};
	char *text = mem_alloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (!report_parse(text, &arena, &report)) {
		mend_plan(&report, "program.bpf.c", &arena, &mend);
		first = report_first_error(&report);
		if (first)
			mend_hint(&report, first, &arena);
		report_done(&report);
	}
	mend_done(&mend);
	mem_free(text);
	arena_done(&arena);
	return 0;
}
