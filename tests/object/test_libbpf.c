/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The relocated instructions equal libbpf's, for the same object and the same BTF.
 *
 * Objects: those of tests/bpf, and all that begin with the paths in $SKEP_OBJECTS (separated by
 * colons, folders end in /) and end in .bpf.o. libbpf relocates only on the way into the kernel, so
 * this needs root. Whether the kernel then takes the programs does not matter here.
 *
 * Numbers that each loader gives out itself are compared by what they stand for: file descriptors
 * of maps against indices must be one to one.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "btf/types.h"
#include "object/object.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <unistd.h>

#define MAX_MAPS 256

static u32 nr_equal, nr_total, nr_refused;
static struct btf *kernel_btf;
static bool is_other; /* kernel_btf is not the running kernel's: libbpf asks that one for ksyms */

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return getenv("SKEP_VERBOSE") ? vfprintf(stderr, fmt, ap) : 0;
}

static u64 ksym(void *ctx, const char *name)
{
	char line[512], have[256];
	unsigned long long addr;
	u64 found = 0;
	FILE *f = fopen("/proc/kallsyms", "re");

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %255s", &addr, have) == 2 && !strcmp(have, name))
			found = addr;
	if (f)
		fclose(f);
	return found;
}

/* One to one between their descriptors and our indices. */
struct pairs {
	int fd[MAX_MAPS];
	u32 idx[MAX_MAPS];
	u32 nr;
};

static bool same_map(struct pairs *p, int fd, u32 idx)
{
	for (u32 i = 0; i < p->nr; i++)
		if (p->fd[i] == fd || p->idx[i] == idx)
			return p->fd[i] == fd && p->idx[i] == idx;
	if (p->nr < MAX_MAPS) {
		p->fd[p->nr] = fd;
		p->idx[p->nr++] = idx;
	}
	return true;
}

static bool same_insn(struct pairs *p, const struct bpf_insn *ours, const struct bpf_insn *theirs)
{
	bool is_map = ours->code == (BPF_LD | BPF_IMM | BPF_DW) &&
		      (ours->src_reg == BPF_PSEUDO_MAP_FD || ours->src_reg == BPF_PSEUDO_MAP_VALUE);
	bool is_kfunc = ours->code == (BPF_JMP | BPF_CALL) &&
			ours->src_reg == BPF_PSEUDO_KFUNC_CALL;

	if (is_kfunc && !ours->imm) /* libbpf has put a call that nobody knows, or 0 */
		return theirs->code == ours->code;
	if (is_other && (ours->src_reg == BPF_PSEUDO_BTF_ID || is_kfunc))
		return ours->code == theirs->code;
	if (memcmp(ours, theirs, 4)) /* code, registers, offset */
		return false;
	return is_map ? same_map(p, theirs->imm, (u32)ours->imm) : ours->imm == theirs->imm;
}

static bool compare(const struct prog *prog, const struct bpf_program *theirs, struct pairs *pairs,
		    const char *path)
{
	const struct bpf_insn *insns = bpf_program__insns(theirs);

	if (prog->nr_insns != bpf_program__insn_cnt(theirs)) {
		printf("# %s: %s: %u instructions, libbpf has %zu\n", path, prog->name,
		       prog->nr_insns, bpf_program__insn_cnt(theirs));
		return false;
	}
	for (u32 i = 0; i < prog->nr_insns; i++) {
		const struct bpf_insn *a = &prog->insns[i], *b = &insns[i];

		if (same_insn(pairs, a, b))
			continue;
		printf("# %s: %s: instruction %u: code %#x/%#x dst %u/%u src %u/%u off %d/%d "
		       "imm %d/%d (ours/libbpf's)\n",
		       path, prog->name, i, a->code, b->code, a->dst_reg, b->dst_reg, a->src_reg,
		       b->src_reg, a->off, b->off, a->imm, b->imm);
		return false;
	}
	return true;
}

