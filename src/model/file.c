/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "model/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include <string.h>
#include <sys/sysmacros.h>

/* Deeper paths than this end in their last part alone. */
#define MAX_DEPTH 64

struct node {
	struct node *next; /* same hash */
	struct node *parent;
	void *dentry;
	char *name;
};

struct model_files {
	struct model *m;
	struct hash_table nodes; /* hash of (parent, name) → struct node */
	u32 nr;
	struct node root;
	void *sb, *mount, *vfsmount;
};

static u64 addr(const void *p)
{
	return (uintptr_t)p;
}

/* --- dentries ------------------------------------------------------------------------------- */

static void set_name(struct model *m, void *dentry, const char *name)
{
	size_t len = strlen(name);
	char *copy = model_alloc_bytes(m, len + 1);

	if (!copy)
		return;
	memcpy(copy, name, len + 1);
	model_set(m, dentry, "dentry", "d_name.len", len);
	model_set(m, dentry, "dentry", "d_name.name", addr(copy));
}

static void *new_dentry(struct model_files *fs, const void *parent, const char *name)
{
	void *dentry = model_alloc(fs->m, "dentry"), *inode;

	if (!dentry)
		return NULL;
	inode = model_alloc(fs->m, "inode");
	set_name(fs->m, dentry, name);
	model_set(fs->m, dentry, "dentry", "d_parent", addr(parent ? parent : dentry));
	model_set(fs->m, dentry, "dentry", "d_inode", addr(inode));
	model_set(fs->m, dentry, "dentry", "d_sb", addr(fs->sb));
	model_set(fs->m, inode, "inode", "i_sb", addr(fs->sb));
	return dentry;
}

static struct node *find_child(struct model_files *fs, struct node *parent, const char *name,
			       size_t len, u64 key)
{
	struct node *n = hash_get(&fs->nodes, key);

	while (n && (n->parent != parent || strlen(n->name) != len || memcmp(n->name, name, len)))
		n = n->next;
	return n;
}

static struct node *child(struct model_files *fs, struct node *parent, const char *name, size_t len)
{
	u64 key = hash_bytes(name, len, addr(parent));
	struct node *n = find_child(fs, parent, name, len, key);

	if (n)
		return n;
	if (fs->nr == MODEL_MAX_DENTRIES)
		return &fs->root;
	n = mem_zalloc(sizeof(*n));
	if (!n)
		return &fs->root;
	n->name = mem_printf("%.*s", (int)len, name);
	n->parent = parent;
	n->next = hash_get(&fs->nodes, key);
	n->dentry = n->name ? new_dentry(fs, parent->dentry, n->name) : NULL;
	if (!n->dentry || hash_put(&fs->nodes, key, n)) {
		mem_free(n->name);
		mem_free(n);
		return &fs->root;
	}
	fs->nr++;
	return n;
}

static void fill_inode(struct model_files *fs, void *dentry, const struct stat *st)
{
	u64 inode = 0;
	void *i;

	if (!st || !model_get(fs->m, dentry, "dentry", "d_inode", &inode) || !inode)
		return;
	i = (void *)(uintptr_t)inode;
	model_set(fs->m, i, "inode", "i_ino", st->st_ino);
	model_set(fs->m, i, "inode", "i_mode", st->st_mode);
	model_set(fs->m, i, "inode", "i_size", st->st_size);
	model_set(fs->m, i, "inode", "i_uid.val", st->st_uid);
	model_set(fs->m, i, "inode", "i_gid.val", st->st_gid);
	/* the kernel's own encoding of device numbers */
	model_set(fs->m, i, "inode", "i_rdev", major(st->st_rdev) << 20 | minor(st->st_rdev));
	model_set(fs->m, fs->sb, "super_block", "s_dev",
		  major(st->st_dev) << 20 | minor(st->st_dev));
}

void *model_dentry(struct model_files *fs, const char *path, const struct stat *st)
{
	struct node *n = &fs->root;

	for (u32 depth = 0; *path && depth < MAX_DEPTH; depth++) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len)
			n = child(fs, n, path, len);
		path += len;
	}
	fill_inode(fs, n->dentry, st);
	return n->dentry;
}

void *model_mount(struct model_files *fs)
{
	return fs->vfsmount;
}

/* --- files ---------------------------------------------------------------------------------- */

void *model_file(struct model_files *fs, const char *path, const struct stat *st, u32 flags)
{
	void *file = model_alloc(fs->m, "file"), *dentry;
	u64 inode = 0;

	if (!file)
		return NULL;
	dentry = model_dentry(fs, path, st);
	model_get(fs->m, dentry, "dentry", "d_inode", &inode);
	model_set(fs->m, file, "file", "f_path.dentry", addr(dentry));
	model_set(fs->m, file, "file", "f_path.mnt", addr(fs->vfsmount));
	model_set(fs->m, file, "file", "f_inode", inode);
	model_set(fs->m, file, "file", "f_flags", flags);
	/* FMODE_READ 1, FMODE_WRITE 2 */
	model_set(fs->m, file, "file", "f_mode", ((flags & 3) + 1) & 3);
	return file;
}

/* --- the file system ------------------------------------------------------------------------ */

static bool make_mount(struct model_files *fs)
{
	fs->sb = model_alloc(fs->m, "super_block");
	fs->root.dentry = new_dentry(fs, NULL, "/");
	fs->mount = model_alloc(fs->m, "mount");
	fs->vfsmount = model_field(fs->m, fs->mount, "mount", "mnt");
	model_set(fs->m, fs->mount, "mount", "mnt_parent", addr(fs->mount));
	model_set(fs->m, fs->mount, "mount", "mnt_mountpoint", addr(fs->root.dentry));
	model_set(fs->m, fs->vfsmount, "vfsmount", "mnt_root", addr(fs->root.dentry));
	model_set(fs->m, fs->vfsmount, "vfsmount", "mnt_sb", addr(fs->sb));
	model_set(fs->m, fs->sb, "super_block", "s_root", addr(fs->root.dentry));
	return fs->root.dentry;
}

struct model_files *model_files_new(struct model *m)
{
	struct model_files *fs = mem_zalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	fs->m = m;
	if (make_mount(fs))
		return fs;
	mem_free(fs);
	return NULL;
}

struct model_files *model_files_free(struct model_files *fs)
{
	if (!fs)
		return NULL;
	for (size_t i = 0; i < fs->nodes.room; i++) {
		struct node *n = fs->nodes.slots[i].value, *next;

		for (; n; n = next) {
			next = n->next;
			mem_free(n->name);
			mem_free(n);
		}
	}
	hash_done(&fs->nodes);
	mem_free(fs);
	return NULL;
}
