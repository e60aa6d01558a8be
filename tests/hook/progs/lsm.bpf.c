/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* LSM programs that show what they are asked, and refuse some of it. */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

#define REFUSED -1 /* EPERM */

static bool is_secret(const struct dentry *d)
{
	char name[8] = "";

	bpf_probe_read_kernel_str(name, sizeof(name), d->d_name.name);
	return name[0] == 'n' && name[1] == 'o' && name[2] == '-';
}

SEC("lsm/file_open") int BPF_PROG(on_open, struct file *file)
{
	if (!is_secret(file->f_path.dentry))
		return 0;
	bpf_printk("open %s flags %x", file->f_path.dentry->d_name.name, file->f_flags);
	return REFUSED;
}

SEC("lsm/path_unlink") int BPF_PROG(on_unlink, const struct path *dir, struct dentry *d, int ret)
{
	bpf_printk("unlink %s in %s ret %d", d->d_name.name, dir->dentry->d_name.name, ret);
	return is_secret(d) ? REFUSED : 0;
}

/* asked first: the last that is attached is */
SEC("lsm/path_unlink") int BPF_PROG(on_unlink2, const struct path *dir, struct dentry *d, int ret)
{
	bpf_printk("second unlink %s", d->d_name.name);
	return 0;
}

SEC("lsm/path_mkdir")
int BPF_PROG(on_mkdir, const struct path *dir, struct dentry *d, umode_t mode)
{
	bpf_printk("mkdir %s mode %x", d->d_name.name, mode);
	return 0;
}

SEC("lsm/path_rename")
int BPF_PROG(on_rename, const struct path *from, struct dentry *old, const struct path *to,
	     struct dentry *new)
{
	bpf_printk("rename %s to %s in %s", old->d_name.name, new->d_name.name,
		   to->dentry->d_name.name);
	return 0;
}

SEC("lsm/path_chmod") int BPF_PROG(on_chmod, const struct path *path, umode_t mode)
{
	bpf_printk("chmod %s %x", path->dentry->d_name.name, mode);
	return 0;
}

SEC("lsm/bprm_check_security") int BPF_PROG(on_exec, struct linux_binprm *bprm)
{
	bpf_printk("exec %s argc %d", bprm->file->f_path.dentry->d_name.name, bprm->argc);
	return is_secret(bprm->file->f_path.dentry) ? REFUSED : 0;
}

SEC("lsm/socket_connect")
int BPF_PROG(on_connect, struct socket *sock, struct sockaddr *address, int len)
{
	struct sockaddr_in *in = (void *)address;

	if (address->sa_family != 2)
		return 0;
	bpf_printk("connect %pI4:%d", &in->sin_addr, bpf_ntohs(in->sin_port));
	return in->sin_port == bpf_htons(9) ? REFUSED : 0;
}

SEC("lsm/task_kill")
int BPF_PROG(on_kill, struct task_struct *p, struct kernel_siginfo *info, int sig)
{
	bpf_printk("kill %d", sig);
	return sig == 10 ? REFUSED : 0;
}

SEC("fmod_ret/__x64_sys_getppid") int BPF_PROG(on_getppid, struct pt_regs *regs, int ret)
{
	return 4711;
}

SEC("fexit/security_path_unlink")
int BPF_PROG(after_unlink, const struct path *dir, struct dentry *d, int ret)
{
	bpf_printk("watched %s: %d", d->d_name.name, ret);
	return 0;
}
