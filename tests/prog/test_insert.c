/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Instructions put into objects. Every instruction of every test object gets markers in front of it
 * and behind it; the object that comes out is opened and relocated by our own loader, which knows
 * nothing of this, and must be the old one but for the markers: the same functions, every jump,
 * call, line and relocation where it was. Then lists that are wrong, jumps that become too far, and
 * objects with bytes flipped.
 */
#include "../tap.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "elf/image.h"
#include "object/object.h"
#include "prog/insert.h"
#include "spec/uapi.h"
#include <bpf/btf.h>
#include <errno.h>
#include <glob.h>

/* Markers: nothing that a compiler emits. */
static const struct bpf_insn front[2] = {
	{.code = BPF_JMP | BPF_JA, .imm = 0x5e9},
	{.code = BPF_JMP | BPF_JA, .imm = 0x5e9},
};
static const struct bpf_insn behind = {.code = BPF_JMP | BPF_JA, .imm = 0xbe41};

static bool is_marker(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_JA) && !insn->off &&
	       (insn->imm == front[0].imm || insn->imm == behind.imm);
}

struct list {
	VEC(struct insert) v;
};

static void add(struct list *l, u32 section, u32 insn, bool after)
{
	struct insert *ins = VEC_PUSH(&l->v);

	*ins = (struct insert){
		.section = section,
		.insn = insn,
		.after = after,
		.nr = after ? 1 : 2,
		.code = after ? &behind : front,
	};
}

/* Everywhere: in front of and behind each instruction of each code section. */
static void mark_all(struct list *l, const struct elf_image *img)
{
	for (u32 s = 1; s < img->nr_sections; s++) {
		const struct elf_section *sec = &img->sections[s];

		if (sec->type != SHT_PROGBITS || !(sec->flags & SHF_EXECINSTR) || !sec->data)
			continue;
		for (u32 i = 0; i < sec->size / sizeof(struct bpf_insn); i++) {
			bool wide = sec->data[i * sizeof(struct bpf_insn)] ==
				    (BPF_LD | BPF_IMM | BPF_DW);

			add(l, s, i, false);
			if (wide)
				i++;
			add(l, s, i, true); /* behind the second half */
		}
	}
}

/* --- comparing -------------------------------------------------------------------------------- */

/* Where the old instruction i is in the new program; nr gives its end. */
static u32 *match(const struct prog *old, const struct prog *new)
{
	u32 *at = mem_calloc(old->nr_insns + 1, sizeof(*at)), j = 0;

	for (u32 i = 0; i < old->nr_insns; i++, j++) {
		while (j < new->nr_insns && is_marker(&new->insns[j]))
			j++;
		at[i] = j;
	}
	while (j < new->nr_insns && is_marker(&new->insns[j]))
		j++;
	at[old->nr_insns] = j;
	return j == new->nr_insns ? at : NULL;
}

/* A jump to i leads to the two markers in front of it. */
static bool same_target(const u32 *at, s64 old_target, s64 new_target)
{
	return new_target == (s64)at[old_target] - 2;
}

static bool same_insn(const struct prog *old, const struct prog *new, const u32 *at, u32 i)
{
	struct bpf_insn a = old->insns[i], b = new->insns[at[i]];
	u8 class = BPF_CLASS(a.code), op = BPF_OP(a.code);
	bool jump = (class == BPF_JMP || class == BPF_JMP32) && op != BPF_EXIT && op != BPF_CALL;
	bool call = a.code == (BPF_JMP | BPF_CALL) && a.src_reg == BPF_PSEUDO_CALL;
	bool func = a.code == (BPF_LD | BPF_IMM | BPF_DW) && a.src_reg == BPF_PSEUDO_FUNC;
	bool by_imm = call || func || a.code == (BPF_JMP32 | BPF_JA);
	s64 x = (s64)i + 1 + (by_imm ? a.imm : a.off);
	s64 y = (s64)at[i] + 1 + (by_imm ? b.imm : b.off);

	if (!jump && !call && !func)
		return !memcmp(&a, &b, sizeof(a));
	if (x < 0 || x > old->nr_insns || a.code != b.code)
		return false;
	return same_target(at, x, y);
}

