/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Records of tests/bpf/event.bpf.c, printed: the type of each buffer's records is found, and
 * tables and JSON are as they were.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "event/printer.h"
#include "event/rectype.h"
#include <arpa/inet.h>
#include <errno.h>

static struct object *obj;
static struct strbuf out;

static int collect(void *ctx, const char *text, size_t size)
{
	strbuf_add(&out, text, size);
	return 0;
}

static void open_object(void)
{
	const char *b = getenv("B");
	struct skep_diag diag = {0};
	char path[512], *p;
	size_t size;

	snprintf(path, sizeof(path), "%s/tests/bpf/event.bpf.o", b ? b : "build");
	if (file_read(path, 0, &p, &size, &diag))
		tap_skip_all("tests/bpf/event.bpf.o is not built");
	is_int(object_open(p, size, path, &obj, &diag), 0, "opened %s", diag.message);
	mem_free(p);
}

/* --- types ------------------------------------------------------------------------------------ */

static void test_types(void)
{
	static const struct {
		const char *map, *types;
	} rows[] = {
		{"by_value", "declared:16 "},
		{"by_reserve", "reserved:72 "},
		{"by_stack", "on_stack:16 "},
		{"by_param", "param:8 "},
		{"by_global", "global:8 "},
		{"by_dynptr", "dyn:8 "},
		{"by_lookup", "stored:12 "},
		{"by_scalar", ":8 "},
		{"by_perf", "args:72 "},
		{"two_types", "first:8 second:16 "},
		{"unknown", ""},
	};
	struct strbuf sb = {0};
	struct rectypes types;

	is_int(rectypes_new(obj, &types, NULL), 0, "types of the buffers");
	is_int(types.nr_maps, ARRAY_SIZE(rows), "all buffers and no other map");
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		for (u32 k = 0; k < types.nr_maps; k++) {
			struct rectype_map *m = &types.maps[k];

			if (strcmp(m->name, rows[i].map))
				continue;
			strbuf_reset(&sb);
			for (u32 t = 0; t < m->nr_types; t++) {
				const struct btf_type *bt = btf__type_by_id(m->types[t].btf,
									    m->types[t].type_id);

				strbuf_printf(&sb, "%s:%u ",
					      btf__name_by_offset(m->types[t].btf, bt->name_off),
					      m->types[t].size);
			}
			is_str(strbuf_str(&sb), rows[i].types, "records of %s", m->name);
		}
	strbuf_done(&sb);
	rectypes_done(&types);
}

/* --- printing --------------------------------------------------------------------------------- */

struct reserved { /* as in event.bpf.c */
	u32 pid;
	int ret;
	u32 op, af;
	u8 saddr[16];
	u16 dport;
	u8 low : 3, high : 5;
	bool ok;
	u16 major, minor;
	union {
		struct {
			int flags;
			char path[12];
		} open;
		int fd;
	};
	char comm[16];
};

static const struct reserved v4 = {
	.pid = 4711,
	.ret = -2,
	.op = 1,
	.af = 2,
	.saddr = {10, 0, 0, 1},
	.dport = 0xbb01, /* 443 */
	.low = 5,
	.high = 17,
	.ok = true,
	.major = 8,
	.minor = 1,
	.open = {0x241, "/etc/\"x\"\n"},
	.comm = "cat",
};

static struct event_printer *new_printer(enum skep_format format, const char *fields)
{
	struct skep_printer_opts opts = {.sz = sizeof(opts), .format = format, .fields = fields};
	struct event_printer *p = NULL;
	struct skep_diag diag = {0};

	strbuf_reset(&out);
	is_int(event_printer_new(obj, &opts, collect, NULL, &p, &diag), 0, "a printer%s",
	       diag.message);
	return p;
}

static void event(struct event_printer *p, const char *map, const void *data, size_t size)
{
	u8 *copy = mem_alloc(size ? size : 1); /* for the address sanitizer: the exact size */
	struct skep_event ev = {.sz = sizeof(ev), .map = map, .data = copy, .size = size};

	memcpy(copy, data, size);
	is_int(event_printer_event(p, &ev), 0, "%zu bytes of %s", size, map);
	mem_free(copy);
}

