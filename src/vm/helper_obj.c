/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Helpers on kernel objects: paths, and what a socket is. Fields are found by the kernel's BTF. */
#include "base/mem.h"
#include "btf/types.h"
#include "spec/spec.h"
#include "vm/mem.h"
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define MAX_DEPTH 256 /* directories in a path */
#define MAX_NAME  255

/* Reads a number or pointer; a field that is not there, or cannot be read, is 0. */
u64 vm_kernel_field(struct vm_run *run, u64 obj, const char *type, const char *path)
{
	const struct btf *btf = vm_kernel_btf(run->vm);
	struct types_member m;
	u64 v = 0, size;
	u32 id = btf ? types_find_struct(btf, type) : 0;

	if (!obj || !id || types_member(btf, id, path, &m))
		return 0;
	size = m.bit_size ? (m.bit_off % 8 + m.bit_size + 7) / 8 : types_size(btf, m.type_id);
	if (!size || size > 8 || mem_read_kernel(run, &v, size, obj + m.bit_off / 8))
		return 0;
	return m.bit_size ? v >> m.bit_off % 8 & ((1ull << m.bit_size) - 1) : v;
}

/* --- paths ----------------------------------------------------------------------------------- */

/* Put "/name" in front of what is there. False: no room. */
static bool prepend(struct vm_run *run, char *buf, u32 *at, u64 dentry)
{
	char name[MAX_NAME + 1];
	long len = mem_read_kernel_str(run, name, sizeof(name),
				       vm_kernel_field(run, dentry, "dentry", "d_name.name")) -
		   1;

	if (len < 0 || *at < (u32)len + 1)
		return false;
	*at -= len + 1;
	buf[*at] = '/';
	memcpy(buf + *at + 1, name, len);
	return true;
}

/* The path from the root, at the buffer's end; its length with the NUL, or -errno. */
static long build_path(struct vm_run *run, char *buf, u32 size, u64 dentry)
{
	u32 at = size - 1;

	buf[at] = 0;
	for (u32 i = 0; dentry && i < MAX_DEPTH; i++) {
		u64 parent = vm_kernel_field(run, dentry, "dentry", "d_parent");

		if (parent == dentry || !parent)
			break;
		if (!prepend(run, buf, &at, dentry))
			return -ENAMETOOLONG;
		dentry = parent;
	}
	if (at == size - 1) {
		if (!at)
			return -ENAMETOOLONG;
		buf[--at] = '/';
	}
	return size - at;
}

static u64 d_path(struct vm_run *run, u64 path, u64 buf, u64 size, u64 r4, u64 r5)
{
	char *to = (char *)(uintptr_t)buf;
	u64 dentry = vm_kernel_field(run, path, "path", "dentry");
	long len;

	size = (u32)size;
	if (!size)
		return 0;
	if (!dentry)
		return -EFAULT;
	len = build_path(run, to, size, dentry);
	if (len > 0)
		memmove(to, to + size - len, len);
	return len;
}

static u64 path_d_path(struct vm_run *run, u64 path, u64 buf, u64 size, u64 r4, u64 r5)
{
	if (!vm_may(run, buf, (u32)size, VM_MEM_WRITE))
		return vm_fault(run, "argument 2 must be writable memory");
	return (u32)size ? d_path(run, path, buf, size, 0, 0) : (u64)-EINVAL;
}

/* --- sockets --------------------------------------------------------------------------------- */

#define STATE_TIME_WAIT 6  /* TCP_TIME_WAIT */
#define STATE_NEW_SYN   12 /* TCP_NEW_SYN_RECV */

struct sock_is {
	u64 family, protocol, type, state;
};

/* A program on packets holds a struct bpf_sock, behind which there is no kernel's socket. */
static bool look_at(struct vm_run *run, u64 sk, struct sock_is *is)
{
	if (!sk || run->env->pkt)
		return false;
	is->family = vm_kernel_field(run, sk, "sock_common", "skc_family");
	is->state = vm_kernel_field(run, sk, "sock_common", "skc_state");
	is->protocol = vm_kernel_field(run, sk, "sock", "sk_protocol");
	is->type = vm_kernel_field(run, sk, "sock", "sk_type");
	return true;
}

static bool is_full(const struct sock_is *s)
{
	return s->state != STATE_TIME_WAIT && s->state != STATE_NEW_SYN;
}

static u64 to_tcp(struct vm_run *run, u64 sk, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct sock_is s;

	return look_at(run, sk, &s) && is_full(&s) && s.protocol == IPPROTO_TCP ? sk : 0;
}

