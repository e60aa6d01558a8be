/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The tables of call sequences with Linux' answers: sequences/NAME.def. Our maps must give them;
 * where we are root on a kernel with BPF so must the kernel, or the table is wrong.
 *
 * MAP(type, key size, value size, max_entries, flags, map_extra, answer) makes a map, and
 * DO(operation, key, value, flags, answer, what comes out) follow on it; operations and F_* flags
 * are explained in sequences.h. To add rows, write them with any answer and have the kernel fill
 * it in: test_sequences --record NAME > new && mv new tests/map/sequences/NAME.def
 */
#include "../tap.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "seq_kernel.h"
#include "seq_ours.h"

#define NUMA_NODE      BPF_F_NUMA_NODE
#define NO_PREALLOC    BPF_F_NO_PREALLOC
#define NO_COMMON_LRU  BPF_F_NO_COMMON_LRU
#define RDONLY         BPF_F_RDONLY
#define WRONLY         BPF_F_WRONLY
#define STACK_BUILD_ID BPF_F_STACK_BUILD_ID
#define ZERO_SEED      BPF_F_ZERO_SEED
#define RDONLY_PROG    BPF_F_RDONLY_PROG
#define WRONLY_PROG    BPF_F_WRONLY_PROG
#define CLONE          BPF_F_CLONE
#define MMAPABLE       BPF_F_MMAPABLE
#define PRESERVE_ELEMS BPF_F_PRESERVE_ELEMS
#define INNER_MAP      BPF_F_INNER_MAP
#define ANY            BPF_ANY
#define NOEXIST        BPF_NOEXIST
#define EXIST          BPF_EXIST
#define LOCK           BPF_F_LOCK
#define CURRENT_CPU    BPF_F_CURRENT_CPU
#define NO_WAKEUP      BPF_RB_NO_WAKEUP
#define FORCE_WAKEUP   BPF_RB_FORCE_WAKEUP
/* the key of an LPM trie of 4 bytes */
#define NET(a, b, c, d, len)                                                                       \
	((u64)(len) | (u64)(a) << 32 | (u64)(b) << 40 | (u64)(c) << 48 | (u64)(d) << 56)

#define MAP(t, k, v, m, f, e, w)                                                                   \
	{.map = {.type_name = #t,                                                                  \
		 .flags_name = #f,                                                                 \
		 .type = SPEC_MAP_##t,                                                             \
		 .key_size = k,                                                                    \
		 .value_size = v,                                                                  \
		 .max_entries = m,                                                                 \
		 .flags = f,                                                                       \
		 .extra = e,                                                                       \
		 .want = w}},
#define DO(o, k, v, f, w, out)                                                                     \
	{.op = {.op_name = #o,                                                                     \
		.flags_name = #f,                                                                  \
		.op = OP_##o,                                                                      \
		.key = k,                                                                          \
		.value = v,                                                                        \
		.flags = f,                                                                        \
		.want = w,                                                                         \
		.want_out = out}},
static const struct seq_row create_rows[] = {
#include "sequences/create.def"
};
static const struct seq_row array_rows[] = {
#include "sequences/array.def"
};
static const struct seq_row hash_rows[] = {
#include "sequences/hash.def"
};
static const struct seq_row lru_rows[] = {
#include "sequences/lru.def"
};
static const struct seq_row fields_rows[] = {
#include "sequences/fields.def"
};
static const struct seq_row trie_rows[] = {
#include "sequences/trie.def"
};
static const struct seq_row queue_rows[] = {
#include "sequences/queue.def"
};
static const struct seq_row inner_rows[] = {
#include "sequences/inner.def"
};
static const struct seq_row record_rows[] = {
#include "sequences/record.def"
};
static const struct seq_row target_rows[] = {
#include "sequences/target.def"
};
#undef MAP
#undef DO

#define TABLE(name)                                                                                \
	{                                                                                          \
#name, name##_rows, ARRAY_SIZE(name##_rows)                                        \
	}
static const struct table {
	const char *name;
	const struct seq_row *rows;
	u32 nr;
} tables[] = {TABLE(create), TABLE(array), TABLE(hash),  TABLE(lru),    TABLE(fields),
	      TABLE(trie),   TABLE(queue), TABLE(inner), TABLE(record), TABLE(target)};

struct tally {
	const struct seq_side *side;
	const struct table *table;
	u32 wrong, rows;
};

static void check(struct tally *t, u32 row, const char *what, long want, u64 want_out, long got,
		  u64 out)
{
	t->rows++;
	if (want == got && want_out == out)
		return;
	t->wrong++;
	printf("# %s, row %u, %s: %s gives %ld, %#llx; the table has %ld, %#llx\n", t->table->name,
	       row, what, t->side->name, got, (unsigned long long)out, want,
	       (unsigned long long)want_out);
}

