/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Any bytes as BTF; what passes the check must bear every walk, libbpf's own included. */
#include "btf/types.h"
#include <bpf/btf.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define MAX_TYPES 300 /* of one input: dumping goes over types again and again */

static void ignore(void *ctx, const char *fmt, va_list args)
{
}

static void dump(const struct btf *btf)
{
	struct btf_dump *d = btf_dump__new(btf, ignore, NULL, NULL);

	for (u32 id = 1; d && id < btf__type_cnt(btf); id++)
		if (btf_dump__dump_type(d, id))
			break;
	btf_dump__free(d);
}

static void walk(const struct btf *btf)
{
	struct types_member m;
	struct strbuf sb = {0};

	for (u32 id = 0; id < btf__type_cnt(btf); id++) {
		const char *name = types_name(btf, id);

		strbuf_reset(&sb);
		types_decl(&sb, btf, id);
		types_size(btf, id);
		types_skip(btf, id);
		btf__align_of(btf, id);
		types_find_struct(btf, name);
		types_member(btf, id, "a.b", &m);
		types_member(btf, id, name, &m);
	}
	strbuf_done(&sb);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct skep_diag diag = {0};
	struct btf *btf, *split;

	if (types_open(data, size, NULL, &btf, &diag)) {
		if (!diag.err || !diag.message[0])
			__builtin_trap();
		return 0;
	}
	if (!types_open(data, size, btf, &split, NULL))
		types_close(split);
	if (btf__type_cnt(btf) < MAX_TYPES) {
		walk(btf);
		dump(btf);
	}
	types_close(btf);
	return 0;
}
