/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The tables of the .def files, and looking things up in them. Types and helpers are indexed by
 * number; names are searched from start to end: nobody does that in a hot path.
 */
#include "spec/spec.h"
#include <string.h>

static const struct spec_name prog_types[] = {
#define PROG_TYPE(value, name, text) [value] = {value, text, "BPF_PROG_TYPE_" #name},
#include "spec/prog_types.def"
#undef PROG_TYPE
};

static const struct spec_name attach_types[] = {
#define ATTACH_TYPE(value, name, text) [value] = {value, text, "BPF_" #name},
#include "spec/attach_types.def"
#undef ATTACH_TYPE
};

static const struct spec_name map_types[] = {
#define MAP_TYPE(value, name, text) [value] = {value, text, "BPF_MAP_TYPE_" #name},
#include "spec/map_types.def"
#undef MAP_TYPE
};

enum {
	SLEEP = SPEC_SEC_SLEEPABLE,
	BTF = SPEC_SEC_ATTACH_BTF,
	FRAGS = SPEC_SEC_XDP_FRAGS,
	AUTO = SPEC_SEC_ATTACHABLE,
	EXP = SPEC_SEC_EXP_ATTACH,
	USDT = SPEC_SEC_USDT,
};

static const struct spec_section sections[] = {
#define SECTION(name, prog, attach, flags) {name, SPEC_PROG_##prog, SPEC_ATTACH_##attach, flags},
#include "spec/sections.def"
#undef SECTION
};

#define A(...)     __VA_ARGS__
#define SIZES(...) __VA_ARGS__
static const struct spec_helper helpers[SPEC_NR_HELPERS] = {
#define HELPER(id, name, ret, args, sizes, gpl, sleep, proto, types)                               \
	[id] = {id, #name, ret, {args}, {sizes}, gpl, sleep, proto, types},
#include "spec/helpers.def"
};

static const char *const arg_texts[] = {
	"nothing",
#define ARG(name, text) text,
#include "spec/arg_kinds.def"
#undef ARG
};

static const char *const arg_names[] = {
	"ARG_NONE",
#define ARG(name, text) #name,
#include "spec/arg_kinds.def"
#undef ARG
};

static const char *const ret_names[] = {
#define RET(name, text) #name,
#include "spec/ret_kinds.def"
#undef RET
};

/* What stands for several program types in the last column of helpers.def. */
static const struct {
	const char *name, *members;
} groups[] = {
#define GROUP(name, members) {#name, members},
#include "spec/helpers.def"
};

const char *spec_arg_text(enum spec_arg arg)
{
	return (size_t)arg < ARRAY_SIZE(arg_texts) ? arg_texts[arg] : "?";
}

const char *spec_arg_name(enum spec_arg arg)
{
	return (size_t)arg < ARRAY_SIZE(arg_names) ? arg_names[arg] : "?";
}

const char *spec_ret_name(enum spec_ret ret)
{
	return (size_t)ret < ARRAY_SIZE(ret_names) ? ret_names[ret] : "?";
}

const struct spec_helper *spec_helper(u32 id)
{
	return id < SPEC_NR_HELPERS && helpers[id].name ? &helpers[id] : NULL;
}

const struct spec_helper *spec_helper_by_name(const char *name)
{
	if (!strncmp(name, "bpf_", 4))
		name += 4;
	for (u32 i = 1; i < SPEC_NR_HELPERS; i++)
		if (helpers[i].name && !strcmp(helpers[i].name, name))
			return &helpers[i];
	return NULL;
}

u32 spec_nr_helpers(void)
{
	return SPEC_NR_HELPERS;
}

/* The next word of a list that spaces separate; its length, 0 at the end. */
static size_t next_word(const char **ret_list)
{
	*ret_list += strspn(*ret_list, " ");
	return strcspn(*ret_list, " ");
}

static const char *group_members(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (strlen(groups[i].name) == len && !memcmp(groups[i].name, word, len))
			return groups[i].members;
	return NULL;
}

/* Groups may name groups; "-type" takes one out again. Later words win. */
static void list_has(const char *list, const char *type, bool *has)
{
	size_t len;

	for (; (len = next_word(&list)); list += len) {
		bool minus = *list == '-';
		const char *word = list + minus, *members = group_members(word, len - minus);

		if (members)
			list_has(members, type, has);
		else if (strlen(type) == len - minus && !memcmp(type, word, len - minus))
			*has = !minus;
	}
}

bool spec_helper_allowed(u32 id, u32 prog_type)
{
	const struct spec_helper *h = spec_helper(id);
	const struct spec_name *type = spec_prog_type(prog_type);
	bool has = false;

	if (prog_type == SPEC_PROG_EXT) /* what the program that it replaces a function of has */
		return h != NULL;
	if (h && type)
		list_has(h->prog_types, type->name, &has);
	return has;
}

static const struct spec_name *row(const struct spec_name *rows, size_t nr, u32 value)
{
	return value < nr ? &rows[value] : NULL;
}

static const struct spec_name *row_by_name(const struct spec_name *rows, size_t nr,
					   const char *name)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(rows[i].name, name) || !strcmp(rows[i].uapi, name))
			return &rows[i];
	return NULL;
}

