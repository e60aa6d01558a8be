/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kernel functions that system calls pass, with what their arguments hold: for kprobe_guest.t. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct event {
	char fn[24], a[16], b[16];
	long x, y;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

static __always_inline bool is_ours(void)
{
	char comm[16];

	bpf_get_current_comm(comm, sizeof(comm));
	return comm[0] == 'o' && comm[1] == 'd' && comm[2] == 'd' && comm[3] == 'k';
}

static __always_inline const char *FN(struct filename *f)
{
	return BPF_CORE_READ(f, name);
}

static __always_inline const char *DN(struct dentry *d)
{
	return (const char *)BPF_CORE_READ(d, d_name.name);
}

static __always_inline const char *PN(const struct path *p)
{
	return DN(BPF_CORE_READ(p, dentry));
}

static __always_inline const char *FILE(struct file *f)
{
	return DN(BPF_CORE_READ(f, f_path.dentry));
}

static __always_inline int report(const char *fn, const char *a, const char *b, long x, long y)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	bpf_probe_read_kernel_str(e->fn, sizeof(e->fn), fn);
	if (a)
		bpf_probe_read_kernel_str(e->a, sizeof(e->a), a);
	if (b)
		bpf_probe_read_kernel_str(e->b, sizeof(e->b), b);
	e->x = x;
	e->y = y;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#define SHOW(fn, a, b, x, y, ...)                                                                  \
	SEC("kprobe/" #fn) int BPF_KPROBE(on_##fn, __VA_ARGS__)                                    \
	{                                                                                          \
		return is_ours() ? report(#fn, a, b, x, y) : 0;                                    \
	}

/* clang-format off */
/* function, two names, two numbers, its parameters */
SHOW(do_renameat2, FN(f), FN(g), a, fl,
     int a, struct filename *f, int b, struct filename *g, unsigned int fl)
SHOW(do_linkat, FN(f), FN(g), b, fl,
     int a, struct filename *f, int b, struct filename *g, int fl)
SHOW(do_symlinkat, FN(f), FN(g), b, 0,
     struct filename *f, int b, struct filename *g)
SHOW(do_mknodat, FN(f), NULL, mode, dev,
     int a, struct filename *f, umode_t mode, unsigned int dev)
SHOW(vfs_link, DN(o), DN(n), 0, 0,
     struct dentry *o, void *i, struct inode *d, struct dentry *n)
SHOW(vfs_symlink, DN(n), old, 0, 0,
     void *i, struct inode *d, struct dentry *n, const char *old)
SHOW(vfs_mknod, DN(n), NULL, mode, 0,
     void *i, struct inode *d, struct dentry *n, umode_t mode)
SHOW(vfs_rename, DN(BPF_CORE_READ(r, old_dentry)), DN(BPF_CORE_READ(r, new_dentry)), BPF_CORE_READ(r, flags), 0,
     struct renamedata *r)
SHOW(vfs_truncate, PN(p), NULL, len, 0,
     const struct path *p, long len)
SHOW(vfs_fallocate, FILE(f), NULL, off, len,
     struct file *f, int mode, long off, long len)
SHOW(iterate_dir, FILE(f), NULL, BPF_CORE_READ(f, f_flags), 0,
     struct file *f)
SHOW(kernel_clone, NULL, NULL, BPF_CORE_READ(a, flags) & ~0xffull, BPF_CORE_READ(a, exit_signal),
     struct kernel_clone_args *a)
SHOW(do_group_exit, NULL, NULL, code, 0,
     int code)
SHOW(ksys_read, NULL, NULL, fd, nr,
     unsigned int fd, void *buf, unsigned long nr)
SHOW(do_sys_openat2, NULL, NULL, BPF_CORE_READ(how, flags), BPF_CORE_READ(how, mode),
     int dfd, const char *n, struct open_how *how)
SHOW(security_path_chmod, PN(p), NULL, mode, 0,
     const struct path *p, umode_t mode)
SHOW(security_path_mkdir, DN(d), NULL, mode, 0,
     const struct path *p, struct dentry *d, umode_t mode)
SHOW(security_path_unlink, DN(d), NULL, 0, 0,
     const struct path *p, struct dentry *d)
SHOW(security_path_rmdir, DN(d), NULL, 0, 0,
     const struct path *p, struct dentry *d)
SHOW(security_inode_create, DN(d), NULL, mode, 0,
     struct inode *p, struct dentry *d, umode_t mode)
SHOW(security_file_open, FILE(f), NULL, BPF_CORE_READ(f, f_flags), 0,
     struct file *f)
SHOW(security_file_fcntl, FILE(f), NULL, cmd, arg,
     struct file *f, unsigned int cmd, unsigned long arg)
SHOW(security_socket_create, NULL, NULL, family * 100 + type, proto * 10 + kern,
     int family, int type, int proto, int kern)
SHOW(inet_stream_connect, NULL, NULL, BPF_CORE_READ(a, sa_family), len,
     struct socket *s, struct sockaddr *a, int len)
SHOW(inet_dgram_connect, NULL, NULL, BPF_CORE_READ(a, sa_family), len,
     struct socket *s, struct sockaddr *a, int len)
SHOW(inet_shutdown, NULL, NULL, how, BPF_CORE_READ(s, type),
     struct socket *s, int how)
SHOW(security_bprm_check, BPF_CORE_READ(b, filename), NULL, BPF_CORE_READ(b, argc), BPF_CORE_READ(b, envc),
     struct linux_binprm *b)
SHOW(security_inode_getattr, PN(p), NULL, 0, 0,
     const struct path *p)
SHOW(do_faccessat, NULL, NULL, mode, fl,
     int dfd, const char *f, int mode, int fl)
SHOW(do_readlinkat, NULL, NULL, dfd, nr,
     int dfd, const char *f, void *b, int nr)
SHOW(security_task_kill, NULL, NULL, sig, 0,
     struct task_struct *p, void *i, int sig)
SHOW(security_mmap_file, f ? FILE(f) : NULL, NULL, prot, flags,
     struct file *f, unsigned long prot, unsigned long flags)
/* clang-format on */
