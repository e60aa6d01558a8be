/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Sockets of the model kernel: struct sock (with what inet_sock adds) and struct socket. */
#ifndef MODEL_SOCK_H
#define MODEL_SOCK_H

#include "model/model.h"

/* Ports in host order; addresses as on the wire, IPv4 in the first four bytes. */
struct model_addr {
	u16 port;
	u8 ip[16];
};

struct model_sock_info {
	u64 ino; /* which socket it is */
	u16 family, type, protocol;
	u8 state; /* TCP_ESTABLISHED, … */
	u32 uid;
	struct model_addr local, remote;
	void *net;
};

struct model_socks;

struct model_socks *model_socks_new(struct model *m); /* NULL: out of memory */
struct model_socks *model_socks_free(struct model_socks *s);
void model_socks_on_gone(struct model_socks *s, void (*gone)(void *kobj));

/* The struct sock of info->ino, made or brought up to date; NULL: no memory, no such type. It
 * stays until MODEL_MAX_SOCKS others were made after it. */
void *model_sock(struct model_socks *s, const struct model_sock_info *info);
#define MODEL_MAX_SOCKS 4096

void *model_sock_socket(struct model_socks *s, void *sk); /* its struct socket */

#endif
