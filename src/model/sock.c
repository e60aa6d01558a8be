/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "model/sock.h"
#include "base/hash.h"
#include "base/mem.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct entry {
	u64 ino;
	void *sk, *socket;
};

struct model_socks {
	struct model *m;
	struct hash_table by_ino;
	struct entry *ring[MODEL_MAX_SOCKS]; /* in the order of their making */
	u32 next;
	void (*gone)(void *kobj);
};

static u64 addr(const void *p)
{
	return (uintptr_t)p;
}

static void drop(struct model_socks *s, struct entry *e)
{
	if (!e)
		return;
	if (s->gone)
		s->gone(e->sk);
	if (hash_get(&s->by_ino, e->ino) == e)
		hash_del(&s->by_ino, e->ino);
	model_release(s->m, e->sk);
	model_release(s->m, e->socket);
	mem_free(e);
}

/* The kernel's object is as large as its protocol wants; struct sock is its first member. */
static void *alloc_sk(struct model *m, const struct model_sock_info *info)
{
	void *sk = NULL;

	if (info->protocol == IPPROTO_TCP)
		sk = model_alloc(m, "tcp_sock");
	else if (info->protocol == IPPROTO_UDP)
		sk = model_alloc(m, "udp_sock");
	return sk ? sk : model_alloc(m, "sock");
}

static struct entry *new_entry(struct model_socks *s, const struct model_sock_info *info)
{
	struct entry *e = mem_zalloc(sizeof(*e));

	if (!e)
		return NULL;
	e->ino = info->ino;
	e->sk = alloc_sk(s->m, info);
	e->socket = model_alloc(s->m, "socket");
	if (!e->sk || hash_put(&s->by_ino, e->ino, e)) {
		model_release(s->m, e->sk);
		model_release(s->m, e->socket);
		mem_free(e);
		return NULL;
	}
	drop(s, s->ring[s->next]);
	s->ring[s->next] = e;
	s->next = (s->next + 1) % MODEL_MAX_SOCKS;
	return e;
}

static void set_addresses(struct model *m, void *sk, const struct model_sock_info *info)
{
	u32 v4;

	model_set(m, sk, "sock", "__sk_common.skc_num", info->local.port);
	model_set(m, sk, "sock", "__sk_common.skc_dport", htons(info->remote.port));
	model_set(m, sk, "inet_sock", "inet_sport", htons(info->local.port));
	if (info->family == AF_INET6) {
		model_set_bytes(m, sk, "sock", "__sk_common.skc_v6_rcv_saddr", info->local.ip, 16);
		model_set_bytes(m, sk, "sock", "__sk_common.skc_v6_daddr", info->remote.ip, 16);
		return;
	}
	memcpy(&v4, info->local.ip, 4);
	model_set(m, sk, "sock", "__sk_common.skc_rcv_saddr", v4);
	model_set(m, sk, "inet_sock", "inet_saddr", v4);
	memcpy(&v4, info->remote.ip, 4);
	model_set(m, sk, "sock", "__sk_common.skc_daddr", v4);
}

static void fill(struct model *m, const struct entry *e, const struct model_sock_info *info)
{
	model_set(m, e->sk, "sock", "__sk_common.skc_family", info->family);
	model_set(m, e->sk, "sock", "__sk_common.skc_state", info->state);
	model_set(m, e->sk, "sock", "__sk_common.skc_net.net", addr(info->net));
	model_set(m, e->sk, "sock", "__sk_common.skc_refcnt.refs.counter", 1);
	model_set(m, e->sk, "sock", "sk_type", info->type);
	model_set(m, e->sk, "sock", "sk_protocol", info->protocol);
	model_set(m, e->sk, "sock", "sk_uid.val", info->uid);
	model_set(m, e->sk, "sock", "sk_socket", addr(e->socket));
	model_set(m, e->socket, "socket", "sk", addr(e->sk));
	model_set(m, e->socket, "socket", "type", info->type);
	if (info->family == AF_INET || info->family == AF_INET6)
		set_addresses(m, e->sk, info);
}

void *model_sock(struct model_socks *s, const struct model_sock_info *info)
{
	struct entry *e = hash_get(&s->by_ino, info->ino);

	if (!e)
		e = new_entry(s, info);
	if (!e)
		return NULL;
	fill(s->m, e, info);
	return e->sk;
}

void *model_sock_socket(struct model_socks *s, void *sk)
{
	u64 socket = 0;

	model_get(s->m, sk, "sock", "sk_socket", &socket);
	return (void *)(uintptr_t)socket;
}

struct model_socks *model_socks_new(struct model *m)
{
	struct model_socks *s = mem_zalloc(sizeof(*s));

	if (s)
		s->m = m;
	return s;
}

void model_socks_on_gone(struct model_socks *s, void (*gone)(void *kobj))
{
	s->gone = gone;
}

struct model_socks *model_socks_free(struct model_socks *s)
{
	if (!s)
		return NULL;
	for (u32 i = 0; i < MODEL_MAX_SOCKS; i++)
		drop(s, s->ring[i]);
	hash_done(&s->by_ino);
	mem_free(s);
	return NULL;
}
