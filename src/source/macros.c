/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The macros that every tutorial uses and that BTF does not hold, since a macro is gone before
 * there is debug information. They stand at the end of vmlinux.h, each only where it is not
 * defined yet and no enumerator of that name exists: CO-RE must still see the enumerator
 * (bpf_core_enum_value), so a macro may never hide one.
 *
 * A program may bring its own in any form. One that comes later as a #define replaces ours; as a
 * function, a variable or an enumerator it clashes, and compile.c takes ours away with
 * -DSKEP_NO_<name>. Names that programs like to define themselves (min, likely, …) are only
 * given on demand.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "source/source.h"
#include <bpf/btf.h>
#include <string.h>

#if defined(__aarch64__)
#define PICK(x86, arm64) arm64
#else
#define PICK(x86, arm64) x86
#endif
#define TEXT_(...) #__VA_ARGS__
#define TEXT(...)  TEXT_(__VA_ARGS__)

/* clang-format off */
#define FROM(h)                 { .header = h },
#define MACRO(n, ...)           { .name = #n, .value = #__VA_ARGS__ },
#define ARCH(n, x86, arm64)     { .name = #n, .value = TEXT(PICK(x86, arm64)) },
#define FUNC(n, a, ...)         { .name = #n, .args = #a, .value = #__VA_ARGS__ },
/* clang-format on */

static const struct macro macros[] = {
#include "source/macros_libbpf.def"
#include "source/macros_net.def"
#include "source/macros_sys.def"
};

static const char *const demand_headers[] = {"linux/kernel.h", "linux/err.h", "arpa/inet.h"};

static bool is_on_demand(const char *header)
{
	if (!strncmp(header, "bpf/", 4))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(demand_headers); i++)
		if (!strcmp(header, demand_headers[i]))
			return true;
	return false;
}

const struct macro *macro_find(const char *name)
{
	static __thread struct macro found;
	const char *header = "";

	for (size_t i = 0; i < ARRAY_SIZE(macros); i++) {
		if (!macros[i].name) {
			header = macros[i].header;
			continue;
		}
		if (strcmp(macros[i].name, name))
			continue;
		found = macros[i];
		found.header = header;
		return &found;
	}
	return NULL;
}

/* A set of names by hash; a false "there" costs one macro, and is as likely as 1 in 2^45. */
static void add_enumerators(struct hash_table *names, const struct btf *btf)
{
	u32 nr = btf ? btf__type_cnt(btf) : 0;

	for (u32 id = 1; id < nr; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!btf_is_any_enum(t))
			continue;
		for (u32 i = 0; i < btf_vlen(t); i++) {
			u32 off = btf_is_enum(t) ? btf_enum(t)[i].name_off
						 : btf_enum64(t)[i].name_off;
			const char *name = btf__name_by_offset(btf, off);

			if (name)
				hash_put(names, hash_bytes(name, strlen(name), 0), (void *)name);
		}
	}
}

void macros_write(struct strbuf *sb, const struct btf *btf)
{
	struct hash_table names = {};
	bool demand = false;

	add_enumerators(&names, btf);
	for (size_t i = 0; i < ARRAY_SIZE(macros); i++) {
		const struct macro *m = &macros[i];

		if (!m->name) {
			demand = is_on_demand(m->header);
			if (!demand)
				strbuf_printf(sb, "\n/* %s */\n", m->header);
			continue;
		}
		if (demand || hash_get(&names, hash_bytes(m->name, strlen(m->name), 0)))
			continue;
		strbuf_printf(sb,
			      "#if !defined(%s) && !defined(SKEP_NO_%s)\n#define %s%s %s\n#endif\n",
			      m->name, m->name, m->name, m->args ? m->args : "", m->value);
	}
	hash_done(&names);
}
