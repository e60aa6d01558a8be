/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * SYN cookies without a socket (bpf_tcp_raw_{gen,check}_syncookie_ipv{4,6}). The scheme is Linux'
 * (net/ipv4/syncookies.c): a hash of the connection, plus the client's sequence number, plus the
 * minute in the upper 8 bits, plus a second hash that hides the index of the MSS. The secret is
 * fixed here, so a cookie from one run is known in the next.
 */
#include "base/hash.h"
#include "vm/helper_net.h"
#include <arpa/inet.h>
#include <time.h>

#define MASK           0xffffffu
#define MAX_AGE        2 /* minutes */
#define DEFAULT_MSS_V4 536
#define DEFAULT_MSS_V6 536

static const u16 mss_v4[] = {536, 1300, 1440, 1460};
static const u16 mss_v6[] = {1220, 1420, 1440, 8940};

struct conn {
	u8 addrs[32];
	u8 ports[4];
};

static u32 minutes(struct vm_run *run)
{
	const struct vm_world *w = run->env->world;
	struct timespec ts;

	if (w && w->clock)
		return w->clock(run->env, CLOCK_MONOTONIC) / 60000000000ull;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec / 60;
}

static u32 mix(const struct conn *c, u32 count, u32 which)
{
	return hash_bytes(c, sizeof(*c), (u64)count << 8 | which);
}

static void connection(struct conn *c, const u8 *ip, const u8 *th, bool v6)
{
	memset(c, 0, sizeof(*c));
	memcpy(c->addrs, ip + (v6 ? 8 : 12), v6 ? 32 : 8);
	memcpy(c->ports, th, 4);
}

static u32 be32(const u8 *p)
{
	return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* The MSS option of a TCP header of len bytes, 0 if there is none. */
static u16 mss_option(const u8 *th, u32 len)
{
	u32 i = 20;

	while (i < len && th[i]) {
		u32 opt_len = th[i] == 1 ? 1 : i + 1 < len ? th[i + 1] : 0;

		if (th[i] != 1 && (opt_len < 2 || opt_len > len - i))
			return 0;
		if (th[i] == 2 && opt_len == 4)
			return th[i + 2] << 8 | th[i + 3];
		i += opt_len;
	}
	return 0;
}

static u64 generate(struct vm_run *run, const u8 *ip, const u8 *th, u32 th_len, bool v6)
{
	const u16 *table = v6 ? mss_v6 : mss_v4;
	u32 idx = ARRAY_SIZE(mss_v4) - 1, count = minutes(run), cookie;
	struct conn c;
	u16 mss;

	if (th_len < 20 || th_len != (u32)(th[12] >> 4) * 4)
		return -EINVAL;
	mss = mss_option(th, th_len);
	mss = mss ? mss : v6 ? DEFAULT_MSS_V6 : DEFAULT_MSS_V4;
	while (idx && mss < table[idx])
		idx--;
	connection(&c, ip, th, v6);
	cookie = mix(&c, 0, 0) + be32(th + 4) + (count << 24) + ((mix(&c, count, 1) + idx) & MASK);
	return cookie | (u64)table[idx] << 32;
}

static u64 check(struct vm_run *run, const u8 *ip, const u8 *th, bool v6)
{
	u32 count = minutes(run), cookie = be32(th + 8) - 1, seq = be32(th + 4) - 1, age, data;
	struct conn c;

	connection(&c, ip, th, v6);
	cookie -= mix(&c, 0, 0) + seq;
	age = (count - (cookie >> 24)) & 0xff;
	if (age >= MAX_AGE)
		return -EACCES;
	data = (cookie - mix(&c, count - age, 1)) & MASK;
	return data < ARRAY_SIZE(mss_v4) ? 0 : -EACCES;
}

NET_HELPER(tcp_raw_gen_syncookie_ipv4)
{
	return generate(run, net_ptr(r1), net_ptr(r2), r3, false);
}

NET_HELPER(tcp_raw_gen_syncookie_ipv6)
{
	return generate(run, net_ptr(r1), net_ptr(r2), r3, true);
}

NET_HELPER(tcp_raw_check_syncookie_ipv4)
{
	return check(run, net_ptr(r1), net_ptr(r2), false);
}

NET_HELPER(tcp_raw_check_syncookie_ipv6)
{
	return check(run, net_ptr(r1), net_ptr(r2), true);
}
