/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Compute programs that are compiled twice: to BPF, and natively as bench_<name>. mem is 4096 bytes
 * of numbers; the answer is compared between the two.
 */
#ifndef BENCH_H
#define BENCH_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef ENTRY
#define ENTRY bench
#endif

u64 ENTRY(void *mem);

#endif
