/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef HOOK_UPROBE_INSN_H
#define HOOK_UPROBE_INSN_H

#include "hook/proc.h"

#define UPROBE_INSN_MAX 16

/*
 * Do what the instruction at regs->rip would do: the usual first instructions of a function and
 * the nops of USDT. true: regs (and the thread's stack) are as after it. false: it must be run.
 */
bool uprobe_emulate(struct proc_task *t, struct user_regs_struct *regs,
		    const u8 insn[UPROBE_INSN_MAX]);

/* Does it do the same at any address: no operand relative to rip, no branch, no call? */
bool uprobe_may_move(const u8 insn[UPROBE_INSN_MAX]);

#endif