static struct object *open_ours(const char *path, struct skep_diag *diag)
{
	struct object *obj = NULL;
	size_t size;
	char *data;

	if (file_read(path, 0, &data, &size, diag))
		return NULL;
	object_open(data, size, path, &obj, diag);
	mem_free(data);
	return obj;
}

/* A line for what differs; "" when nothing does. */
static void differs(char *text, size_t size, const char *what, u64 ours, u64 theirs)
{
	size_t len = strlen(text);

	if (ours != theirs)
		snprintf(text + len, size - len, " %s %#llx/%#llx", what, (unsigned long long)ours,
			 (unsigned long long)theirs);
}

static void check_section(const struct prog *mine, struct bpf_program *p, const char *path)
{
	char text[256] = "";

	if (strcmp(mine->name, bpf_program__name(p)) ||
	    strcmp(mine->section, bpf_program__section_name(p)))
		snprintf(text, sizeof(text), " %.60s, section %.60s", mine->name, mine->section);
	if (bpf_program__type(p)) { /* ours takes names of old as well: xdp_pass, sk_skb1 */
		differs(text, sizeof(text), "type", mine->type, bpf_program__type(p));
		differs(text, sizeof(text), "attach type", mine->attach_type,
			bpf_program__expected_attach_type(p));
	}
	differs(text, sizeof(text), "autoload", mine->autoload, bpf_program__autoload(p));
	if (text[0])
		ok(0, "%s: program %s, section %s (ours/libbpf's):%s", path, bpf_program__name(p),
		   bpf_program__section_name(p), text);
}

static void check_sections(const struct object *obj, struct bpf_object *theirs, const char *path)
{
	struct bpf_program *p;
	u32 i = 0;

	bpf_object__for_each_program(p, theirs)
	{
		if (i < obj->nr_progs)
			check_section(&obj->progs[i], p, path);
		i++;
	}
	if (i != obj->nr_progs)
		ok(0, "%s: %u programs, libbpf has %u", path, obj->nr_progs, i);
}

static void check_map(const struct object_map *mine, struct bpf_map *m, const char *path)
{
	const struct map_def *def = &mine->def;
	char text[256] = "";
	size_t size = 0;
	const void *data = bpf_map__initial_value(m, &size);

	if (strcmp(def->name, bpf_map__name(m)))
		snprintf(text, sizeof(text), " name %.60s", def->name);
	differs(text, sizeof(text), "type", def->type, bpf_map__type(m));
	differs(text, sizeof(text), "key_size", def->key_size, bpf_map__key_size(m));
	if (def->type != BPF_MAP_TYPE_RINGBUF) /* ours says what records are */
		differs(text, sizeof(text), "value_size", def->value_size, bpf_map__value_size(m));
	if (bpf_map__max_entries(m))
		differs(text, sizeof(text), "max_entries", def->max_entries,
			bpf_map__max_entries(m));
	differs(text, sizeof(text), "flags", def->flags, bpf_map__map_flags(m));
	differs(text, sizeof(text), "extra", def->extra, bpf_map__map_extra(m));
	differs(text, sizeof(text), "numa_node", def->numa_node, bpf_map__numa_node(m));
	differs(text, sizeof(text), "key type", def->key_type_id, bpf_map__btf_key_type_id(m));
	differs(text, sizeof(text), "value type", def->value_type_id,
		bpf_map__btf_value_type_id(m));
	differs(text, sizeof(text), "pinning", def->pinning == 1, !!bpf_map__pin_path(m));
	if (text[0])
		ok(0, "%s: map %s (ours/libbpf's):%s", path, bpf_map__name(m), text);
	else if (data && mine->data && memcmp(data, mine->data, size))
		ok(0, "%s: map %s: initial value", path, bpf_map__name(m));
}

