/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an object may ask of the kernel. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <stdbool.h>

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool LINUX_HAS_BPF_COOKIE __kconfig;
extern bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern int LINUX_NOT_YET __kconfig __weak;
extern bool CONFIG_BPF_SYSCALL __kconfig __weak;
extern enum libbpf_tristate CONFIG_NO_SUCH_TRI __kconfig __weak;
extern char CONFIG_NO_SUCH_CHAR __kconfig __weak;
extern unsigned long CONFIG_HZ __kconfig __weak;
extern short CONFIG_NO_SUCH_SHORT __kconfig __weak;
extern char CONFIG_NO_SUCH_TEXT[24] __kconfig __weak;

extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;
extern void bpf_no_such_kfunc(void) __ksym __weak;

volatile long sink;

SEC("raw_tp/sys_enter") int kconfig(void *ctx)
{
	sink += LINUX_KERNEL_VERSION + LINUX_HAS_BPF_COOKIE + LINUX_HAS_SYSCALL_WRAPPER;
	sink += LINUX_NOT_YET + CONFIG_BPF_SYSCALL + CONFIG_NO_SUCH_TRI + CONFIG_HZ;
	sink += CONFIG_NO_SUCH_CHAR + CONFIG_NO_SUCH_SHORT + CONFIG_NO_SUCH_TEXT[3];
	return 0;
}

SEC("tp_btf/sys_enter") int kfuncs(void *ctx)
{
	if (bpf_rcu_read_lock) {
		bpf_rcu_read_lock();
		bpf_rcu_read_unlock();
	}
	if (bpf_no_such_kfunc)
		bpf_no_such_kfunc();
	return 0;
}

char _license[] SEC("license") = "GPL";