static void run_table(struct tally *t, const struct table *table)
{
	const struct seq_map *map = NULL;
	char what[160];
	long got = -1, ret;
	u64 out;

	t->table = table;
	for (u32 i = 0; i < table->nr; i++) {
		const struct seq_row *r = &table->rows[i];

		if (!r->op.op_name) {
			t->side->destroy();
			map = &r->map;
			got = t->side->create(map);
			snprintf(what, sizeof(what), "%s(%u, %u, %u, %s)", map->type_name,
				 map->key_size, map->value_size, map->max_entries, map->flags_name);
			check(t, i, what, map->want, 0, got, 0);
			continue;
		}
		if (got)
			continue;
		out = 0;
		snprintf(what, sizeof(what), "%s %s(%#llx, %#llx, %s)", map->type_name,
			 r->op.op_name, (unsigned long long)r->op.key,
			 (unsigned long long)r->op.value, r->op.flags_name);
		ret = t->side->run(map, &r->op, &out);
		check(t, i, what, r->op.want, r->op.want_out, ret, out);
	}
	t->side->destroy();
}

/* --- recording -------------------------------------------------------------------------------- */

static const char *errno_name(long err)
{
	static char buf[32];
	static const struct {
		long err;
		const char *name;
	} names[] = {{EPERM, "EPERM"},      {ENOENT, "ENOENT"},       {E2BIG, "E2BIG"},
		     {EBADF, "EBADF"},      {EAGAIN, "EAGAIN"},       {ENOMEM, "ENOMEM"},
		     {EFAULT, "EFAULT"},    {EBUSY, "EBUSY"},         {EEXIST, "EEXIST"},
		     {ENODEV, "ENODEV"},    {EINVAL, "EINVAL"},       {ENOSPC, "ENOSPC"},
		     {EACCES, "EACCES"},    {EOVERFLOW, "EOVERFLOW"}, {EOPNOTSUPP, "EOPNOTSUPP"},
		     {ENOTSUPP, "ENOTSUPP"}};

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].err == -err) {
			snprintf(buf, sizeof(buf), "-%s", names[i].name);
			return buf;
		}
	snprintf(buf, sizeof(buf), "%ld", err);
	return buf;
}

static void add_number(struct strbuf *sb, u64 v)
{
	strbuf_printf(sb, v < 1000000 ? "%llu" : "%#llx", (unsigned long long)v);
}

/* As many rows to a line as fit. */
static void print_row(struct strbuf *row, bool first)
{
	static size_t column;

	if (first || column + row->len + 1 > 100) {
		printf("%s%s", first ? "\n\n" : "\n", row->s);
		column = row->len;
	} else {
		printf(" %s", row->s);
		column += row->len + 1;
	}
	strbuf_done(row);
}

static void record_op(const struct seq_map *map, const struct seq_op *op)
{
	struct strbuf row = {0};
	u64 out = 0;
	long got = seq_kernel.run(map, op, &out);

	strbuf_printf(&row, "DO(%s, ", op->op_name);
	add_number(&row, op->key);
	strbuf_puts(&row, ", ");
	add_number(&row, op->value);
	strbuf_printf(&row, ", %s, %s, ", op->flags_name, errno_name(got));
	add_number(&row, out);
	strbuf_putc(&row, ')');
	print_row(&row, false);
}

static void record_map(const struct seq_map *map, long got, bool first)
{
	struct strbuf row = {0};

	strbuf_printf(&row, "MAP(%s, %u, %u, ", map->type_name, map->key_size, map->value_size);
	add_number(&row, map->max_entries);
	strbuf_printf(&row, ", %s, ", map->flags_name);
	add_number(&row, map->extra);
	strbuf_printf(&row, ", %s)", errno_name(got));
	print_row(&row, first);
}

static int record(const struct table *table)
{
	const struct seq_map *map = NULL;
	bool after_op = true;
	long got = -1;

	printf("/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */\n"
	       "/* Linux' answers (6.18), recorded by test_sequences --record %s. */",
	       table->name);
	for (u32 i = 0; i < table->nr; i++) {
		const struct seq_row *r = &table->rows[i];

		if (r->op.op_name) {
			if (!got)
				record_op(map, &r->op);
			after_op = true;
			continue;
		}
		seq_kernel.destroy();
		map = &r->map;
		got = seq_kernel.create(map);
		record_map(map, got, after_op);
		after_op = false;
	}
	printf("\n");
	return 0;
}

static int record_named(const char *name)
{
	const char *why = k_start();

	for (u32 i = 0; !why && i < ARRAY_SIZE(tables); i++)
		if (!strcmp(tables[i].name, name))
			return record(&tables[i]);
	fprintf(stderr, "%s\n", why ? why : "no such table");
	return 2;
}

static void run_all(struct tally *t)
{
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++)
		run_table(t, &tables[i]);
}

int main(int argc, char **argv)
{
	struct tally our = {.side = &seq_ours}, kernel = {.side = &seq_kernel};
	u64 live = mem_live();
	const char *why;

	if (argc > 2 && !strcmp(argv[1], "--record"))
		return record_named(argv[2]);
	run_all(&our);
	is_int(our.wrong, 0, "our maps give Linux' answers in %u rows", our.rows);
	is_int(mem_live(), live, "nothing is left");
	why = k_start();
	if (why) {
		tap_skip("the kernel gives the table's answers", why);
		return tap_done();
	}
	run_all(&kernel);
	is_int(kernel.wrong, 0, "the kernel gives the table's answers in %u rows", kernel.rows);
	k_close(&k_result);
	k_close(&k_btf);
	return tap_done();
}