static void check_maps(const struct object *obj, struct bpf_object *theirs, const char *path)
{
	struct bpf_map *m;
	u32 i = 0;

	bpf_object__for_each_map(m, theirs)
	{
		if (i < obj->nr_maps)
			check_map(&obj->maps[i], m, path);
		i++;
	}
	if (i != obj->nr_maps)
		ok(0, "%s: %u maps, libbpf has %u", path, obj->nr_maps, i);
}

/* What libbpf needs told of maps, so that they can be made at all. */
static void settle_maps(struct bpf_object *theirs)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, theirs)
	{
		bpf_map__set_pin_path(m, NULL);
		if (!bpf_map__max_entries(m) && bpf_map__type(m) != BPF_MAP_TYPE_PERF_EVENT_ARRAY)
			bpf_map__set_max_entries(m, 1);
		if (bpf_map__type(m) == BPF_MAP_TYPE_STACK_TRACE && !bpf_map__value_size(m))
			bpf_map__set_value_size(m, 8);
	}
}

/* libbpf finds out by setting kprobes; a kernel without them makes it say no. */
static bool is_probed(const struct object *obj, u32 map, size_t off)
{
	const struct object_var *v = object_var(obj, "LINUX_HAS_SYSCALL_WRAPPER");

	return v && v->map == map && v->off == off;
}

/* Once loaded, .kconfig holds the kernel's values. */
static void compare_kconfig(const struct object *obj, struct bpf_object *theirs, const char *path)
{
	struct bpf_map *m;

	bpf_object__for_each_map(m, theirs)
	{
		int i = object_map_idx(obj, bpf_map__name(m));
		const void *data;
		size_t size;

		if (i < 0 || obj->maps[i].kind != OBJECT_MAP_KCONFIG)
			continue;
		data = bpf_map__initial_value(m, &size);
		is_int(size, obj->maps[i].def.value_size, "%s: size of .kconfig", path);
		for (size_t k = 0; data && k < size; k++)
			if (((const u8 *)data)[k] != obj->maps[i].data[k] &&
			    !is_probed(obj, (u32)i, k))
				ok(0, "%s: .kconfig, byte %zu: %#x, libbpf has %#x", path, k,
				   obj->maps[i].data[k], ((const u8 *)data)[k]);
	}
}

/* Of all instructions that libbpf has: says whether it came to relocating them. */
static u64 insns_hash(struct bpf_object *theirs)
{
	struct bpf_program *p;
	u64 h = 0;

	bpf_object__for_each_program(p, theirs) h = hash_bytes(
		bpf_program__insns(p), bpf_program__insn_cnt(p) * sizeof(struct bpf_insn), h);
	return h;
}

static void compare_all(struct object *obj, struct bpf_object *theirs, const char *path)
{
	struct pairs pairs = {0};
	u32 equal = 0;

	for (u32 i = 0; i < obj->nr_progs; i++) {
		const struct prog *prog = &obj->progs[i];
		struct bpf_program *p = bpf_object__find_program_by_name(theirs, prog->name);

		if (!prog->autoload) {
			equal++;
			continue;
		}
		equal += p && compare(prog, p, &pairs, path);
	}
	nr_equal += equal;
	nr_total += obj->nr_progs;
	is_int(equal, obj->nr_progs, "%s: programs equal libbpf's", path);
}

