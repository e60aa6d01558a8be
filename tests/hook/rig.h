/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Programs as text, run through a hook_set; what they said is kept. */
#ifndef TESTS_HOOK_RIG_H
#define TESTS_HOOK_RIG_H

#include "../tap.h"
#include "base/mem.h"
#include "hook/hook.h"
#include "isa/isa.h"
#include "spec/uapi.h"
#include <errno.h>
#include <linux/pkt_cls.h>

#define RIG_MAX 4

struct rig_prog {
	const char *name, *section, *text;
	u32 type, attach_type;
	/* what came of it */
	u64 runs, rets[64];
};

struct rig {
	struct rig_prog progs[RIG_MAX];
	u32 nr;
	struct map *maps[2];
	u32 nr_maps;
	u8 packet[20000];
	size_t packet_len;
	u8 context[512];
	size_t context_len;
	u64 faults;
	struct skep_diag diag;
	struct hook_opts opts;
};

static void rig_result(void *ctx, const struct hook_prog *hp, u64 ret)
{
	struct rig *rig = ctx;

	for (u32 i = 0; i < rig->nr; i++) {
		struct rig_prog *p = &rig->progs[i];

		if (!strcmp(p->name, hp->prog->name) && p->runs < ARRAY_SIZE(p->rets))
			p->rets[p->runs++] = (u32)ret;
	}
}

static void rig_fault(void *ctx, const struct hook_prog *hp, const struct skep_diag *diag)
{
	struct rig *rig = ctx;

	rig->faults++;
	rig->diag = *diag;
}

static void rig_output(void *ctx, const struct hook_prog *hp, const char *what, const void *data,
		       size_t size)
{
	struct rig *rig = ctx;

	if (!strcmp(what, "context")) {
		rig->context_len = min_u64(size, sizeof(rig->context));
		memcpy(rig->context, data, rig->context_len);
	} else {
		rig->packet_len = min_u64(size, sizeof(rig->packet));
		memcpy(rig->packet, data, rig->packet_len);
	}
}

static int rig_attach(struct rig *rig, struct vm *vm, struct hook_set *set, struct prog *progs)
{
	struct vm_prog *code;
	int err = 0;

	for (u32 i = 0; i < rig->nr && !err; i++) {
		struct rig_prog *p = &rig->progs[i];

		progs[i] = (struct prog){.name = p->name,
					 .section = p->section ? p->section : "",
					 .type = p->type,
					 .attach_type = p->attach_type,
					 .license = "GPL"};
		err = isa_asm(p->text, &progs[i].insns, &progs[i].nr_insns, &rig->diag);
		err = err ?: vm_prog_new(vm, &progs[i], &code, &rig->diag);
		err = err ?: hook_attach(set, &progs[i], code, NULL, &rig->diag);
	}
	return err;
}

/* Everything from assembling to the last packet; 0 or the first -errno, with rig->diag. */
__attribute__((unused)) static int rig_run(struct rig *rig)
{
	struct prog progs[RIG_MAX] = {0};
	struct vm_opts vm_opts = {.max_insns = 1000000};
	struct hook_set *set = NULL;
	struct vm *vm = NULL;
	int err;

	skep_diag_clear(&rig->diag);
	rig->opts.result = rig_result;
	rig->opts.fault = rig_fault;
	rig->opts.output = rig_output;
	rig->opts.ctx = rig;
	err = vm_new(rig->maps, rig->nr_maps, &vm_opts, &vm, &rig->diag);
	err = err ?: hook_set_new(vm, NULL, &rig->opts, &set, &rig->diag);
	err = err ?: rig_attach(rig, vm, set, progs);
	err = err ?: hook_start(set, &rig->diag);
	while (!err) {
		err = hook_poll(set, 0, &rig->diag);
		if (err <= 0)
			break;
		err = 0;
	}
	hook_set_free(set);
	vm_free(vm);
	for (u32 i = 0; i < rig->nr; i++)
		mem_free(progs[i].insns);
	return err;
}

__attribute__((unused)) static struct rig_prog *rig_add(struct rig *rig, const char *name, u32 type,
							const char *text)
{
	struct rig_prog *p = &rig->progs[rig->nr++];

	*p = (struct rig_prog){.name = name, .type = type, .text = text};
	return p;
}

#endif
