/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The tables of facts are whole, and looking things up finds them. */
#include "../tap.h"
#include "spec/spec.h"

static void test_helpers(void)
{
	u32 nr = 0, bad = 0;

	for (u32 id = 0; id < spec_nr_helpers(); id++) {
		const struct spec_helper *h = spec_helper(id);

		if (!h)
			continue;
		nr++;
		if (h->id != id || spec_helper_by_name(h->name) != h || !strstr(h->proto, h->name))
			bad++;
	}
	is_int(nr, 211, "every helper of 6.18 has a row");
	is_int(bad, 0, "rows, numbers, names and prototypes agree");
	ok(!spec_helper(0) && !spec_helper(212) && !spec_helper(~0u), "no row out of range");
	ok(spec_helper_by_name("bpf_map_lookup_elem") == spec_helper(1), "a name with bpf_");
	ok(!spec_helper_by_name("bpf_no_such"), "an unknown name");
}

/* A memory argument is followed by its size, or is of a fixed size. */
static bool sizes_fit(const struct spec_helper *h)
{
	for (int i = 0; i < 5; i++) {
		const char *arg = spec_arg_name(h->args[i]);
		const char *next = i < 4 ? spec_arg_name(h->args[i + 1]) : "";
		bool fixed = strstr(arg, "FIXED_SIZE") != NULL;
		bool mem = strstr(arg, "MEM") && !fixed && h->args[i] != ARG_PTR_TO_RINGBUF_MEM;

		if (fixed != (h->fixed_size[i] != 0))
			return false;
		if (mem && !strstr(next, "ARG_CONST_SIZE"))
			return false;
	}
	return true;
}

static void test_helper_args(void)
{
	for (u32 id = 1; id < spec_nr_helpers(); id++) {
		const struct spec_helper *h = spec_helper(id);

		if (h && !sizes_fit(h))
			ok(false, "sizes of the arguments of %s", h->name);
	}
	is_int(spec_helper(1)->args[0], ARG_CONST_MAP_PTR, "map_lookup_elem takes a map");
	is_int(spec_helper(1)->args[1], ARG_PTR_TO_MAP_KEY, "and a key");
	is_int(spec_helper(1)->ret, RET_PTR_TO_MAP_VALUE_OR_NULL, "and gives a value");
	is_int(spec_helper(105)->fixed_size[3], 8, "strtol writes 8 bytes");
	is_str(spec_arg_text(ARG_CONST_MAP_PTR), "a map", "an argument in words");
	is_str(spec_ret_name(RET_VOID), "RET_VOID", "a return by name");
}

static void test_allowed(void)
{
	ok(spec_helper_allowed(1, SPEC_PROG_XDP), "any");
	ok(spec_helper_allowed(1, SPEC_PROG_LIRC_MODE2), "any has even lirc");
	ok(!spec_helper_allowed(8, SPEC_PROG_LIRC_MODE2), "common has not");
	ok(spec_helper_allowed(44, SPEC_PROG_XDP) && !spec_helper_allowed(44, SPEC_PROG_KPROBE),
	   "xdp_adjust_head");
	ok(spec_helper_allowed(186, SPEC_PROG_CGROUP_SOCK) &&
		   !spec_helper_allowed(186, SPEC_PROG_CGROUP_SKB),
	   "get_retval: a type taken out of a group");
	ok(spec_helper_allowed(58, SPEC_PROG_KPROBE) && !spec_helper_allowed(58, SPEC_PROG_TRACING),
	   "override_return");
	ok(spec_helper_allowed(44, SPEC_PROG_EXT), "an extension has what its target has");
	ok(!spec_helper_allowed(1, 99) && !spec_helper_allowed(300, SPEC_PROG_XDP), "out of range");
}