static void check_object(const char *path, const char *btf_path)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf_path);
	struct object_reloc_opts reloc = {.kernel_btf = kernel_btf, .ksym = ksym};
	struct bpf_object *theirs = bpf_object__open_file(path, &opts);
	struct skep_diag diag = {0};
	struct object *obj = open_ours(path, &diag);
	char text[1024];
	u64 before;
	bool loaded;
	int err;

	skep_diag_format(&diag, text, sizeof(text));
	if (!theirs && strstr(path, "obj_ops") && libbpf_minor_version() < 5) {
		tap_skip(path, "arenas are new to libbpf 1.4, their variables to 1.5");
		goto out;
	}
	if (!theirs && strstr(path, "legacy")) {
		ok(obj, "%s: opens, though libbpf has given it up %s", path, text);
		goto out;
	}
	if (!theirs || !obj) {
		if (!ok(!theirs && !obj, "%s: both refuse to open it (%s)", path, text))
			printf("# we %s, libbpf %s\n", obj ? "open it" : "refuse",
			       theirs ? "opens it" : "refuses");
		nr_refused++;
		goto out;
	}
	check_sections(obj, theirs, path);
	check_maps(obj, theirs, path);
	settle_maps(theirs);
	before = insns_hash(theirs);
	loaded = !bpf_object__load(theirs);
	err = object_relocate(obj, &reloc, &diag);
	skep_diag_format(&diag, text, sizeof(text));
	if (is_other && !strcmp(diag.id, "bad-extern")) {
		tap_skip(path, "that kernel lacks what the object asks for");
		goto out;
	}
	if (!loaded && before == insns_hash(theirs)) {
		tap_skip(path, "libbpf came to no relocating, the kernel did not make a map");
		goto out;
	}
	if (!ok(!err, "%s: relocates%s%s", path, err ? ": " : "", err ? text : "")) {
		nr_total += obj->nr_progs;
		goto out;
	}
	compare_all(obj, theirs, path);
	if (loaded)
		compare_kconfig(obj, theirs, path);
out:
	bpf_object__close(theirs);
	object_close(obj);
}

static void check_folder(const char *dir, size_t len, const char *btf_path)
{
	char pattern[512];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%.*s*.bpf.o", (int)len, dir);
	if (!glob(pattern, 0, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++)
			check_object(g.gl_pathv[i], btf_path);
	globfree(&g);
}

static void check_folders(const char *dirs, const char *btf_path)
{
	while (dirs && *dirs) {
		size_t len = strcspn(dirs, ":");

		check_folder(dirs, len, btf_path);
		dirs += len + (dirs[len] == ':');
	}
}

/* All objects against the types in a file (NULL: the running kernel's). */
static void run(const char *what, const char *path, const char *own, const char *more)
{
	struct skep_diag diag = {0};
	char raw[] = "/tmp/skep-btf.XXXXXX";
	const void *bytes;
	u32 size;
	int fd = -1;

	nr_equal = nr_total = nr_refused = 0;
	is_other = path != NULL;
	if (!ok(!types_open_kernel(path, &kernel_btf, NULL, &diag), "%s: opens", what))
		return;
	if (path) { /* libbpf does not read zstd */
		fd = mkstemp(raw);
		bytes = btf__raw_data(kernel_btf, &size);
		ok(fd >= 0 && write(fd, bytes, size) == (ssize_t)size, "%s: unpacked", what);
	}
	check_folders(own, path ? raw : NULL);
	check_folders(more, path ? raw : NULL);
	printf("# %s: %u of %u programs equal libbpf's; %u objects that neither opens\n", what,
	       nr_equal, nr_total, nr_refused);
	kernel_btf = types_close(kernel_btf);
	if (fd >= 0) {
		close(fd);
		unlink(raw);
	}
}

int main(void)
{
	const char *b = getenv("B"), *more = getenv("SKEP_OBJECTS");
	char own[512], target[512];

	b = b ? b : "build";
	if (geteuid())
		tap_skip_all("libbpf relocates only on the way into the kernel: needs root");
	if (!file_exists("/sys/kernel/btf/vmlinux"))
		tap_skip_all("no BTF under /sys");
	libbpf_set_print(quiet);
	snprintf(own, sizeof(own), "%s/tests/bpf/", b);
	snprintf(target, sizeof(target), "%s/tests/bpf/core_target.bpf.o", b);
	run("running kernel", NULL, own, more);
	run("Debian 6.12", "share/btf/vmlinux-6.12.btf.zst", own, more);
	snprintf(own, sizeof(own), "%s/tests/bpf/core_local", b);
	run("core_target", target, own, NULL);
	return tap_done();
}
