/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Whole files in and out. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/diag.h"

/*
 * Read all of a file (also one of unknown size, as in /proc); NUL-terminated past the end.
 * *ret is the caller's to mem_free. More than max bytes (0: no limit) is -EFBIG.
 */
int file_read(const char *path, size_t max, char **ret, size_t *ret_size, struct skep_diag *diag);

/* Write through a temporary file beside it and a rename: the file is whole or not there. */
int file_write(const char *path, const void *p, size_t size, struct skep_diag *diag);

/* mkdir -p, mode 0755. 0 or -errno. */
int file_mkdirs(const char *path, struct skep_diag *diag);

bool file_exists(const char *path);

#endif
