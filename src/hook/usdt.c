/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "hook/usdt.h"
#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/user.h>

#define MAX_ARGS 12

/* The layout of usdt.bpf.h: the type in the low byte, index register and scale above it. */
enum arg_type {
	ARG_CONST,
	ARG_REG,
	ARG_DEREF,
	ARG_SIB,
};

struct arg_spec {
	u64 val_off;
	u32 type : 8;
	u32 idx_reg_off : 12;
	u32 scale_shift : 4;
	u32 reserved : 8;
	s16 reg_off;
	bool is_signed;
	s8 shift; /* 64 - bits of the argument */
};

struct spec {
	struct arg_spec args[MAX_ARGS];
	u64 cookie; /* of the program: nobody gives one here */
	s16 nr_args;
};

/* --- registers ------------------------------------------------------------------------------ */

#define OFF(field) offsetof(struct user_regs_struct, field)
static const struct {
	const char *names[4];
	s16 off;
} regs[] = {
	{{"rip", "eip", "", ""}, OFF(rip)},          {{"rax", "eax", "ax", "al"}, OFF(rax)},
	{{"rbx", "ebx", "bx", "bl"}, OFF(rbx)},      {{"rcx", "ecx", "cx", "cl"}, OFF(rcx)},
	{{"rdx", "edx", "dx", "dl"}, OFF(rdx)},      {{"rsi", "esi", "si", "sil"}, OFF(rsi)},
	{{"rdi", "edi", "di", "dil"}, OFF(rdi)},     {{"rbp", "ebp", "bp", "bpl"}, OFF(rbp)},
	{{"rsp", "esp", "sp", "spl"}, OFF(rsp)},     {{"r8", "r8d", "r8w", "r8b"}, OFF(r8)},
	{{"r9", "r9d", "r9w", "r9b"}, OFF(r9)},      {{"r10", "r10d", "r10w", "r10b"}, OFF(r10)},
	{{"r11", "r11d", "r11w", "r11b"}, OFF(r11)}, {{"r12", "r12d", "r12w", "r12b"}, OFF(r12)},
	{{"r13", "r13d", "r13w", "r13b"}, OFF(r13)}, {{"r14", "r14d", "r14w", "r14b"}, OFF(r14)},
	{{"r15", "r15d", "r15w", "r15b"}, OFF(r15)},
};

/* "%rax": its offset in pt_regs, and how many characters it takes; -1: no register. */
static s16 parse_reg(const char *text, size_t *ret_len)
{
	size_t len;

	if (*text != '%')
		return -1;
	len = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789");
	*ret_len = len + 1;
	for (size_t i = 0; i < ARRAY_SIZE(regs); i++)
		for (u32 n = 0; n < 4; n++)
			if (strlen(regs[i].names[n]) == len && len &&
			    !memcmp(regs[i].names[n], text + 1, len))
				return regs[i].off;
	return -1;
}

/* --- arguments ------------------------------------------------------------------------------ */

/* "(%base)", "(%base,%index)" or "(%base,%index,scale)" at text. */
static bool parse_memory(const char *text, struct arg_spec *arg)
{
	size_t len;
	char *end;
	s16 reg;
	u32 scale = 1;

	reg = *text == '(' ? parse_reg(text + 1, &len) : -1;
	if (reg < 0)
		return false;
	arg->type = ARG_DEREF;
	arg->reg_off = reg;
	text += 1 + len;
	if (*text == ')')
		return true;
	reg = *text == ',' ? parse_reg(text + 1, &len) : -1;
	if (reg < 0)
		return false;
	text += 1 + len;
	if (*text == ',') {
		scale = strtoul(text + 1, &end, 10);
		text = end;
	}
	if (*text != ')' || (scale != 1 && scale != 2 && scale != 4 && scale != 8))
		return false;
	arg->type = ARG_SIB;
	arg->idx_reg_off = reg;
	arg->scale_shift = __builtin_ctz(scale);
	return true;
}

static bool parse_place(const char *text, struct arg_spec *arg)
{
	size_t len;
	char *end;

	if (*text == '$') {
		arg->type = ARG_CONST;
		arg->val_off = strtoll(text + 1, &end, 0);
		return end != text + 1;
	}
	if (*text == '%') {
		arg->type = ARG_REG;
		arg->reg_off = parse_reg(text, &len);
		return arg->reg_off >= 0;
	}
	arg->val_off = strtoll(text, &end, 0);
	return parse_memory(end, arg);
}

/* "-4@%edi": size (negative: signed), '@', place */
static bool parse_arg(const char *text, struct arg_spec *arg)
{
	char *end;
	long size = strtol(text, &end, 10), bytes = labs(size);

	if (*end != '@' || (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8))
		return false;
	arg->is_signed = size < 0;
	arg->shift = 64 - bytes * 8;
	return parse_place(end + 1, arg);
}

/* Arguments are separated by spaces; none stands inside one. */
static int parse_args(const char *args, struct spec *spec)
{
	while (*(args += strspn(args, " "))) {
		if (spec->nr_args == MAX_ARGS)
			return -E2BIG;
		if (!parse_arg(args, &spec->args[spec->nr_args++]))
			return -EINVAL;
		args += strcspn(args, " ");
	}
	return 0;
}

/* --- specs ---------------------------------------------------------------------------------- */

static struct map *find_map(struct map *const *maps, u32 nr, const char *name)
{
	for (u32 i = 0; i < nr; i++)
		if (maps[i] && maps[i]->def.name && !strcmp(maps[i]->def.name, name))
			return maps[i];
	return NULL;
}

void usdt_init(struct usdt_specs *u, struct map *const *maps, u32 nr_maps)
{
	u->specs = find_map(maps, nr_maps, "__bpf_usdt_specs");
	u->ips = find_map(maps, nr_maps, "__bpf_usdt_ip_to_spec_id");
	if (u->specs && (u->specs->def.value_size < sizeof(struct spec) ||
			 u->specs->def.value_size > 2 * sizeof(struct spec)))
		u->specs = NULL; /* a layout that we do not know */
	if (u->ips && (u->ips->def.key_size != 8 || u->ips->def.value_size != 4))
		u->ips = NULL;
}

void usdt_done(struct usdt_specs *u)
{
	for (u32 i = 0; i < u->nr; i++)
		mem_free(u->args[i]);
	u->nr = 0;
}

s32 usdt_spec(struct usdt_specs *u, const char *args)
{
	char value[2 * sizeof(struct spec)] = {0};
	struct spec spec = {0};
	u32 id;
	int err;

	for (id = 0; id < u->nr; id++)
		if (!strcmp(u->args[id], args))
			return id;
	if (id == USDT_MAX_SPECS)
		return -E2BIG;
	err = parse_args(args, &spec);
	if (err)
		return err;
	memcpy(value, &spec, sizeof(spec));
	if (u->specs)
		err = map_user_update(u->specs, &id, value, 0);
	u->args[id] = err ? NULL : mem_strdup(args);
	if (!u->args[id])
		return err ? err : -ENOMEM;
	return u->nr++;
}

void usdt_site(struct usdt_specs *u, u64 ip, u32 spec_id)
{
	if (u->ips)
		map_user_update(u->ips, &ip, &spec_id, 0);
}
