/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Integer names, and the few macros that everything uses. */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define __printf(fmt, args) __attribute__((format(printf, fmt, args)))
#define __unused            __attribute__((unused))
#define __noreturn          __attribute__((noreturn))

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}

/* Round up to a multiple of a power of two. */
static inline u64 align_up(u64 x, u64 to)
{
	return (x + to - 1) & ~(to - 1);
}

/* [off, off + len) lies in [0, size); no sum can wrap. */
static inline bool in_bounds(u64 off, u64 len, u64 size)
{
	return off <= size && len <= size - off;
}

#endif