static u32 different_insns(const struct prog *old, const struct prog *new, const u32 *at)
{
	u32 nr = 0;

	for (u32 i = 0; i < old->nr_insns; i++) {
		bool second = i && old->insns[i - 1].code == (BPF_LD | BPF_IMM | BPF_DW) &&
			      !old->insns[i].code;

		if (second)
			nr += at[i] != at[i - 1] + 1 ||
			      memcmp(&old->insns[i], &new->insns[at[i]], sizeof(struct bpf_insn));
		else
			nr += !same_insn(old, new, at, i);
	}
	return nr;
}

static u32 different_lines(const struct prog *old, const struct prog *new, const u32 *at)
{
	u32 nr = old->nr_lines != new->nr_lines;

	for (u32 i = 0; i < old->nr_lines && !nr; i++) {
		const struct prog_line *a = &old->lines[i], *b = &new->lines[i];

		nr += !same_target(at, a->insn, b->insn) || a->line != b->line || a->col != b->col;
	}
	return nr;
}

static u32 different_rest(const struct prog *old, const struct prog *new, const u32 *at)
{
	u32 nr = old->nr_funcs != new->nr_funcs || old->nr_refs != new->nr_refs;

	for (u32 i = 0; i < old->nr_funcs && !nr; i++)
		nr += !same_target(at, old->funcs[i].start, new->funcs[i].start) ||
		      strcmp(old->funcs[i].name, new->funcs[i].name) ||
		      old->funcs[i].type_id != new->funcs[i].type_id;
	for (u32 i = 0; i < old->nr_refs && !nr; i++)
		nr += new->refs[i].insn != at[old->refs[i].insn] ||
		      new->refs[i].idx != old->refs[i].idx;
	return nr;
}

struct tally {
	u32 progs, insns, lines, rest, other;
};

static void compare(const struct object *old, const struct object *new, struct tally *t)
{
	t->other += old->nr_progs != new->nr_progs || old->nr_maps != new->nr_maps;
	for (u32 i = 0; i < old->nr_progs && !t->other; i++) {
		const struct prog *a = &old->progs[i], *b = &new->progs[i];
		u32 *at = match(a, b);

		t->progs++;
		t->other += !at || strcmp(a->name, b->name);
		if (at) {
			t->insns += different_insns(a, b, at);
			t->lines += different_lines(a, b, at);
			t->rest += different_rest(a, b, at);
		}
		mem_free(at);
	}
}

static struct object *open_relocated(const void *data, size_t size, const struct btf *btf,
				     struct skep_diag *diag)
{
	struct object_reloc_opts opts = {.kernel_btf = btf};
	struct object *obj = NULL;

	if (object_open(data, size, "test", &obj, diag))
		return NULL;
	if (!object_relocate(obj, &opts, diag))
		return obj;
	object_close(obj);
	return NULL;
}

static void check_object(const char *path, const struct btf *btf)
{
	struct object *old = NULL, *new = NULL;
	struct skep_diag diag = {0};
	struct arena arena = {0};
	struct elf_image img;
	struct list l = {0};
	struct tally t = {0};
	size_t size, new_size = 0;
	void *out = NULL;
	char *data = NULL;

	if (file_read(path, 0, &data, &size, &diag) || elf_open(&arena, data, size, &img, &diag)) {
		ok(0, "%s: %s", path, diag.message);
		return;
	}
	mark_all(&l, &img);
	old = open_relocated(data, size, btf, &diag);
	if (!old) {
		ok(1, "%s # SKIP it does not load here: %s", path, diag.message);
	} else if (insert_into_object(data, size, l.v.data, (u32)l.v.nr, &out, &new_size, &diag)) {
		ok(0, "%s: %s", path, diag.message);
	} else {
		new = open_relocated(out, new_size, btf, &diag);
		ok(new, "%s opens with %zu pieces put in%s%s", path, l.v.nr, new ? "" : ": ",
		   new ? "" : diag.message);
	}
	if (new) {
		compare(old, new, &t);
		ok(!t.other && !t.insns, "the same instructions in %u programs (%u differ)",
		   t.progs, t.insns);
		ok(!t.lines && !t.rest, "the same lines, functions, references (%u, %u differ)",
		   t.lines, t.rest);
	}
	VEC_DONE(&l.v);
	object_close(old);
	object_close(new);
	mem_free(out);
	mem_free(data);
	arena_done(&arena);
}

