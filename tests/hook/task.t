#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The current task of the model kernel against what /proc says of the same process.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=${B:-build}/skep

# The command: says what /proc says of it, then calls getppid.
cat >"$tmp/self.c" <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
	char link[64], line[256];
	const char *const ns[] = {"mnt", "pid", "net", "uts", "user"};
	FILE *f = fopen("/proc/self/status", "r");

	if (chdir("/usr/lib"))
		return 1;
	printf("pid %d ppid %d uid %d\n", getpid(), getppid(), getuid());
	for (int i = 0; i < 5; i++) {
		char path[64];
		int n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", ns[i]);
		n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = 0;
		printf("ns-%s %ld\n", ns[i], strtol(strchr(link, '[') + 1, NULL, 10));
	}
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "CapEff:", 7))
			printf("cap %llu\n", strtoull(line + 7, NULL, 16));
	return 3;
}
EOF
${CC:-cc} -o "$tmp/self" "$tmp/self.c" || skip_all "no C compiler"

out=$("$skep" run tests/hook/progs/task.bpf.c -o json -- "$tmp/self" 2>"$tmp/err" <"$tmp/self.c")
is $? 3 "the command's status"
event=$(printf '%s\n' "$out" | grep '"tgid"')
field() { printf '%s\n' "$event" | sed "s/.*\"$1\":\"\\{0,1\\}\\([^,\"}]*\\).*/\\1/"; }
said() { printf '%s\n' "$out" | sed -n "s/^$1 \\([0-9]*\\).*/\\1/p" | head -n 1; }

is "$(field pid)" "$(said pid)" "pid"
is "$(field nr)" "$(said pid)" "thread_pid->numbers[0].nr"
is "$(field leader)" "$(said pid)" "group_leader->pid"
is "$(field ppid)" "$(said 'pid [0-9]* ppid')" "real_parent->tgid"
is "$(field uid)" "$(said 'pid.* uid')" "cred->uid"
is "$(field mnt)" "$(said ns-mnt)" "mnt_ns"
is "$(field pidns)" "$(said ns-pid)" "pid_ns_for_children"
is "$(field net)" "$(said ns-net)" "net_ns"
is "$(field uts)" "$(said ns-uts)" "uts_ns"
is "$(field user)" "$(said ns-user)" "user_ns"
is "$(field capeff)" "$(said cap)" "cap_effective"
is "$(field comm)" self "comm"
is "$(field exe)" self "mm->exe_file's name"
is "$(field pwd)" lib "fs->pwd after chdir"
is "$(field arg0)" "$tmp/self" "the string at mm->arg_start"
is "$(field fd0)" self.c "the file at files->fdt->fd[0]"
is "$(field node)" "$(uname -n)" "uts_ns->name.nodename"
is "$(field cgroup)" "$(field cgroup2)" "the cgroup's id, both ways"
has "$out" "exec $(printf %.31s "$tmp/self") by self" "bprm->filename at sched_process_exec"
has "$out" "exit 300" "exit_code at sched_process_exit"
tap_done