static void printed(struct event_printer *p, const char *want, const char *what)
{
	is_str(strbuf_str(&out), want, "%s", what);
	event_printer_free(p);
}

static void test_json(void)
{
	struct reserved v6 = v4;
	struct event_printer *p = new_printer(SKEP_FORMAT_JSON, NULL);

	v6.af = 10;
	v6.op = 2;
	v6.fd = 3;
	inet_pton(AF_INET6, "fe80::1", v6.saddr);
	event(p, "by_reserve", &v4, sizeof(v4));
	event(p, "by_reserve", &v6, sizeof(v6));
	event(p, "by_reserve", &v4, 18);
	printed(p,
		"{\"map\":\"by_reserve\",\"pid\":4711,\"ret\":-2,\"op\":\"OP_OPEN\",\"af\":2,"
		"\"saddr\":\"10.0.0.1\",\"dport\":443,\"low\":5,\"high\":17,\"ok\":true,"
		"\"dev\":{\"major\":8,\"minor\":1},\"open\":{\"flags\":577,\"path\":"
		"\"/etc/\\\"x\\\"\\n\"},\"comm\":\"cat\"}\n"
		"{\"map\":\"by_reserve\",\"pid\":4711,\"ret\":-2,\"op\":\"OP_CLOSE\",\"af\":10,"
		"\"saddr\":\"fe80::1\",\"dport\":443,\"low\":5,\"high\":17,\"ok\":true,"
		"\"dev\":{\"major\":8,\"minor\":1},\"close\":{\"fd\":3},\"comm\":\"cat\"}\n"
		"{\"map\":\"by_reserve\",\"pid\":4711,\"ret\":-2,\"op\":\"OP_OPEN\",\"af\":2,"
		"\"saddr\":null,\"dport\":null,\"low\":null,\"high\":null,\"ok\":null,"
		"\"dev\":{\"major\":null,\"minor\":null},\"open\":{\"flags\":null,\"path\":null},"
		"\"comm\":null}\n",
		"JSON; a record that is cut short has nulls");
}

static void test_table(void)
{
	struct event_printer *p = new_printer(SKEP_FORMAT_TABLE, NULL);
	u64 two[] = {1500, 0x0041414141414141};

	event(p, "by_reserve", &v4, sizeof(v4));
	event(p, "by_stack", two, 16);
	event(p, "by_stack", two, 16);
	event(p, "two_types", "\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0", 16);
	event(p, "two_types", "\1\0\0\0\2\0\0\0", 8);
	event(p, "unknown", "\1\2\3", 3);
	printed(p,
		" PID RET     OP      AF      SADDR    DPORT LOW HIGH OK   MAJOR MINOR COMM "
		"DETAIL\n"
		"4711 -ENOENT OP_OPEN AF_INET 10.0.0.1   443   5   17 true     8     1 cat  "
		"open{flags=0x241, path=\"/etc/\\\"x\\\"\\n\"}\n"
		"\n"
		" DELTA_US TEXT\n"
		"  1.500ms AAAAAAA\n"
		"  1.500ms AAAAAAA\n"
		"\n"
		"  KIND      X      Y      Z\n"
		"     1      2      3      4\n"
		"\n"
		"  KIND      X\n"
		"     1      2\n"
		"\n"
		"SIZE DATA\n"
		"   3 010203\n",
		"a table for each kind of record");
}

static void test_fields(void)
{
	struct event_printer *p = new_printer(SKEP_FORMAT_TABLE, "comm,ret,+cpu,dev");
	struct skep_printer_opts opts = {.sz = sizeof(opts), .fields = "comm,nope"};
	struct skep_diag diag = {0};

	event(p, "by_reserve", &v4, sizeof(v4));
	printed(p,
		"COMM            RET     CPU MAJOR MINOR\n"
		"cat             -ENOENT   0     8     1\n",
		"chosen, in that order");
	p = new_printer(SKEP_FORMAT_JSON, "-dev,-open,-detail,-saddr,-af,-dport,-low");
	event(p, "by_reserve", &v4, sizeof(v4));
	printed(p,
		"{\"map\":\"by_reserve\",\"pid\":4711,\"ret\":-2,\"op\":\"OP_OPEN\",\"high\":17,"
		"\"ok\":true,\"comm\":\"cat\"}\n",
		"some left out");
	is_int(event_printer_new(obj, &opts, collect, NULL, &p, &diag), -EINVAL, "no such field");
	ok(strstr(diag.message, "there is no field 'nope'; the fields are: "), "is told: %s",
	   diag.message);
}

