/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Paths of the model kernel: dentries, mounts, inodes, files. There is one mount; every path is a
 * chain of dentries up to its root.
 */
#ifndef MODEL_FILE_H
#define MODEL_FILE_H

#include "model/model.h"
#include <sys/stat.h>

struct model_files;

struct model_files *model_files_new(struct model *m); /* NULL: out of memory */
struct model_files *model_files_free(struct model_files *fs);

/* The dentry of an absolute path, made when first asked for. st may be NULL. Dentries live as long
 * as fs; past MODEL_MAX_DENTRIES the root's is given. */
void *model_dentry(struct model_files *fs, const char *path, const struct stat *st);
#define MODEL_MAX_DENTRIES 16384

/* struct vfsmount of the one mount. */
void *model_mount(struct model_files *fs);

/* A struct file; the caller releases it with model_release. */
void *model_file(struct model_files *fs, const char *path, const struct stat *st, u32 flags);

#endif
