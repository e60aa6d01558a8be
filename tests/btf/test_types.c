/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Reading types: sizes, members, declarations, names; and BTF that must be refused. */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "btf/types.h"
#include <errno.h>
#include <glob.h>
#include <lzma.h>
#include <unistd.h>

static struct btf *sample(void)
{
	struct btf *b = btf__new_empty();
	int i = btf__add_int(b, "int", 4, BTF_INT_SIGNED); /* 1 */
	int p, s, a, c, f;

	p = btf__add_ptr(b, i);          /* 2 int * */
	s = btf__add_struct(b, "in", 8); /* 3 */
	btf__add_field(b, "x", i, 0, 0);
	btf__add_field(b, "low", i, 32, 3);
	a = btf__add_array(b, i, s, 4); /* 4 struct in[4] */
	c = btf__add_const(b, p);       /* 5 int *const */
	btf__add_union(b, NULL, 8);     /* 6 */
	btf__add_field(b, "u", i, 0, 0);
	btf__add_field(b, "v", c, 0, 0);
	btf__add_struct(b, "out", 48); /* 7 */
	btf__add_field(b, "arr", a, 0, 0);
	btf__add_field(b, NULL, 6, 256, 0);
	btf__add_field(b, "in", s, 320, 0);
	f = btf__add_func_proto(b, 0); /* 8 void (int *const, struct in[4]) */
	btf__add_func_param(b, "a", c);
	btf__add_func_param(b, "b", a);
	btf__add_ptr(b, f);               /* 9 */
	btf__add_ptr(b, a);               /* 10 */
	btf__add_typedef(b, "out_t", 7);  /* 11 */
	btf__add_struct(b, "in___v2", 4); /* 12 */
	btf__add_field(b, "x", i, 0, 0);
	return b;
}

static const char *decl(const struct btf *b, u32 id)
{
	static char text[256];
	struct strbuf sb = {0};

	types_decl(&sb, b, id);
	snprintf(text, sizeof(text), "%s", strbuf_str(&sb));
	strbuf_done(&sb);
	return text;
}

static int count(void *ctx, u32 id)
{
	(*(int *)ctx)++;
	return 0;
}

static void test_reading(void)
{
	struct btf *raw = sample(), *b = NULL;
	struct types_member m;
	struct skep_diag diag = {0};
	const void *data;
	u32 size;
	int nr = 0;

	data = btf__raw_data(raw, &size);
	is_int(types_open(data, size, NULL, &b, &diag), 0, "a sample opens (%s)", diag.message);
	is_int(types_size(b, 4), 32, "size of an array");
	is_int(types_size(b, 11), 48, "size through a typedef");
	is_int(types_size(b, 8), 0, "a prototype has no size");
	is_str(decl(b, 5), "int *const", "qualified pointer");
	is_str(decl(b, 4), "struct in[4]", "array");
	is_str(decl(b, 9), "void (*)(int *const, struct in[4])", "pointer to function");
	is_str(decl(b, 10), "struct in (*)[4]", "pointer to array");
	is_int(types_member(b, 11, "v", &m), 0, "member of an anonymous union");
	is_int(m.bit_off, 256, "at its offset");
	is_int(types_member(b, 7, "in.low", &m), 0, "dotted path");
	is_int(m.bit_off, 352, "adds up");
	is_int(m.bit_size, 3, "bitfield");
	is_int(types_member(b, 7, "in.nope", &m), -ENOENT, "no such member");
	is_int(types_member(b, 7, "", &m), -ENOENT, "no path");
	is_int(types_find_struct(b, "out_t"), 11, "typedef of a struct by name");
	is_int(types_find_struct(b, "int"), 0, "an int is no struct");
	is_int(types_find_struct(b, "in"), 3, "the plain one, not the flavour");
	is_int(types_find(b, "in___v2", BTF_KIND_STRUCT), 12, "the flavour by its whole name");
	types_each_named(b, "in", 2, count, &nr);
	is_int(nr, 2, "both flavours share the essential name");
	b = types_close(b);
	btf__free(raw);
}