static void test_printk(void)
{
	struct skep_event ev = {.sz = sizeof(ev),
				.kind = SKEP_EVENT_PRINTK,
				.cpu = 2,
				.pid = 17,
				.comm = "sh",
				.data = "hello \x1b[31m",
				.size = 11};
	struct event_printer *p = new_printer(SKEP_FORMAT_TABLE, NULL);

	is_int(event_printer_event(p, &ev), 0, "printk");
	printed(p,
		"CPU     PID COMM            TEXT\n"
		"  2      17 sh              hello \\u001b[31m\n",
		"a printk line; nothing reaches the terminal raw");
	p = new_printer(SKEP_FORMAT_JSON, NULL);
	is_int(event_printer_event(p, &ev), 0, "printk");
	printed(p,
		"{\"map\":\"printk\",\"cpu\":2,\"pid\":17,\"comm\":\"sh\",\"text\":"
		"\"hello \\u001b[31m\"}\n",
		"as JSON");
}

static void test_words(void)
{
	struct {
		u32 pid, size;
		char args[64];
	} a = {7, 13, "ls\0-l\0/tmp/x\0garbage"};
	struct event_printer *p = new_printer(SKEP_FORMAT_TABLE, NULL);

	event(p, "by_perf", &a, sizeof(a));
	event(p, "by_perf", &a, 8 + 6);
	printed(p,
		"   PID ARGS_SIZE ARGS\n"
		"     7        13 ls -l /tmp/x\n"
		"     7        13 ls -l\n",
		"arguments, as long as they are said and sent to be");
}

/* Any bytes of any length. */
static void test_any(void)
{
	static const char *const maps[] = {"by_value",  "by_reserve", "by_stack",  "by_param",
					   "by_global", "by_dynptr",  "by_lookup", "by_scalar",
					   "two_types", "by_perf",    "unknown"};
	struct event_printer *p = new_printer(SKEP_FORMAT_JSON, NULL);
	struct event_printer *t = new_printer(SKEP_FORMAT_TABLE, NULL);
	u32 bad = 0;

	for (u32 i = 0; i < 5000; i++) {
		size_t size = i % 100;
		u8 *data = mem_alloc(size + 1);
		struct skep_event ev = {
			.map = maps[i % ARRAY_SIZE(maps)], .data = data, .size = size};

		for (size_t k = 0; k < size; k++)
			data[k] = (u8)(i * 2654435761u >> (k % 25));
		bad += event_printer_event(p, &ev) != 0;
		bad += event_printer_event(t, &ev) != 0;
		mem_free(data);
	}
	is_int(bad, 0, "records of any length and content");
	event_printer_free(p);
	event_printer_free(t);
}

/* Every allocation fails once. */
static void test_nomem(void)
{
	struct skep_printer_opts opts = {.sz = sizeof(opts), .fields = "-comm"};
	struct event_printer *p = NULL;
	u64 live = mem_live(), n;
	int err = -ENOMEM;

	for (n = 1; n < 2000 && err; n++) {
		mem_fail_at(n);
		err = event_printer_new(obj, &opts, collect, NULL, &p, NULL);
		mem_fail_at(0);
		if (err && (err != -ENOMEM || mem_live() != live))
			break;
	}
	is_int(err, 0, "a printer, or out of memory: %llu allocations", (unsigned long long)n);
	event_printer_free(p);
	is_int(mem_live(), live, "nothing is left");
}

int main(void)
{
	open_object();
	test_types();
	test_json();
	test_table();
	test_fields();
	test_printk();
	test_words();
	test_any();
	test_nomem();
	object_close(obj);
	strbuf_done(&out);
	is_int(mem_live(), 0, "nothing is left");
	return tap_done();
}