const struct spec_name *spec_prog_type(u32 value)
{
	return row(prog_types, ARRAY_SIZE(prog_types), value);
}

const struct spec_name *spec_attach_type(u32 value)
{
	return row(attach_types, ARRAY_SIZE(attach_types), value);
}

const struct spec_name *spec_map_type(u32 value)
{
	return row(map_types, ARRAY_SIZE(map_types), value);
}

const struct spec_name *spec_prog_type_by_name(const char *name)
{
	return row_by_name(prog_types, ARRAY_SIZE(prog_types), name);
}

const struct spec_name *spec_map_type_by_name(const char *name)
{
	return row_by_name(map_types, ARRAY_SIZE(map_types), name);
}

const struct spec_section *spec_section_row(u32 idx)
{
	return idx < ARRAY_SIZE(sections) ? &sections[idx] : NULL;
}

/* The end of the kind in sec, or NULL where this row does not fit. */
static const char *section_match(const struct spec_section *row, const char *sec)
{
	size_t len = strlen(row->name);
	bool plus = row->name[len - 1] == '+';

	len -= plus;
	if (strncmp(sec, row->name, len) || (sec[len] && !(plus && sec[len] == '/')))
		return NULL;
	return sec + len;
}

/*
 * Names of old programs. libbpf before 1.0 took any that began with one of its own:
 * SEC("xdp_filter"), SEC("classifier1"); tc loads any section that it is told, and these are how
 * they are called.
 */
static const struct {
	const char *begin, *row;
} legacy[] = {
	{"xdp", "xdp"},
	{"classifier", "classifier"},
	{"action", "action"},
	{"tc_", "tc"},
	{"tc-", "tc"},
	{"ingress", "tc/ingress"},
	{"egress", "tc/egress"},
	{"socket", "socket"},
	{"lwt_in", "lwt_in"},
	{"lwt_out", "lwt_out"},
	{"lwt_xmit", "lwt_xmit"},
	{"lwt_seg6local", "lwt_seg6local"},
	{"sk_skb", "sk_skb"},
	{"sk_msg", "sk_msg"},
	{"sockops", "sockops"},
	{"perf_event", "perf_event"},
};

static const struct spec_section *legacy_section(const char *sec, const char **ret_target)
{
	for (size_t i = 0; i < ARRAY_SIZE(legacy); i++) {
		size_t len = strlen(legacy[i].begin);

		if (strncmp(sec, legacy[i].begin, len) || sec[len] == '/' || sec[len] == '.')
			continue;
		if (ret_target)
			*ret_target = sec + strlen(sec);
		return spec_section(legacy[i].row, NULL);
	}
	return NULL;
}

const struct spec_section *spec_section(const char *sec, const char **ret_target)
{
	const char *end;

	sec += *sec == '?';
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		end = section_match(&sections[i], sec);
		if (!end)
			continue;
		if (ret_target)
			*ret_target = end + (*end == '/');
		return &sections[i];
	}
	return legacy_section(sec, ret_target);
}
