/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "model/cgroup.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest line of /proc/PID/cgroup that is read: a path is at most 4096. */
#define LINES_SIZE 8192

/* The line "0::/path" is the unified hierarchy's. */
static const char *unified_path(char *lines)
{
	for (char *line = lines, *end; line && *line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (end)
			*end = 0;
		if (!strncmp(line, "0::", 3))
			return line + 3;
	}
	return NULL;
}

u64 model_cgroup_id(u32 pid)
{
	char path[LINES_SIZE + 64], lines[LINES_SIZE];
	const char *cgroup;
	struct stat st;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 1;
	n = read(fd, lines, sizeof(lines) - 1);
	close(fd);
	lines[n > 0 ? n : 0] = 0;
	cgroup = unified_path(lines);
	if (!cgroup)
		return 1;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s", cgroup);
	return stat(path, &st) ? 1 : st.st_ino;
}