static void test_types(void)
{
	is_int(SPEC_PROG_NETFILTER, 32, "the youngest program type");
	is_int(SPEC_ATTACH_TCX_INGRESS, 46, "tcx");
	is_int(SPEC_MAP_ARENA, 33, "arena");
	is_str(spec_prog_type(SPEC_PROG_XDP)->name, "xdp", "a program type's name");
	is_int(spec_prog_type_by_name("BPF_PROG_TYPE_KPROBE")->value, 2, "and back");
	is_int(spec_map_type_by_name("percpu_hash")->value, 5, "a map type");
	is_str(spec_attach_type(1)->uapi, "BPF_CGROUP_INET_EGRESS", "an attach type");
	ok(!spec_map_type(1000) && !spec_map_type_by_name("x"), "an unknown one");
	for (u32 i = 0; i < SPEC_NR_MAP_TYPES; i++)
		if (!spec_map_type(i)->name || spec_map_type(i)->value != i)
			ok(false, "map type %u", i);
	for (u32 i = 0; i < SPEC_NR_ATTACH_TYPES; i++)
		if (!spec_attach_type(i)->name || spec_attach_type(i)->value != i)
			ok(false, "attach type %u", i);
}

struct sec_case {
	const char *sec;
	u32 prog, attach, flags; /* prog 0: unknown */
	const char *target;
};

static const struct sec_case sec_cases[] = {
	{"xdp", SPEC_PROG_XDP, SPEC_ATTACH_XDP, SPEC_SEC_EXP_ATTACH, ""},
	{"?xdp", SPEC_PROG_XDP, SPEC_ATTACH_XDP, SPEC_SEC_EXP_ATTACH, ""},
	{"xdp/foo", 0, 0, 0, ""},
	{"xdp_filter", SPEC_PROG_XDP, SPEC_ATTACH_XDP, SPEC_SEC_EXP_ATTACH, ""},
	{"socket1", SPEC_PROG_SOCKET_FILTER, 0, 0, ""},
	{"xdp.frags/devmap", SPEC_PROG_XDP, SPEC_ATTACH_XDP_DEVMAP,
	 SPEC_SEC_XDP_FRAGS | SPEC_SEC_EXP_ATTACH, ""},
	{"kprobe", SPEC_PROG_KPROBE, 0, SPEC_SEC_ATTACHABLE, ""},
	{"kprobe/do_unlinkat", SPEC_PROG_KPROBE, 0, SPEC_SEC_ATTACHABLE, "do_unlinkat"},
	{"kprobeX", 0, 0, 0, ""},
	{"uprobe.s//bin/sh:main", SPEC_PROG_KPROBE, 0, SPEC_SEC_ATTACHABLE | SPEC_SEC_SLEEPABLE,
	 "/bin/sh:main"},
	{"tp/syscalls/sys_enter_openat", SPEC_PROG_TRACEPOINT, 0, SPEC_SEC_ATTACHABLE,
	 "syscalls/sys_enter_openat"},
	{"fentry/do_unlinkat", SPEC_PROG_TRACING, SPEC_ATTACH_TRACE_FENTRY,
	 SPEC_SEC_ATTACHABLE | SPEC_SEC_ATTACH_BTF | SPEC_SEC_EXP_ATTACH, "do_unlinkat"},
	{"cgroup_skb/ingress", SPEC_PROG_CGROUP_SKB, 0, SPEC_SEC_EXP_ATTACH, ""},
	{"tc", SPEC_PROG_SCHED_CLS, 0, 0, ""},
	{"syscall", SPEC_PROG_SYSCALL, 0, SPEC_SEC_SLEEPABLE, ""},
	{"usdt/libc:setjmp", SPEC_PROG_KPROBE, 0, SPEC_SEC_ATTACHABLE | SPEC_SEC_USDT,
	 "libc:setjmp"},
	{"", 0, 0, 0, ""},
	{".text", 0, 0, 0, ""},
};

static void test_sections(void)
{
	u32 nr = 0;

	while (spec_section_row(nr))
		nr++;
	is_int(nr, 116, "every kind of section that libbpf knows");
	for (size_t i = 0; i < ARRAY_SIZE(sec_cases); i++) {
		const struct sec_case *c = &sec_cases[i];
		const char *target = "";
		const struct spec_section *s = spec_section(c->sec, &target);

		ok(!!s == !!c->prog, "SEC(\"%s\")", c->sec);
		if (!s || !c->prog)
			continue;
		is_int(s->prog_type, c->prog, " its program type");
		is_int(s->attach_type, c->attach, " its attach type");
		is_int(s->flags, c->flags, " its flags");
		is_str(target, c->target, " its target");
	}
}

int main(void)
{
	test_helpers();
	test_helper_args();
	test_allowed();
	test_types();
	test_sections();
	return tap_done();
}
