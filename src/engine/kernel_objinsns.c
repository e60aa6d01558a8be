/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the kernel made of a program, read back: instructions, lines, functions; xlated as text. */
#include "engine/kernel_objinsns.h"
#include "base/mem.h"
#include "btf/types.h"
#include "engine/kernel.h"
#include "isa/isa.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- reading ---------------------------------------------------------------------------------- */

#define MAX_BYTES (64u << 20) /* of one program's instructions; a million of them have 8 MB */
#define MAX_LINES 1000000
#define MAX_FUNCS 4096

struct line_info { /* struct bpf_line_info */
	u32 insn_off, file_name_off, line_off, line_col;
};
struct func_info { /* struct bpf_func_info */
	u32 insn_off, type_id;
};

static void *room(struct objinsns *o, u64 nr, size_t size)
{
	return nr * size > MAX_BYTES ? NULL : arena_calloc(&o->w->arena, nr + 1, size);
}

static int read_insns(struct objinsns *o, int fd)
{
	struct bpf_prog_info ask = {.xlated_prog_len = o->info.xlated_prog_len};

	o->insns = room(o, o->info.xlated_prog_len, 1);
	if (!o->insns)
		return -ENOMEM;
	ask.xlated_prog_insns = (u64)(uintptr_t)o->insns;
	if (kobj_info(fd, &ask, sizeof(ask)) || !ask.xlated_prog_insns)
		o->insns = NULL;
	o->nr_insns = o->info.xlated_prog_len / sizeof(*o->insns);
	return 0;
}

static int read_jited(struct objinsns *o, int fd)
{
	struct bpf_prog_info ask = {.jited_prog_len = o->info.jited_prog_len};

	o->jited = room(o, o->info.jited_prog_len, 1);
	if (!o->jited)
		return -ENOMEM;
	ask.jited_prog_insns = (u64)(uintptr_t)o->jited;
	if (kobj_info(fd, &ask, sizeof(ask)) || !ask.jited_prog_insns)
		o->jited = NULL;
	o->jited_size = (u32)min_u64(o->info.jited_prog_len, ask.jited_prog_len);
	return 0;
}

static int read_lines(struct objinsns *o, int fd, const struct btf *btf)
{
	u32 nr = (u32)min_u64(o->info.nr_line_info, MAX_LINES);
	struct bpf_prog_info ask = {.nr_line_info = nr,
				    .line_info_rec_size = sizeof(struct line_info),
				    .nr_jited_line_info = nr,
				    .jited_line_info_rec_size = sizeof(u64)};
	struct line_info *li = room(o, nr, sizeof(*li));

	o->lines = room(o, nr, sizeof(*o->lines));
	o->line_addrs = room(o, nr, sizeof(u64));
	if (!li || !o->lines || !o->line_addrs)
		return -ENOMEM;
	ask.line_info = (u64)(uintptr_t)li;
	ask.jited_line_info = (u64)(uintptr_t)o->line_addrs;
	if (!nr || kobj_info(fd, &ask, sizeof(ask)))
		return 0;
	o->nr_lines = (u32)min_u64(nr, ask.nr_line_info);
	for (u32 i = 0; i < o->nr_lines; i++) {
		const char *file = btf__str_by_offset(btf, li[i].file_name_off);
		const char *text = btf__str_by_offset(btf, li[i].line_off);

		o->lines[i] = (struct objinsns_line){
			.insn = li[i].insn_off,
			.line = li[i].line_col >> 10,
			.file = arena_strdup(&o->w->arena, file ? file : ""),
			.text = arena_strdup(&o->w->arena, text ? text : ""),
		};
		if (!o->lines[i].file || !o->lines[i].text)
			return -ENOMEM;
	}
	return 0;
}

static int read_funcs(struct objinsns *o, int fd, const struct btf *btf)
{
	u32 nr = (u32)min_u64(max_u64(o->info.nr_func_info, o->info.nr_jited_ksyms), MAX_FUNCS);
	struct bpf_prog_info ask = {.nr_func_info = nr,
				    .func_info_rec_size = sizeof(struct func_info),
				    .nr_jited_ksyms = nr,
				    .nr_jited_func_lens = nr};
	struct func_info *fi = room(o, nr, sizeof(*fi));
	u64 *addrs = room(o, nr, sizeof(*addrs));
	u32 *lens = room(o, nr, sizeof(*lens));

	o->funcs = room(o, nr + 1, sizeof(*o->funcs));
	if (!fi || !addrs || !lens || !o->funcs)
		return -ENOMEM;
	ask.func_info = (u64)(uintptr_t)fi;
	ask.jited_ksyms = (u64)(uintptr_t)addrs;
	ask.jited_func_lens = (u64)(uintptr_t)lens;
	o->nr_funcs = 1;
	o->funcs[0].name = o->name;
	o->funcs[0].size = o->jited_size;
	if (!nr || kobj_info(fd, &ask, sizeof(ask)))
		return 0;
	o->nr_funcs = (u32)max_u64(min_u64(nr, ask.nr_jited_ksyms), 1);
	for (u32 i = 0; i < o->nr_funcs; i++) {
		const char *name = fi[i].type_id ? types_name(btf, fi[i].type_id) : o->name;

		o->funcs[i] = (struct objinsns_func){
			.insn = i < ask.nr_func_info ? fi[i].insn_off : 0,
			.name = arena_strdup(&o->w->arena, name),
			.addr = addrs[i],
			.size = lens[i],
		};
		if (!o->funcs[i].name)
			return -ENOMEM;
	}
	return 0;
}