/* libbpf makes no enum without a size: one of four bytes is patched. */
static struct btf *with_enum(u32 size, bool is_member)
{
	struct btf *b = btf__new_empty();
	struct btf_type *t;
	int id = btf__add_enum(b, "later", 4);

	t = (struct btf_type *)btf__type_by_id(b, (u32)id);
	t->size = size;
	btf__add_ptr(b, id);
	btf__add_struct(b, "s", 8);
	btf__add_field(b, "e", is_member ? id : id + 1, 0, 0);
	return b;
}

static void test_flavours(void)
{
	static const struct {
		const char *name;
		size_t len;
	} rows[] = {{"a", 1},         {"a___b", 1}, {"task_struct___old", 11},
		    {"a____b", 6},    {"___b", 4},  {"a___", 4},
		    {"a___b___c", 5}, {"", 0},      {"x_y", 3}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		is_int(types_essential_len(rows[i].name), rows[i].len, "essential name of '%s'",
		       rows[i].name);
}

static void refuse(struct btf *b, const char *why)
{
	struct skep_diag diag = {0};
	struct btf *got = NULL;
	const void *data;
	char text[512];
	u32 size;

	data = btf__raw_data(b, &size);
	is_int(types_open(data, size, NULL, &got, &diag), -EINVAL, "refused: %s", why);
	skep_diag_format(&diag, text, sizeof(text));
	ok(strstr(text, why), "and says so: %s", text);
	types_close(got);
	btf__free(b);
}

static void test_forward_enum(void)
{
	struct btf *raw = with_enum(0, false), *b = NULL;
	const void *data;
	u32 size;

	data = btf__raw_data(raw, &size);
	is_int(types_open(data, size, NULL, &b, NULL), 0, "a pointer to an enum without a size");
	is_int(types_size(b, 1), 0, "which has none");
	types_close(b);
	btf__free(raw);
	refuse(with_enum(0, true), "a member of no type");
	refuse(with_enum(3, false), "an enum of an odd size");
}

static struct btf_type *type_of(struct btf *b, u32 id)
{
	return (struct btf_type *)btf__type_by_id(b, id);
}

static void test_refusals(void)
{
	struct btf *b = sample();

	type_of(b, 2)->type = 999;
	refuse(b, "points to no type");
	b = sample();
	type_of(b, 11)->type = 11;
	refuse(b, "contains itself");
	b = sample();
	btf_members(type_of(b, 3))[0].type = 4;
	refuse(b, "contains itself");
	b = sample();
	btf_array(type_of(b, 4))->nelems = 0x20000001;
	refuse(b, "more than 4 GiB");
	b = sample();
	btf_members(type_of(b, 3))[0].offset = 33;
	refuse(b, "beyond the end of its struct");
	b = sample();
	type_of(b, 1)->name_off = 1 << 20;
	refuse(b, "name lies beyond");
	b = sample();
	type_of(b, 3)->info = (BTF_KIND_STRUCT << 24) | 0xffff;
	refuse(b, "cut off");
	b = sample();
	type_of(b, 1)->info = 31u << 24;
	refuse(b, "unknown kind");
	b = sample();
	type_of(b, 3)->size = 3;
	refuse(b, "BTF type 3");
	b = sample();
	for (int i = 13, id = 12; i < 13 + TYPES_MAX_DEPTH; i++)
		id = btf__add_ptr(b, id);
	refuse(b, "too deep");
}

/* Every cut and many single-byte changes: an error or something that can be walked. */
static void test_noise(void)
{
	struct btf *raw = sample(), *b;
	struct strbuf sb = {0};
	u32 size, refused = 0, opened = 0;
	const u8 *data = btf__raw_data(raw, &size);
	u8 *copy = malloc(size);

	for (u32 i = 0; i < size * 8; i++) {
		memcpy(copy, data, size);
		copy[i / 8] ^= 1 << i % 8;
		if (types_open(copy, size, NULL, &b, NULL)) {
			refused++;
			continue;
		}
		opened++;
		for (u32 id = 0; id < btf__type_cnt(b); id++)
			types_decl(&sb, b, id), types_size(b, id);
		strbuf_reset(&sb);
		types_close(b);
	}
	for (u32 i = 0; i < size; i++)
		if (!types_open(data, i, NULL, &b, NULL)) {
			ok(0, "cut to %u of %u bytes", i, size);
			types_close(b);
		}
	ok(refused && opened, "%u changed bits refused, %u are still BTF", refused, opened);
	strbuf_done(&sb);
	free(copy);
	btf__free(raw);
}

static void ignore(void *ctx, const char *fmt, va_list args)
{
}

/* Inputs that broke something once; libbpf's printer among the victims. */
static void test_crashers(void)
{
	glob_t g;

	if (!ok(!glob("tests/btf/crashers/*", 0, NULL, &g), "there are crashers"))
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct skep_diag diag = {0};
		struct btf_dump *d;
		struct btf *b = NULL;
		char *data;
		size_t size;

		if (file_read(g.gl_pathv[i], 0, &data, &size, &diag))
			continue;
		if (!types_open(data, size, NULL, &b, &diag)) {
			d = btf_dump__new(b, ignore, NULL, NULL);
			for (u32 id = 1; id < btf__type_cnt(b); id++)
				btf_dump__dump_type(d, id);
			btf_dump__free(d);
		}
		ok(1, "%s: %s: %s", g.gl_pathv[i], diag.where, diag.message);
		types_close(b);
		mem_free(data);
	}
	globfree(&g);
}

