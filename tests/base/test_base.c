/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "../tap.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include <errno.h>
#include <unistd.h>

static void test_diag(void)
{
	struct skep_diag d = {0};
	char line[1024];

	is_int(diag_set_full(&d, -EINVAL, "some-id", "do that", "bad %d", 7), -EINVAL,
	       "returns err");
	diag_set(&d, -ENOENT, "later and shallower");
	diag_at(&d, -ENOENT, "inner");
	diag_at(&d, -ENOENT, "outer %s", "file");
	is_int(d.err, -EINVAL, "the deepest reason wins");
	skep_diag_format(&d, line, sizeof(line));
	is_str(line, "outer file: inner: bad 7 (do that)", "places go from outer to inner");
	for (int i = 0; i < 100; i++)
		diag_at(&d, -1, "a long place number %d", i);
	ok(strlen(d.where) < sizeof(d.where), "places that do not fit are cut");
	skep_diag_clear(&d);
	is_int(d.err, 0, "clear");
	is_int(diag_set(NULL, -EPERM, "nobody listens"), -EPERM, "NULL is fine");
	memset(d.where, 'x', 250);
	diag_at(&d, -1, "abcdefgh");
	is_int(strlen(d.where), 255, "an inner place is cut to fit");
}

static void test_arena(void)
{
	struct arena a = {0};
	u64 before = mem_live();
	char *p, *last = NULL;
	bool zero = true;

	for (int i = 0; i < 2000; i++) {
		p = arena_alloc(&a, (size_t)i);
		for (int k = 0; k < i; k++)
			zero &= !p[k];
		memset(p, 0xff, (size_t)i);
		last = p;
	}
	ok(zero && last, "blocks are zeroed and do not overlap");
	is_str(arena_printf(&a, "%d-%s", 5, "x"), "5-x", "printf");
	ok(!arena_calloc(&a, SIZE_MAX / 2, 16), "an overflow is refused");
	arena_done(&a);
	is_int(mem_live(), before, "done frees all");
}

static void test_hash(void)
{
	struct hash_table t = {0};
	static char v[1000];
	int bad = 0;

	for (u64 i = 0; i < 1000; i++)
		hash_put(&t, i * 4096, v + i);
	for (u64 i = 0; i < 1000; i += 3)
		bad += hash_del(&t, i * 4096) != v + i;
	for (u64 i = 0; i < 1000; i++)
		bad += hash_get(&t, i * 4096) != (i % 3 ? v + i : NULL);
	is_int(bad, 0, "put, delete, get");
	is_int(t.nr, 666, "count");
	hash_done(&t);
	ok(!hash_get(&t, 0), "an empty table");
}

static void test_strbuf(void)
{
	struct strbuf sb = {0};

	strbuf_json_string(&sb, "a\"\\\n\x01\xff\xc3\xa9", 8);
	is_str(strbuf_str(&sb), "\"a\\\"\\\\\\n\\u0001\\u00ff\xc3\xa9\"", "JSON text is escaped");
	strbuf_reset(&sb);
	mem_fail_at(1);
	for (int i = 0; i < 1000; i++)
		strbuf_puts(&sb, "0123456789");
	mem_fail_at(0);
	ok(sb.failed, "a lost addition is remembered");
	strbuf_done(&sb);
}

static void test_file(void)
{
	char path[] = "/tmp/skep-test-XXXXXX";
	struct skep_diag d = {0};
	char *text;
	size_t size;

	close(mkstemp(path));
	is_int(file_write(path, "hello", 5, &d), 0, "write");
	is_int(file_read(path, 0, &text, &size, &d), 0, "read");
	ok(size == 5 && !strcmp(text, "hello"), "the same comes back");
	mem_free(text);
	is_int(file_read(path, 4, &text, &size, &d), -EFBIG, "a limit holds");
	unlink(path);
	skep_diag_clear(&d);
	is_int(file_read(path, 0, &text, &size, &d), -ENOENT, "no such file");
	is_str(d.where, path, "the error names the file");
	ok(file_read("/proc/self/status", 0, &text, &size, NULL) == 0 && size > 100, "/proc");
	mem_free(text);
}

static void test_vec(void)
{
	VEC(int) v = {0};

	for (int i = 0; i < 100; i++)
		*VEC_PUSH(&v) = i;
	ok(v.nr == 100 && v.data[99] == 99, "push");
	VEC_DONE(&v);
}

int main(void)
{
	u64 before = mem_live();

	test_diag();
	test_arena();
	test_hash();
	test_strbuf();
	test_file();
	test_vec();
	is_int(mem_live(), before, "nothing leaks");
	return tap_done();
}