static u64 to_tcp6(struct vm_run *run, u64 sk, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct sock_is s;

	return look_at(run, sk, &s) && s.family == AF_INET6 ? to_tcp(run, sk, 0, 0, 0, 0) : 0;
}

static u64 to_udp6(struct vm_run *run, u64 sk, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct sock_is s;

	return look_at(run, sk, &s) && is_full(&s) && s.protocol == IPPROTO_UDP &&
			       s.type == SOCK_DGRAM && s.family == AF_INET6
		       ? sk
		       : 0;
}

static u64 to_unix(struct vm_run *run, u64 sk, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct sock_is s;

	return look_at(run, sk, &s) && s.family == AF_UNIX ? sk : 0;
}

static u64 to_timewait(struct vm_run *run, u64 sk, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct sock_is s;

	return look_at(run, sk, &s) && s.state == STATE_TIME_WAIT ? sk : 0;
}

static u64 to_request(struct vm_run *run, u64 sk, u64 r2, u64 r3, u64 r4, u64 r5)
{
	struct sock_is s;

	return look_at(run, sk, &s) && s.state == STATE_NEW_SYN ? sk : 0;
}

/* The model has no multipath TCP. */
static u64 to_mptcp(struct vm_run *run, u64 sk, u64 r2, u64 r3, u64 r4, u64 r5)
{
	return 0;
}

static u64 from_file(struct vm_run *run, u64 file, u64 r2, u64 r3, u64 r4, u64 r5)
{
	u64 inode = vm_kernel_field(run, file, "file", "f_inode");

	if (!S_ISSOCK(vm_kernel_field(run, inode, "inode", "i_mode")))
		return 0;
	return vm_kernel_field(run, file, "file", "private_data");
}

/* --- packets of the kernel ------------------------------------------------------------------- */

#define MAX_OUTPUT 65535

/* A record, and behind it the first bytes of what lies at `data`, as the flags ask for. */
static long output(struct vm_run *run, u64 map, u64 flags, u64 from, u64 size, u64 data, u64 len)
{
	u64 nr = (flags & BPF_F_CTXLEN_MASK) >> 32;
	void *more = NULL;
	long err;

	if (flags & ~(BPF_F_INDEX_MASK | BPF_F_CTXLEN_MASK))
		return -EINVAL;
	if (nr > len || nr > MAX_OUTPUT)
		return -EFAULT;
	if (nr) {
		more = mem_alloc(nr);
		if (!more)
			return -ENOMEM;
		if (mem_read_kernel(run, more, nr, data))
			mem_zero(more, nr);
	}
	err = perf_output((struct map *)(uintptr_t)map, flags & BPF_F_INDEX_MASK, map_current_cpu(),
			  (const void *)(uintptr_t)from, size, more, nr);
	mem_free(more);
	return err;
}

static u64 skb_output(struct vm_run *run, u64 skb, u64 map, u64 flags, u64 from, u64 size)
{
	return output(run, map, flags, from, size, vm_kernel_field(run, skb, "sk_buff", "data"),
		      vm_kernel_field(run, skb, "sk_buff", "len"));
}

static u64 xdp_output(struct vm_run *run, u64 xdp, u64 map, u64 flags, u64 from, u64 size)
{
	u64 data = vm_kernel_field(run, xdp, "xdp_buff", "data");
	u64 end = vm_kernel_field(run, xdp, "xdp_buff", "data_end");

	return output(run, map, flags, from, size, data, end > data ? end - data : 0);
}

const struct vm_helper helpers_obj[] = {
	{SPEC_HELPER_skb_output, skb_output},
	{SPEC_HELPER_xdp_output, xdp_output},
	{SPEC_HELPER_d_path, d_path},
	{SPEC_HELPER_skc_to_tcp_sock, to_tcp},
	{SPEC_HELPER_skc_to_tcp6_sock, to_tcp6},
	{SPEC_HELPER_skc_to_udp6_sock, to_udp6},
	{SPEC_HELPER_skc_to_unix_sock, to_unix},
	{SPEC_HELPER_skc_to_tcp_timewait_sock, to_timewait},
	{SPEC_HELPER_skc_to_tcp_request_sock, to_request},
	{SPEC_HELPER_skc_to_mptcp_sock, to_mptcp},
	{SPEC_HELPER_sock_from_file, from_file},
	{0, NULL},
};

const struct vm_kfunc kfuncs_obj[] = {
	{"bpf_path_d_path", path_d_path},
	{NULL, NULL},
};