/* --- what must be refused --------------------------------------------------------------------- */

struct sample {
	char *data;
	size_t size;
	struct arena arena;
	struct elf_image img;
	u32 code; /* a section with programs */
};

static bool open_sample(struct sample *s, const char *path)
{
	if (file_read(path, 0, &s->data, &s->size, NULL) ||
	    elf_open(&s->arena, s->data, s->size, &s->img, NULL))
		return false;
	for (u32 i = 1; i < s->img.nr_sections && !s->code; i++)
		if ((s->img.sections[i].flags & SHF_EXECINSTR) && s->img.sections[i].size)
			s->code = i;
	return s->code;
}

static int try_list(const struct sample *s, const struct insert *list, u32 nr)
{
	size_t size;
	void *out = NULL;
	int err = insert_into_object(s->data, s->size, list, nr, &out, &size, NULL);

	mem_free(out);
	return err;
}

static void check_lists(const struct sample *s)
{
	u32 nr = (u32)(s->img.sections[s->code].size / sizeof(struct bpf_insn));
	struct insert good = {.section = s->code, .nr = 1, .code = &behind};
	struct insert bad = good, two[2] = {good, good};

	is_int(try_list(s, &good, 1), 0, "one instruction in front of the first");
	is_int(try_list(s, &good, 0), 0, "nothing at all");
	bad.section = s->img.nr_sections;
	is_int(try_list(s, &bad, 1), -EINVAL, "no such section");
	bad.section = 0;
	is_int(try_list(s, &bad, 1), -EINVAL, "the empty section");
	bad = good;
	bad.insn = nr;
	is_int(try_list(s, &bad, 1), -EINVAL, "no such instruction");
	bad = good;
	bad.nr = INSERT_MAX_INSNS;
	is_int(try_list(s, &bad, 1), -EINVAL, "more than Linux takes");
	two[0].insn = 1;
	is_int(try_list(s, two, 2), -EINVAL, "not in order");
	two[0] = two[1] = good;
	two[0].after = true;
	is_int(try_list(s, two, 2), -EINVAL, "behind before in front");
}

/* The code of a sample with one instruction replaced: what then? */
static int with_insn(struct sample *s, u32 idx, struct bpf_insn insn, u32 nr_inserted)
{
	struct bpf_insn *code = mem_calloc(nr_inserted + 1, sizeof(*code)), saved;
	struct insert ins = {.section = s->code, .insn = idx + 1, .nr = nr_inserted, .code = code};
	char *p = s->data + (s->img.sections[s->code].data - s->img.data) + idx * sizeof(insn);
	int err;

	memcpy(&saved, p, sizeof(saved));
	memcpy(p, &insn, sizeof(insn));
	for (u32 i = 0; i < nr_inserted; i++)
		code[i] = behind;
	err = try_list(s, &ins, 1);
	memcpy(p, &saved, sizeof(saved));
	mem_free(code);
	return err;
}