static int read_debug(struct objinsns *o, int fd)
{
	struct btf *btf = NULL;
	int err;

	if (!o->info.btf_id || kobj_btf(o->info.btf_id, NULL, &btf, NULL))
		btf = btf__new_empty(); /* nothing is known; the names of functions are the
					   program's */
	if (!btf)
		return -ENOMEM;
	err = read_lines(o, fd, btf);
	if (!err)
		err = read_funcs(o, fd, btf);
	types_close(btf);
	return err;
}

static int read_all(struct objinsns *o, int fd, bool jited, struct skep_diag *diag)
{
	int err = kobj_info(fd, &o->info, sizeof(o->info));

	if (err)
		return kobj_refused(err, diag);
	o->name = kobj_prog_name(o->w, fd, &o->info);
	if (o->name && !*o->name)
		o->name = arena_printf(&o->w->arena, "prog_%u", o->info.id);
	err = o->name ? jited ? read_jited(o, fd) : read_insns(o, fd) : -ENOMEM;
	if (!err)
		err = read_debug(o, fd);
	if (err)
		return diag_nomem(diag);
	o->call_base = kobj_kernel_address(o->w, "__bpf_call_base");
	return 0;
}

/* --- text ------------------------------------------------------------------------------------- */

void objinsns_put_line(struct strbuf *sb, const struct objinsns *o, u32 idx)
{
	const struct objinsns_line *l = &o->lines[idx];
	const char *slash = strrchr(l->file, '/');

	strbuf_printf(sb, "; %s:%u  %s\n", slash ? slash + 1 : l->file, l->line,
		      l->text + strspn(l->text, " \t"));
}

const char *objinsns_symbol(const struct objinsns *o, u64 addr)
{
	u64 off;
	const char *name;

	for (u32 i = 0; i < o->nr_funcs; i++)
		if (o->funcs[i].addr && o->funcs[i].addr == addr)
			return o->funcs[i].name;
	name = kobj_kernel_symbol_near(o->w, addr, &off);
	return name && !off ? name : NULL;
}

/* What a call goes to. Helpers count from __bpf_call_base; 12, a tail call, is the exception. */
static void put_call(struct strbuf *sb, const struct objinsns *o, const struct bpf_insn *insn)
{
	u32 idx = (u32)insn->imm;
	const char *name;

	strbuf_puts(sb, "call ");
	if (insn->src_reg == BPF_PSEUDO_CALL) {
		name = idx < o->nr_funcs ? o->funcs[idx].name : "?";
		strbuf_printf(sb, "pc%+d#%s", insn->off, name);
		return;
	}
	if (!insn->src_reg && insn->imm == BPF_FUNC_tail_call) {
		strbuf_puts(sb, "bpf_tail_call#12");
		return;
	}
	name = o->call_base && insn->imm ? objinsns_symbol(o, o->call_base + (u64)(s64)insn->imm)
					 : NULL;
	if (name)
		strbuf_printf(sb, "%s#%d", name, insn->imm);
	else
		strbuf_printf(sb, "%s#%d", insn->imm ? "unknown" : "hidden", insn->imm);
}

struct names {
	const struct objinsns *o;
	char text[128];
};

static const char *ref_name(void *ctx, const struct bpf_insn *insn, u32 idx)
{
	struct names *n = ctx;
	struct bpf_map_info info = {0};
	bool is_map = insn->src_reg == BPF_PSEUDO_MAP_FD || insn->src_reg == BPF_PSEUDO_MAP_VALUE;
	int fd;

	if (insn->code != (BPF_LD | BPF_IMM | BPF_DW) || !is_map)
		return NULL;
	fd = kobj_open(SKEP_KERNEL_MAPS, (u32)insn->imm);
	if (fd >= 0) {
		kobj_info(fd, &info, sizeof(info));
		close(fd);
	}
	if (insn->src_reg == BPF_PSEUDO_MAP_FD)
		snprintf(n->text, sizeof(n->text), "map[id:%d%s%.16s]", insn->imm,
			 info.name[0] ? " " : "", info.name);
	else
		snprintf(n->text, sizeof(n->text), "map[id:%d%s%.16s][0]+%d", insn->imm,
			 info.name[0] ? " " : "", info.name, insn[1].imm);
	return n->text;
}

static void put_insn(struct strbuf *sb, const struct objinsns *o, u32 idx)
{
	const struct bpf_insn *insn = &o->insns[idx];
	struct names n = {.o = o};
	struct isa_names names = {.name = ref_name, .ctx = &n};

	strbuf_printf(sb, "%4u: ", idx);
	if (insn->code == (BPF_JMP | BPF_CALL))
		put_call(sb, o, insn);
	else
		isa_disasm(sb, insn, o->nr_insns - idx, idx, &names);
	strbuf_putc(sb, '\n');
}

