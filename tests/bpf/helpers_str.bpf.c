/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The string functions of Linux 6.17: their own object, because a kernel (or a BTF) without them
 * refuses the whole of it. Run and compared by test_helper_prog.c as helpers.bpf.c is.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;

char LICENSE[] SEC("license") = "GPL";

s64 out[96];
u32 nr_out;

static __always_inline void say(s64 v)
{
	u32 i = nr_out++;

	if (i < 96)
		out[i] = v;
}

extern int bpf_strcmp(const char *a, const char *b) __ksym;
extern int bpf_strchr(const char *s, char c) __ksym;
extern int bpf_strchrnul(const char *s, char c) __ksym;
extern int bpf_strnchr(const char *s, u64 n, char c) __ksym;
extern int bpf_strrchr(const char *s, int c) __ksym;
extern u64 bpf_strlen(const char *s) __ksym;
extern u64 bpf_strnlen(const char *s, u64 n) __ksym;
extern u64 bpf_strspn(const char *s, const char *set) __ksym;
extern u64 bpf_strcspn(const char *s, const char *set) __ksym;
extern int bpf_strstr(const char *s, const char *what) __ksym;
extern int bpf_strnstr(const char *s, const char *what, u64 n) __ksym;

const char hello[] = "hello, world";
const char help[] = "help";
const char empty[] = "";
const char lo[] = "lo, ";
const char hel[] = "hel";

SEC("syscall") int strings(void *ctx)
{
	say(bpf_strcmp(hello, hello));
	say(bpf_strcmp(hello, help));
	say(bpf_strcmp(help, hello));
	say(bpf_strcmp(hel, help));
	say(bpf_strcmp(NULL, help));
	say(bpf_strchr(hello, 'o'));
	say(bpf_strchr(hello, 'z'));
	say(bpf_strchr(hello, 0));
	say(bpf_strchrnul(hello, 'z'));
	say(bpf_strchrnul(hello, 'w'));
	say(bpf_strnchr(hello, 4, 'o'));
	say(bpf_strnchr(hello, 5, 'o'));
	say(bpf_strnchr(hello, 0, 'h'));
	say(bpf_strrchr(hello, 'o'));
	say(bpf_strrchr(hello, 'z'));
	say(bpf_strrchr(hello, 0));
	say((int)bpf_strlen(hello));
	say((int)bpf_strlen(empty));
	say((int)bpf_strnlen(hello, 5));
	say((int)bpf_strnlen(hello, 500));
	say((int)bpf_strspn(hello, hel));
	say((int)bpf_strspn(hello, empty));
	say((int)bpf_strcspn(hello, lo));
	say((int)bpf_strcspn(hello, empty));
	say(bpf_strstr(hello, lo));
	say(bpf_strstr(hello, help));
	say(bpf_strstr(hello, empty));
	say(bpf_strstr(empty, hello));
	say(bpf_strnstr(hello, lo, 7));
	say(bpf_strnstr(hello, lo, 6));
	say(bpf_strnstr(hello, hel, 3));
	say(bpf_strnstr(hello, empty, 0));
	say(bpf_strstr(hello, NULL));
	return 0;
}
