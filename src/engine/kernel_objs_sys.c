/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf(2) as it is: ids, descriptors, infos. */
#include "base/file.h"
#include "base/mem.h"
#include "btf/types.h"
#include "engine/kernel_objs.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

const struct kobj_kind kobj_kinds[KOBJ_NR_KINDS] = {
	[SKEP_KERNEL_PROGS] = {"program", "anon_inode:bpf-prog", "prog_id", BPF_PROG_GET_NEXT_ID,
			       BPF_PROG_GET_FD_BY_ID},
	[SKEP_KERNEL_MAPS] = {"map", "anon_inode:bpf-map", "map_id", BPF_MAP_GET_NEXT_ID,
			      BPF_MAP_GET_FD_BY_ID},
	[SKEP_KERNEL_LINKS] = {"link", "anon_inode:bpf_link", "link_id", BPF_LINK_GET_NEXT_ID,
			       BPF_LINK_GET_FD_BY_ID},
	[SKEP_KERNEL_BTF] = {"BTF object", "anon_inode:btf", "btf_id", BPF_BTF_GET_NEXT_ID,
			     BPF_BTF_GET_FD_BY_ID},
};

int kobj_bpf(int cmd, void *attr, size_t size)
{
	long ret = syscall(SYS_bpf, cmd, attr, size);

	return ret < 0 ? -errno : (int)ret;
}

int kobj_next(enum skep_kernel_kind kind, u32 id, u32 *ret)
{
	union bpf_attr attr = {.start_id = id};
	int err = kobj_bpf(kobj_kinds[kind].next_cmd, &attr, sizeof(attr));

	if (!err)
		*ret = attr.next_id;
	return err;
}

int kobj_open(enum skep_kernel_kind kind, u32 id)
{
	union bpf_attr attr = {.prog_id = id};

	return kobj_bpf(kobj_kinds[kind].open_cmd, &attr, sizeof(attr));
}

int kobj_open_path(const char *path)
{
	union bpf_attr attr = {.pathname = (u64)(uintptr_t)path};
	int fd = kobj_bpf(BPF_OBJ_GET, &attr, sizeof(attr));

	if (fd == -EACCES || fd == -EPERM) { /* maybe only readable */
		attr.file_flags = BPF_F_RDONLY;
		fd = kobj_bpf(BPF_OBJ_GET, &attr, sizeof(attr));
	}
	return fd;
}

/* A link's is "bpf_link" when it was made by its descriptor, "bpf-link" when opened by id or path.
 */
bool kobj_is_kind(const char *link, int kind)
{
	const char *want = kobj_kinds[kind].link;

	for (; *want && (*link == *want || (*want == '_' && *link == '-')); want++)
		link++;
	return !*want && !*link;
}

int kobj_fd_kind(int fd)
{
	char path[64], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -1;
	link[n] = 0;
	for (int i = 0; i < KOBJ_NR_KINDS; i++)
		if (kobj_is_kind(link, i))
			return i;
	return -1;
}

int kobj_info(int fd, void *info, u32 size)
{
	union bpf_attr attr = {
		.info = {.bpf_fd = (u32)fd, .info_len = size, .info = (u64)(uintptr_t)info}};

	return kobj_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr));
}

bool kobj_fdinfo(int fd, const char *key, u64 *ret)
{
	char path[64], line[256];
	size_t len = strlen(key);
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, len) || line[len] != ':')
			continue;
		*ret = strtoull(line + len + 1, NULL, 10);
		found = true;
	}
	fclose(f);
	return found;
}

int kobj_refused(int err, struct skep_diag *diag)
{
	if (err == -EPERM)
		return diag_set_full(diag, err, "needs-privilege", "run it as root",
				     "looking at what is in the kernel needs CAP_SYS_ADMIN");
	if (err == -ENOSYS)
		return diag_set_full(diag, -ENOTSUP, "no-bpf", NULL,
				     "this kernel has no bpf(2), or a sandbox hides it");
	if (err == -EINVAL)
		return diag_set_full(diag, -ENOTSUP, "too-old", "it has that since Linux 5.8",
				     "this kernel does not list such objects");
	return diag_set(diag, err, "bpf(2) says: %s", strerror(-err));
}

static int read_btf(int fd, void **ret, u32 *ret_size, struct skep_diag *diag)
{
	struct bpf_btf_info info = {0};
	int err = kobj_info(fd, &info, sizeof(info));
	u32 size = info.btf_size;
	void *data;

	if (err)
		return diag_set(diag, err, "can't read its BTF: %s", strerror(-err));
	if (size > TYPES_MAX_SIZE)
		return diag_set(diag, -EFBIG, "its BTF has %u bytes", size);
	data = mem_zalloc(size + 1);
	if (!data)
		return diag_nomem(diag);
	info = (struct bpf_btf_info){.btf = (u64)(uintptr_t)data, .btf_size = size};
	err = kobj_info(fd, &info, sizeof(info));
	if (err) {
		mem_free(data);
		return diag_set(diag, err, "can't read its BTF: %s", strerror(-err));
	}
	*ret = data;
	*ret_size = (u32)min_u64(size, info.btf_size);
	return 0;
}

int kobj_btf(u32 id, struct btf *base, struct btf **ret, struct skep_diag *diag)
{
	int fd = kobj_open(SKEP_KERNEL_BTF, id), err;
	void *data = NULL;
	u32 size = 0;

	if (fd < 0)
		return diag_set(diag, fd, "can't open BTF object %u: %s", id, strerror(-fd));
	err = read_btf(fd, &data, &size, diag);
	close(fd);
	if (err)
		return err;
	err = types_open(data, size, base, ret, diag);
	mem_free(data);
	return err ? diag_at(diag, err, "BTF object %u", id) : 0;
}