static int print_xlated(const struct objinsns *o, objinsns_write write, void *ctx)
{
	struct strbuf sb = {0};
	u32 line = 0, func = 0;
	int err = 0;

	for (u32 i = 0; i < o->nr_insns && !err; i += isa_nr_slots(&o->insns[i])) {
		for (; func < o->nr_funcs && o->funcs[func].insn <= i; func++)
			strbuf_printf(&sb, "%s():\n", o->funcs[func].name);
		for (; line < o->nr_lines && o->lines[line].insn <= i; line++)
			objinsns_put_line(&sb, o, line);
		put_insn(&sb, o, i);
		err = sb.failed ? -ENOMEM : write(ctx, strbuf_str(&sb), sb.len);
		strbuf_reset(&sb);
	}
	strbuf_done(&sb);
	return err;
}

static int hidden(const struct objinsns *o, const char *what, struct skep_diag *diag)
{
	return diag_set_full(diag, -EPERM, "hidden-insns",
			     "it shows them to CAP_SYSLOG, and while kernel.kptr_restrict is not 2",
			     "program %u %s: the kernel hides its %s instructions", o->info.id,
			     o->name, what);
}

static int head(const struct objinsns *o, bool jited, objinsns_write write, void *ctx)
{
	const struct spec_name *type = spec_prog_type(o->info.type);
	struct strbuf sb = {0};
	int err;

	strbuf_printf(&sb, "%s: program %u, %s, ", o->name, o->info.id, type ? type->name : "?");
	if (jited)
		strbuf_printf(&sb, "%u bytes jited\n", o->jited_size);
	else
		strbuf_printf(&sb, "%u instructions\n", o->nr_insns);
	err = sb.failed ? -ENOMEM : write(ctx, strbuf_str(&sb), sb.len);
	strbuf_done(&sb);
	return err;
}

int objinsns_print(struct kobj_world *w, int fd, bool jited, objinsns_write write, void *ctx,
		   struct skep_diag *diag)
{
	struct objinsns o = {.w = w};
	int err = read_all(&o, fd, jited, diag);

	if (err)
		return err;
	if (jited && !o.info.jited_prog_len)
		return diag_set(diag, -ENODATA, "program %u %s is interpreted: the JIT is off",
				o.info.id, o.name);
	if (jited ? !o.jited : !o.insns)
		return hidden(&o, jited ? "jited" : "xlated", diag);
	err = head(&o, jited, write, ctx);
	if (err)
		return err;
	return jited ? objinsns_print_jited(&o, write, ctx, diag) : print_xlated(&o, write, ctx);
}

/* --- which programs --------------------------------------------------------------------------- */

int objinsns_print_id(u32 id, bool jited, objinsns_write write, void *ctx, struct skep_diag *diag)
{
	struct kobj_world w;
	int fd = kobj_open(SKEP_KERNEL_PROGS, id), err;

	if (fd == -ENOENT)
		return diag_set(diag, fd, "there is no program %u", id);
	if (fd < 0)
		return kobj_refused(fd, diag);
	kobj_world_init(&w);
	err = objinsns_print(&w, fd, jited, write, ctx, diag);
	kobj_world_done(&w);
	close(fd);
	return err;
}

static int print_loaded(struct kernel_engine *k, bool jited, objinsns_write write, void *ctx,
			struct skep_diag *diag)
{
	struct kobj_world w;
	int err = 0;

	kobj_world_init(&w);
	for (u32 i = 0; i < k->nr_progs && !err; i++) {
		const struct kernel_prog *p = &k->progs[i];

		if (i && k->progs[i - 1].bpf == p->bpf)
			continue; /* the same one, for another place */
		err = objinsns_print(&w, bpf_program__fd(p->bpf), jited, write, ctx, diag);
	}
	kobj_world_done(&w);
	return err;
}

/* Only the one that is asked for is loaded: others may be nothing for this machine. */
static int choose(struct object *obj, const char *name, struct skep_diag *diag)
{
	if (!name)
		return 0;
	if (!object_prog(obj, name))
		return diag_set(diag, -ENOENT, "no program is called \"%s\"", name);
	for (u32 i = 0; i < obj->nr_progs; i++)
		obj->progs[i].autoload = !strcmp(obj->progs[i].name, name);
	return 0;
}

int objinsns_print_object(struct object *obj, const char *prog, bool jited, objinsns_write write,
			  void *ctx, struct skep_diag *diag)
{
	struct engine_opts opts = {.unpatched = true, .only_load = true};
	struct engine *e;
	int err = choose(obj, prog, diag);

	if (!err)
		err = engine_kernel.load(obj, &opts, &e, diag);
	if (err)
		return err;
	err = print_loaded(container_of(e, struct kernel_engine, engine), jited, write, ctx, diag);
	e->ops->free(e);
	return err;
}
