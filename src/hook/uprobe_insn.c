/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Instructions that a breakpoint stands on, done by hand. Most functions begin with endbr64, a
 * push, a move between registers or an adjustment of the stack pointer, and USDT sites are nops:
 * emulating these needs one stop instead of two, and no moment in which the breakpoint is out.
 */
#include "hook/uprobe_insn.h"
#include <string.h>

static unsigned long long *reg_of(struct user_regs_struct *r, u32 nr)
{
	unsigned long long *const regs[16] = {
		&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
		&r->r8,  &r->r9,  &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15,
	};

	return regs[nr & 15];
}

static bool push(struct proc_task *t, struct user_regs_struct *r, u64 value)
{
	if (proc_write(t, r->rsp - 8, &value, 8))
		return false;
	r->rsp -= 8;
	return true;
}

static s32 imm32(const u8 *p)
{
	s32 v;

	memcpy(&v, p, 4);
	return v;
}

/* Length of a nop at p, 0 if it is none: 90, 66 90, endbr64, and 0f 1f /0 with any operand. */
static u32 nop_length(const u8 *p)
{
	u32 at = 0, mod, sib;

	if (!memcmp(p, "\xf3\x0f\x1e\xfa", 4))
		return 4;
	while (at < 8 && (p[at] == 0x66 || p[at] == 0x2e))
		at++;
	if (p[at] == 0x90)
		return at + 1;
	if (p[at] != 0x0f || p[at + 1] != 0x1f)
		return 0;
	mod = p[at + 2] >> 6;
	sib = mod != 3 && (p[at + 2] & 7) == 4;
	if (mod == 0 && (p[at + 2] & 7) == 5) /* relative to rip */
		return at + 7;
	return at + 3 + sib + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

/* With flags only as add and sub of 64 bits set them. */
static void set_flags(struct user_regs_struct *r, u64 a, u64 b, u64 res)
{
	u64 f = 0;

	f |= a < b ? 1 : 0;
	f |= __builtin_parity(res & 0xff) ? 0 : 4;
	f |= (a ^ b ^ res) & 0x10;
	f |= res ? 0 : 0x40;
	f |= res >> 63 ? 0x80 : 0;
	f |= (((a ^ b) & (a ^ res)) >> 63) ? 0x800 : 0;
	r->eflags = (r->eflags & ~0x8d5ull) | f;
}

/* sub rsp, imm8 (48 83 ec) or imm32 (48 81 ec) */
static u32 sub_rsp(struct user_regs_struct *r, const u8 *p)
{
	u64 imm, old = r->rsp;
	u32 len;

	if (!memcmp(p, "\x48\x83\xec", 3)) {
		imm = (s64)(s8)p[3];
		len = 4;
	} else if (!memcmp(p, "\x48\x81\xec", 3)) {
		imm = (s64)imm32(p + 3);
		len = 7;
	} else {
		return 0;
	}
	r->rsp -= imm;
	set_flags(r, old, imm, r->rsp);
	return len;
}

/* push r64 (50+r, 41 50+r); 0: it is none, or the stack is not writable */
static u32 push_reg(struct proc_task *t, struct user_regs_struct *r, const u8 *p)
{
	u32 ext = p[0] == 0x41;

	if ((p[ext] & 0xf8) != 0x50)
		return 0;
	return push(t, r, *reg_of(r, (p[ext] & 7) + ext * 8)) ? 1 + ext : 0;
}

/* mov r/m64, r64 (REX.W 89 /r) between registers */
static u32 mov_reg(struct user_regs_struct *r, const u8 *p)
{
	if ((p[0] & 0xfa) != 0x48 || p[1] != 0x89 || p[2] >> 6 != 3)
		return 0;
	*reg_of(r, (p[2] & 7) + (p[0] & 1) * 8) = *reg_of(r, (p[2] >> 3 & 7) + (p[0] >> 2 & 1) * 8);
	return 3;
}

/* mov r32, r32 (89 /r) and xor r32, r32 (31 /r) of the same register */
static u32 short_reg(struct user_regs_struct *r, const u8 *p)
{
	if (p[1] >> 6 != 3)
		return 0;
	if (p[0] == 0x89) {
		*reg_of(r, p[1] & 7) = (u32)*reg_of(r, p[1] >> 3 & 7);
		return 2;
	}
	if (p[0] == 0x31 && (p[1] & 7) == (p[1] >> 3 & 7)) {
		*reg_of(r, p[1] & 7) = 0;
		set_flags(r, 0, 0, 0);
		return 2;
	}
	return 0;
}

/* jmp, call and ret: the next address, 0 if it is none of them */
static u64 branch(struct proc_task *t, struct user_regs_struct *r, const u8 *p)
{
	u64 to = 0;

	if (p[0] == 0xe9)
		return r->rip + 5 + imm32(p + 1);
	if (p[0] == 0xeb)
		return r->rip + 2 + (s8)p[1];
	if (p[0] == 0xe8)
		return push(t, r, r->rip + 5) ? r->rip + 5 + imm32(p + 1) : 0;
	if (p[0] != 0xc3 || proc_read(t, &to, 8, r->rsp))
		return 0;
	r->rsp += 8;
	return to;
}

bool uprobe_emulate(struct proc_task *t, struct user_regs_struct *regs,
		    const u8 insn[UPROBE_INSN_MAX])
{
	u64 to;
	u32 len = nop_length(insn);

	len = len ? len : push_reg(t, regs, insn);
	len = len ? len : mov_reg(regs, insn);
	len = len ? len : sub_rsp(regs, insn);
	len = len ? len : short_reg(regs, insn);
	if (len) {
		regs->rip += len;
		return true;
	}
	to = branch(t, regs, insn);
	if (to)
		regs->rip = to;
	return to != 0;
}

/* --- moving an instruction ------------------------------------------------------------------ */

static bool is_prefix(u8 c)
{
	return (c != 0 && strchr("\x66\x67\xf2\xf3\x2e\x36\x3e\x26\x64\x65\xf0", c)) ||
	       (c & 0xf0) == 0x40; /* REX */
}

/* One-byte opcodes that a ModRM byte follows (Intel SDM 2A, table A-2). */
static bool has_modrm(u8 op)
{
	if (op < 0x40)
		return (op & 7) < 4;
	return op == 0x62 || op == 0x63 || op == 0x69 || op == 0x6b || (op & 0xf0) == 0x80 ||
	       op == 0xc0 || op == 0xc1 || op == 0xc6 || op == 0xc7 || (op & 0xfc) == 0xd0 ||
	       (op & 0xf8) == 0xd8 || op == 0xf6 || op == 0xf7 || op == 0xfe || op == 0xff;
}

/* Short and near branches, loops, calls, and calls through memory or a register. */
static bool is_branch(const u8 *p)
{
	return (p[0] & 0xf0) == 0x70 || (p[0] & 0xfc) == 0xe0 || (p[0] & 0xfc) == 0xe8 ||
	       (p[0] == 0x0f && (p[1] & 0xf0) == 0x80) ||
	       (p[0] == 0xff && (p[1] >> 3 & 7) >= 2 && (p[1] >> 3 & 7) <= 3);
}

bool uprobe_may_move(const u8 insn[UPROBE_INSN_MAX])
{
	const u8 *p = insn;
	u32 skip = 1; /* opcode bytes in front of the ModRM byte */

	while (p - insn < 5 && is_prefix(*p))
		p++;
	if (is_branch(p))
		return false;
	if (*p == 0xc5)
		skip = 3;
	else if (*p == 0xc4)
		skip = 4;
	else if (*p == 0x62)
		skip = 5;
	else if (*p == 0x0f)
		skip = p[1] == 0x38 || p[1] == 0x3a ? 3 : 2;
	else if (!has_modrm(*p))
		return true;
	return (p[skip] & 0xc7) != 0x05; /* mod 0, rm 5: relative to rip */
}