static void test_kernel(void)
{
	struct skep_diag diag = {0};
	const char *name = "";
	struct types_member m;
	struct btf *b = NULL;
	u32 task;

	is_int(types_open_kernel(NULL, &b, &name, &diag), 0, "a kernel's BTF: %s%s", name,
	       diag.message);
	task = types_find_struct(b, "task_struct");
	is_int(types_member(b, task, "tgid", &m), 0, "task_struct has a tgid");
	b = types_close(b);
	is_int(types_open_kernel("share/btf/vmlinux-6.12.btf.zst", &b, &name, &diag), 0,
	       "the shipped one passes the whole check: %s", diag.message);
	task = types_find_struct(b, "task_struct");
	is_int(types_member(b, task, "thread_info.flags", &m), 0, "and can be read");
	b = types_close(b);
	is_int(types_open_kernel("/dev/null", &b, &name, &diag), -EINVAL, "an empty file");
	is_str(diag.where, "/dev/null: BTF header", "is named");
}

/* As BTF archives and kernels' modules are packed. cut: how many bytes are missing at the end. */
static int open_xz(size_t cut, struct skep_diag *diag)
{
	char path[] = "/tmp/skep-xz.XXXXXX";
	uint8_t packed[8192];
	struct btf *raw = sample(), *b = NULL;
	const void *data;
	size_t nr = 0;
	int fd, err;
	u32 size;

	data = btf__raw_data(raw, &size);
	lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, data, size, packed, &nr, sizeof(packed));
	fd = mkstemp(path);
	if (fd < 0 || write(fd, packed, nr - cut) < 0)
		return -errno;
	close(fd);
	err = types_open_kernel(path, &b, NULL, diag);
	unlink(path);
	if (!err)
		is_int(types_find_struct(b, "out_t"), 11, "and is what it was");
	types_close(b);
	btf__free(raw);
	return err;
}

static void test_xz(void)
{
	struct skep_diag diag = {0};

	is_int(open_xz(0, &diag), 0, "xz is unpacked: %s", diag.message);
	is_int(open_xz(20, &diag), -EINVAL, "cut off");
	ok(strstr(diag.message, "xz"), "is told: %s", diag.message);
}

int main(void)
{
	u64 live = mem_live();

	test_reading();
	test_forward_enum();
	test_xz();
	test_flavours();
	test_refusals();
	test_noise();
	test_crashers();
	test_kernel();
	is_int(mem_live(), live, "nothing is left");
	return tap_done();
}