static void check_jumps(struct sample *s)
{
	u32 nr = (u32)(s->img.sections[s->code].size / sizeof(struct bpf_insn));
	struct bpf_insn ja = {.code = BPF_JMP | BPF_JA, .off = 2};
	struct bpf_insn ja32 = {.code = BPF_JMP32 | BPF_JA, .imm = 2};
	struct bpf_insn call = {
		.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = (s32)nr};

	is_int(with_insn(s, 0, ja, 1), 0, "a jump over new code");
	is_int(with_insn(s, 0, ja, 32760), 0, "over as much as it reaches");
	is_int(with_insn(s, 0, ja, 32767), -EINVAL, "and farther");
	is_int(with_insn(s, 0, ja32, 40000), 0, "a long jump reaches farther");
	ja.off = (s16)(nr + 5);
	is_int(with_insn(s, 0, ja, 1), -EINVAL, "a jump behind the end of the section");
	ja.off = -9;
	is_int(with_insn(s, 0, ja, 1), -EINVAL, "a jump in front of its beginning");
	is_int(with_insn(s, 0, call, 1), -EINVAL, "a call behind the end");
	ja.code = BPF_JMP | BPF_JA | BPF_X;
	is_int(with_insn(s, 0, ja, 1), -EINVAL, "a jump to an address in a register");
}

/* Bytes flipped: an error or an object, no crash; the sanitizers look on where they are built in.
 */
static void check_flips(const struct sample *s)
{
	struct list l = {0};
	u64 seed = 88172645463325252ULL;
	u32 fine = 0, refused = 0;
	char *copy = mem_alloc(s->size);

	mark_all(&l, &s->img);
	for (u32 n = 0; n < 3000; n++) {
		size_t size;
		void *out = NULL;

		memcpy(copy, s->data, s->size);
		for (u32 k = 0; k < 1 + n % 4; k++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			copy[(seed >> 8) % s->size] = (char)seed;
		}
		if (insert_into_object(copy, s->size, l.v.data, (u32)l.v.nr, &out, &size, NULL))
			refused++;
		else
			fine++;
		mem_free(out);
	}
	ok(fine && refused, "flipped bytes: %u objects, %u errors", fine, refused);
	for (size_t cut = 0; cut < s->size; cut += 97) {
		size_t size;
		void *out = NULL;

		memcpy(copy, s->data, cut);
		if (!insert_into_object(copy, cut, l.v.data, (u32)l.v.nr, &out, &size, NULL))
			fine = 0;
		mem_free(out);
	}
	ok(fine, "cut off anywhere it is an error");
	VEC_DONE(&l.v);
	mem_free(copy);
}

static void check_memory(const struct sample *s)
{
	struct insert good = {.section = s->code, .nr = 1, .code = &behind};
	u64 before = mem_live();
	u32 n = 0;
	int err;

	do {
		mem_fail_at(++n);
		err = try_list(s, &good, 1);
		mem_fail_at(0);
	} while (err == -ENOMEM && n < 1000);
	is_int(err, 0, "without memory it fails cleanly, %u times", n - 1);
	is_int(mem_live(), before, "and leaves nothing behind");
}

int main(void)
{
	const char *b = getenv("B");
	struct btf *btf = btf__parse("/sys/kernel/btf/vmlinux", NULL);
	struct sample s = {0};
	char path[4096];
	glob_t g = {0};

	snprintf(path, sizeof(path), "%s/tests/bpf/*.bpf.o", b ? b : "build");
	ok(!glob(path, 0, NULL, &g) && g.gl_pathc > 5, "there are objects to test with");
	for (size_t i = 0; i < g.gl_pathc; i++)
		check_object(g.gl_pathv[i], btf);
	globfree(&g);
	snprintf(path, sizeof(path), "%s/tests/bpf/output.bpf.o", b ? b : "build");
	if (ok(open_sample(&s, path), "%s", path)) {
		check_lists(&s);
		check_jumps(&s);
		check_flips(&s);
		check_memory(&s);
	}
	mem_free(s.data);
	arena_done(&s.arena);
	btf__free(btf);
	return tap_done();
}
