/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Lists and red-black trees of allocated objects. Who inserts an object gives it away, and keeps a
 * pointer that does not own it while the lock is held; who takes one out owns it again.
 */
#include "btf/types.h"
#include "verifier/kfunc.h"

static bool is_tree(const struct kfunc *k)
{
	return k->special == KFS_bpf_rbtree_add_impl || k->special == KFS_bpf_rbtree_remove ||
	       k->special == KFS_bpf_rbtree_first;
}

/* Inside a comparison that bpf_rbtree_add calls. */
bool graph_in_callback(const struct env *env)
{
	for (u32 i = env->cur->cur; i; i--) {
		const struct frame *f = env->cur->frames[i];

		if (f->in_callback && env->aux[f->callsite].kfunc &&
		    is_tree(env->aux[f->callsite].kfunc))
			return true;
	}
	return false;
}

static const struct field *lock_of(const struct fields *fs)
{
	for (u32 i = 0; fs && i < fs->nr; i++)
		if (fs->f[i].kind == FIELD_SPIN_LOCK)
			return &fs->f[i];
	return NULL;
}

static bool same_allocation(const struct env *env, const struct reg *r)
{
	const void *owner = r->type == REG_MAP_VALUE ? (const void *)r->map : (const void *)r->btf;

	return env->cur->lock && env->cur->lock == owner && env->cur->lock_id == r->id;
}

static int check_lock(struct env *env, const struct reg *r, const struct fields *fs,
		      const char *what)
{
	const struct field *lock = lock_of(fs);

	if (same_allocation(env, r))
		return 0;
	if (env->cur->lock)
		log_text(env, "held lock and object are not in the same allocation\n");
	return reject_graph_lock(env, lock ? (int)lock->off : -22, what);
}

int graph_root(struct env *env, struct kcall *c, u32 arg, u32 kind)
{
	u32 regno = arg + 1;
	const struct reg *r = &env_regs(env)[regno];
	const struct fields *fs = reg_fields(env, r);
	u32 off = (u32)r->off + (u32)r->v.t.value;
	const char *what = field_text(kind);
	int err;

	if (r->type != REG_MAP_VALUE && r->type != (REG_BTF | REG_ALLOC))
		return reject_graph_root(env, (int)arg);
	if (r->type != REG_MAP_VALUE && !r->ref)
		return reject_alloc_not_referenced(env);
	if (!tnum_is_const(r->v.t))
		return reject_graph_variable(env, (int)regno, what, what);
	c->root = fields_find(fs, off, kind);
	if (!c->root)
		return reject_graph_place(env, what, off);
	err = check_lock(env, r, fs, what);
	return err;
}

static int check_node_owner(struct env *env, const struct kcall *c, u32 arg)
{
	const struct reg *r = &env_regs(env)[arg + 1];

	if (c->k->special == KFS_bpf_rbtree_remove) {
		if (!(r->type & REG_NON_OWN) || r->ref)
			return reject_remove_owning(env);
		return graph_in_callback(env) ? reject_remove_callback(env) : 0;
	}
	if (r->type != (REG_BTF | REG_ALLOC))
		return reject_alloc_expected(env, (int)arg);
	return r->ref ? 0 : reject_alloc_not_referenced(env);
}

int graph_node(struct env *env, struct kcall *c, u32 arg, u32 kind)
{
	u32 regno = arg + 1, off;
	const struct reg *r = &env_regs(env)[regno];
	const struct field *root = c->root;
	const char *what = field_text(kind);
	int err = check_node_owner(env, c, arg);

	if (err)
		return err;
	off = (u32)r->off + (u32)r->v.t.value;
	if (!tnum_is_const(r->v.t))
		return reject_graph_variable(env, (int)regno, what, what);
	if (!fields_find(reg_fields(env, r), off, kind))
		return reject_graph_place(env, what, off);
	if (!root)
		return reject_internal(env, -EFAULT);
	if (!btf_ids_match(env, r->btf, r->btf_id, 0, root->btf, root->btf_id, true, false))
		return reject_graph_type(env, field_text(root->kind), what, (int)root->node_off,
					 types_name(root->btf, root->btf_id), (int)off,
					 types_name(r->btf, r->btf_id));
	c->arg_btf = r->btf;
	c->arg_id = r->btf_id;
	if (off != root->node_off)
		return reject_graph_offset(env, (int)off, what, (int)root->node_off,
					   types_name(root->btf, root->btf_id));
	return 0;
}

int graph_set_non_owning(struct env *env, struct reg *r)
{
	if (!env->cur->lock || (r->type & REG_NON_OWN))
		return reject_internal(env, -EFAULT);
	r->type |= REG_NON_OWN;
	if (fields_have(reg_fields(env, r), FIELD_REFCOUNT))
		r->type |= REG_RCU;
	return 0;
}

int graph_insert(struct env *env, struct kcall *c)
{
	u32 ref = env_regs(env)[BPF_REG_2].ref;
	struct frame *f;
	struct reg *r;
	int err = 0;

	if (!ref || !state_has_ref(env->cur, ref))
		return reject_kfunc_not_acquired(env, c->k->name);
	state_for_each_reg(
		env->cur, f, r, if (r->ref == ref && !err) {
			r->ref = 0;
			err = graph_set_non_owning(env, r);
		});
	if (err)
		return err;
	return release_ref(env, ref) ? reject_kfunc_not_acquired(env, c->k->name) : 0;
}

void graph_set_node(struct reg *r, const struct field *root)
{
	reg_set_btf(r, root->btf, root->btf_id, REG_ALLOC);
	r->off = (s32)root->node_off;
}

static int set_add(struct env *env, const struct frame *caller, struct frame *callee, s32 insn)
{
	const struct reg *r = &caller->regs[BPF_REG_1];
	const struct field *root = fields_find(reg_fields(env, r), (u32)r->off, FIELD_RB_ROOT);
	int err = root ? 0 : reject_internal(env, -EFAULT);

	for (int i = 1; !err && i <= 2; i++) {
		graph_set_node(&callee->regs[i], root);
		err = graph_set_non_owning(env, &callee->regs[i]);
	}
	callee->in_callback = true;
	callee->ret_max = 1;
	return err;
}

int graph_add_callback(struct env *env, struct kcall *c)
{
	return push_callback(env, c->subprog, set_add, false, false);
}
