/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Printing records: a hostile object (its ELF, code and debug information choose the types), and
 * hostile BTF with a hostile record. The first byte says which.
 */
#include "base/mem.h"
#include "btf/types.h"
#include "event/debug_var.h"
#include "event/flow.h"
#include "event/flow_core.h"
#include "event/value.h"
#include <bpf/libbpf.h>
#include <string.h>

#define MAX_TYPES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_sites(const struct debug_image *img, const struct flow *flow)
{
	struct btf *btf = btf__new_empty();
	struct debug_vars *vars = NULL;
	struct strbuf sb = {0};
	static const u8 record[64];

	if (btf && !debug_vars_open(img, flow, &vars)) {
		for (size_t i = 0; i < flow->nr_sites && i < MAX_TYPES; i++) {
			bool exact;
			u32 id = debug_record_type(vars, &flow->sites[i], btf, &exact);

			if (id)
				event_format(&sb, btf, id, record, sizeof(record),
					     EVENT_STYLE_CELL);
			flow_is_network(flow, flow->sites[i].map, 0);
		}
	}
	debug_vars_close(vars);
	strbuf_done(&sb);
	btf__free(btf);
}

static void fuzz_object(const u8 *data, size_t size)
{
	struct debug_image img;
	struct flow flow;

	if (debug_image_open(data, size, &img))
		return;
	if (!flow_scan(&img, NULL, &flow)) {
		look_at_sites(&img, &flow);
		flow_done(&flow);
	}
	debug_image_done(&img);
}

/* u16 length of the BTF, the BTF, the record */
static void fuzz_record(const u8 *data, size_t size)
{
	struct strbuf sb = {0};
	struct btf *btf = NULL;
	u8 *copy;
	u16 len;

	if (size < sizeof(len))
		return;
	memcpy(&len, data, sizeof(len));
	data += sizeof(len);
	size -= sizeof(len);
	if (len > size)
		return;
	copy = mem_alloc(len + 1u); /* aligned, as a loader has it */
	memcpy(copy, data, len);
	types_open(copy, len, NULL, &btf, NULL);
	mem_free(copy);
	if (!btf)
		return;
	for (u32 id = 1; id < btf__type_cnt(btf) && id < MAX_TYPES; id++)
		for (int style = EVENT_STYLE_TEXT; style <= EVENT_STYLE_CELL; style++) {
			strbuf_reset(&sb);
			event_format_named(&sb, btf, id, types_name(btf, id), data + len,
					   size - len, (enum event_style)style);
		}
	strbuf_done(&sb);
	btf__free(btf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	libbpf_set_print(NULL);
	if (!size)
		return 0;
	if (data[0] & 1)
		fuzz_record(data + 1, size - 1);
	else
		fuzz_object(data + 1, size - 1);
	return 0;
}
