/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Tunnel metadata of an sk_buff. What a program sets stays with the packet on its way; a program
 * that asks for what a received packet carried gets -EINVAL, as on any interface that is not a
 * collect_md tunnel. Linux takes back only what it set for sending when the same program asks.
 */
#include "vm/helper_net.h"

#define KEY          struct bpf_tunnel_key
#define KEY_AT(name) offsetof(KEY, name)

static bool is_old_size(u32 size)
{
	return size == KEY_AT(local_ipv6[0]) || size == KEY_AT(tunnel_label) ||
	       size == KEY_AT(tunnel_ext);
}

static int get_key(const struct vm_pkt *pkt, KEY *to, u32 size, u64 flags)
{
	const struct vm_tunnel *t = &pkt->tunnel;

	if (!t->set || (flags & ~(u64)(BPF_F_TUNINFO_IPV6 | VM_TUNINFO_FLAGS)))
		return -EINVAL;
	if (t->is_v6 != !!(flags & BPF_F_TUNINFO_IPV6))
		return -EPROTO;
	if (size != sizeof(KEY) && !is_old_size(size) &&
	    (size != KEY_AT(remote_ipv6[1]) || t->is_v6))
		return -EINVAL;
	*to = t->key;
	/* what was set as the remote end is where it goes: the other end of what was received */
	memcpy(to->remote_ipv6, t->key.local_ipv6, 16);
	memcpy(to->local_ipv6, t->key.remote_ipv6, 16);
	to->tunnel_ext = flags & VM_TUNINFO_FLAGS ? t->flags : 0;
	return 0;
}

NET_PKT_HELPER(skb_get_tunnel_key)
{
	u32 size = r3;
	KEY key = {0};
	int err = get_key(pkt, &key, size, r4);

	memset(net_ptr(r2), 0, size);
	if (!err)
		memcpy(net_ptr(r2), &key, min_u64(size, sizeof(key)));
	return err;
}

NET_PKT_HELPER(skb_set_tunnel_key)
{
	u64 flags = r4;
	u32 size = r3;
	KEY key = {0};
	struct vm_tunnel *t = &pkt->tunnel;

	if (flags & ~(u64)(BPF_F_TUNINFO_IPV6 | BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT |
			   BPF_F_SEQ_NUMBER | VM_NO_TUNNEL_KEY))
		return -EINVAL;
	if (size != sizeof(key) && !is_old_size(size) && size != KEY_AT(remote_ipv6[1]))
		return -EINVAL;
	memcpy(&key, net_ptr(r2), size);
	if ((!(flags & BPF_F_TUNINFO_IPV6) && key.tunnel_label) || key.tunnel_ext)
		return -EINVAL;
	memset(t, 0, sizeof(*t));
	t->set = true;
	t->is_v6 = flags & BPF_F_TUNINFO_IPV6;
	if (!t->is_v6)
		memset(&key.remote_ipv6[1], 0, 12), memset(&key.local_ipv6[1], 0, 12);
	key.tunnel_label &= 0xfffff;
	t->key = key;
	return 0;
}

NET_PKT_HELPER(skb_get_tunnel_opt)
{
	const struct vm_tunnel *t = &pkt->tunnel;
	u32 size = r3;

	memset(net_ptr(r2), 0, size);
	if (!t->set || !t->opt_len)
		return -ENOENT;
	if (size < t->opt_len)
		return -ENOMEM;
	memcpy(net_ptr(r2), t->opt, t->opt_len);
	return t->opt_len;
}

NET_PKT_HELPER(skb_set_tunnel_opt)
{
	struct vm_tunnel *t = &pkt->tunnel;
	u32 size = r3;

	if (!t->set || (size & 3))
		return -EINVAL;
	if (size > sizeof(t->opt))
		return -ENOMEM;
	memcpy(t->opt, net_ptr(r2), size);
	t->opt_len = size;
	return 0;
}
