/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Text to values: any text for a value of many types. What is understood must come back: the value
 * as text is understood again and gives the same bytes.
 */
#include "base/mem.h"
#include "event/value.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct btf *btf;

static void make_types(void)
{
	int i32, u32_, u8_, u64_, ch, b, comm, bytes16, bytes6, ints, st, un;

	btf = btf__new_empty();
	i32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	u32_ = btf__add_int(btf, "unsigned int", 4, 0);
	u64_ = btf__add_int(btf, "unsigned long long", 8, 0);
	u8_ = btf__add_int(btf, "unsigned char", 1, 0);
	ch = btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	b = btf__add_int(btf, "_Bool", 1, BTF_INT_BOOL);
	btf__add_typedef(btf, "__be32", u32_);
	btf__add_enum(btf, "e", 4);
	btf__add_enum_value(btf, "ONE", 1);
	btf__add_enum_value(btf, "TWO", 2);
	comm = btf__add_array(btf, i32, ch, 16);
	bytes16 = btf__add_array(btf, i32, u8_, 16);
	bytes6 = btf__add_array(btf, i32, u8_, 6);
	ints = btf__add_array(btf, i32, i32, 3);
	un = btf__add_union(btf, NULL, 16);
	btf__add_field(btf, "saddr_v4", u32_, 0, 0);
	btf__add_field(btf, "saddr_v6", bytes16, 0, 0);
	btf__add_struct(btf, "lpm", 8);
	btf__add_field(btf, "prefixlen", u32_, 0, 0);
	btf__add_field(btf, "ip", u32_, 32, 0);
	st = btf__add_struct(btf, "s", 72);
	btf__add_field(btf, "comm", comm, 0, 0);
	btf__add_field(btf, NULL, un, 128, 0);
	btf__add_field(btf, "af", u32_, 256, 0);
	btf__add_field(btf, "x", ints, 288, 0);
	btf__add_field(btf, "ok", b, 384, 0);
	btf__add_field(btf, "mac", bytes6, 392, 0);
	btf__add_field(btf, "bits", u64_, 448, 40);
	btf__add_field(btf, "rest", u64_, 488, 24);
	btf__add_array(btf, i32, st, 2);
}

/* A byte that is no UTF-8 is written as the character of that number: not to be told from it. */
static bool is_lossy(const char *s)
{
	while ((s = strstr(s, "\\u00"))) {
		if (strchr("89abcdef", s[4]))
			return true;
		s += 4;
	}
	return false;
}

/* What JSON says must be understood, and mean the same. */
static void check_back(u32 id, const u8 *value, size_t size)
{
	struct strbuf one = {0}, two = {0};
	u8 again[160];

	event_format(&one, btf, id, value, size, EVENT_STYLE_JSON);
	if (!one.failed && !is_lossy(strbuf_str(&one)) &&
	    !event_parse(btf, id, strbuf_str(&one), again, size, NULL)) {
		event_format(&two, btf, id, again, size, EVENT_STYLE_JSON);
		if (strcmp(strbuf_str(&one), strbuf_str(&two))) {
			fprintf(stderr, "%s\n%s\n", strbuf_str(&one), strbuf_str(&two));
			abort();
		}
	}
	strbuf_done(&one);
	strbuf_done(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	u8 value[160];
	char *text;

	if (!btf)
		make_types();
	if (!size || size > 4096)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	for (u32 id = 1 + data[0] % 4; id < btf__type_cnt(btf); id += 4) {
		s64 len = btf__resolve_size(btf, id);

		if (len > 0 && len <= (s64)sizeof(value) &&
		    !event_parse(btf, id, text, value, (size_t)len, NULL))
			check_back(id, value, (size_t)len);
	}
	free(text);
	return 0;
}
