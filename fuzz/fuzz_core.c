/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * CO-RE between two hostile BTFs. The input: the length of the first BTF (2 bytes), the number of
 * relocations (1 byte), the relocations with the instructions they patch, the two BTFs.
 */
#include "btf/core.h"
#include "btf/types.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

struct entry {
	struct bpf_core_relo relo;
	struct bpf_insn insn[2];
};

static void relocate(const struct btf *local, const struct btf *target, const u8 *entries, u32 nr)
{
	struct skep_diag diag = {0};
	struct core *core;

	if (core_new(local, target, &core, &diag))
		return;
	for (u32 i = 0; i < nr; i++) {
		struct entry e;

		memcpy(&e, entries + i * sizeof(e), sizeof(e));
		core_relocate(core, &e.relo, e.insn, 2, &diag);
		core_types_compat(local, e.relo.type_id % btf__type_cnt(local), target,
				  e.relo.access_str_off % btf__type_cnt(target));
	}
	core_free(core);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct btf *local, *target;
	size_t first, head;
	u32 nr;

	if (size < 3)
		return 0;
	first = data[0] | data[1] << 8;
	nr = data[2] % 16;
	head = 3 + nr * sizeof(struct entry);
	if (!in_bounds(head, first, size))
		return 0;
	if (types_open(data + head, first, NULL, &local, NULL))
		return 0;
	if (!types_open(data + head + first, size - head - first, NULL, &target, NULL)) {
		relocate(local, target, data + 3, nr);
		types_close(target);
	}
	relocate(local, local, data + 3, nr);
	types_close(local);
	return 0;
}
