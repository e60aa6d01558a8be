/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/file.h"
#include "base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_fd(int fd, size_t max, char **ret, size_t *ret_size, struct skep_diag *diag)
{
	size_t size = 0, room = 16384;
	char *buf = mem_alloc(room + 1);

	if (!buf)
		return diag_nomem(diag);
	for (;;) {
		ssize_t n = read(fd, buf + size, room - size);
		char *more;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			mem_free(buf);
			return diag_set(diag, err, "can't read: %s", strerror(-err));
		}
		if (!n)
			break;
		size += (size_t)n;
		if (max && size > max) {
			mem_free(buf);
			return diag_set(diag, -EFBIG, "larger than %zu bytes", max);
		}
		if (size < room)
			continue;
		more = mem_realloc(buf, room * 2 + 1);
		if (!more) {
			mem_free(buf);
			return diag_nomem(diag);
		}
		buf = more;
		room *= 2;
	}
	buf[size] = 0;
	*ret = buf;
	*ret_size = size;
	return 0;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_size, struct skep_diag *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0) {
		err = -errno;
		diag_set(diag, err, "can't open: %s", strerror(-err));
		return diag_at(diag, err, "%s", path);
	}
	err = read_fd(fd, max, ret, ret_size, diag);
	close(fd);
	return err ? diag_at(diag, err, "%s", path) : 0;
}

static int write_all(int fd, const char *p, size_t size)
{
	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int file_write(const char *path, const void *p, size_t size, struct skep_diag *diag)
{
	char *tmp = mem_printf("%s.XXXXXX", path);
	int fd, err;

	if (!tmp)
		return diag_nomem(diag);
	fd = mkostemp(tmp, O_CLOEXEC);
	err = fd < 0 ? -errno : write_all(fd, p, size);
	if (fd >= 0) {
		if (!err && fchmod(fd, 0644))
			err = -errno;
		if (close(fd) && !err)
			err = -errno;
		if (!err && rename(tmp, path))
			err = -errno;
		if (err)
			unlink(tmp);
	}
	mem_free(tmp);
	if (!err)
		return 0;
	diag_set(diag, err, "can't write: %s", strerror(-err));
	return diag_at(diag, err, "%s", path);
}

int file_mkdirs(const char *path, struct skep_diag *diag)
{
	char buf[PATH_MAX];
	int err;

	if (strlen(path) >= sizeof(buf))
		return diag_set(diag, -ENAMETOOLONG,
				"can't make the directory: its path is too long");
	strcpy(buf, path);
	for (char *s = buf + 1;; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = 0;
		if (mkdir(buf, 0755) && errno != EEXIST) {
			err = -errno;
			diag_set(diag, err, "can't make the directory: %s", strerror(-err));
			return diag_at(diag, err, "%s", buf);
		}
		if (!c)
			return 0;
		*s = c;
	}
}

bool file_exists(const char *path)
{
	return !access(path, F_OK);
}
