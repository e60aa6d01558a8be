#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# LSM programs see what a command is about to do, and may refuse it: as Linux 6.18 does with the same
# program and command (but that it leaves the file that no-new was created as).
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
skep=$PWD/${B:-build}/skep
prog=$PWD/tests/hook/progs/lsm.bpf.c
cat >"$tmp/try.c" <<'EOF'
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
static void say(const char *what, long ret)
{
	printf("%s %ld %d\n", what, ret < 0 ? ret : 0, ret < 0 ? errno : 0);
}
int main(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(9)};
	umask(022);
	say("open", open("no-secret", O_RDONLY | O_CLOEXEC));
	say("creat", open("no-new", O_CREAT | O_WRONLY, 0600));
	say("yes", open("yes", O_RDONLY));
	say("missing", open("no-missing", O_RDONLY));
	say("unlink", unlink("no-secret"));
	say("unlink", unlinkat(AT_FDCWD, "yes", 0));
	say("mkdir", mkdir("sub", 0777));
	say("rename", rename("other", "sub/renamed"));
	say("chmod", chmod("sub/renamed", 0640));
	say("exec", execl("./no-exec", "./no-exec", "a", NULL));
	inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
	say("connect", connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&in, sizeof(in)));
	signal(SIGUSR1, SIG_IGN);
	say("kill", kill(getpid(), SIGUSR1));
	say("kill", kill(getpid(), 0));
	printf("ppid %ld\n", syscall(SYS_getppid));
	return 0;
}
EOF
${CC:-cc} -o "$tmp/try" "$tmp/try.c" || skip_all "no C compiler"
mkdir "$tmp/dir"
cd "$tmp/dir" || exit 1
touch no-secret yes other
cp /bin/true no-exec
"$skep" run "$prog" -o json -- "$tmp/try" >out 2>err
is $? 0 "the command's status"
is "$(grep -v '^{' out)" "open -1 1
creat -1 1
yes 0 0
missing -1 2
unlink -1 1
unlink 0 0
mkdir 0 0
rename 0 0
chmod 0 0
exec -1 1
connect -1 1
kill -1 1
kill 0 0
ppid 4711" "what the command got"
is "$(ls)" "err
no-exec
no-secret
out
sub" "and what is there"
is "$(sed -n 's/^{.*"text":"\(.*\)"}$/\1/p' out | grep -v '^exec try')" "open no-secret flags 8000
open no-new flags 8041
second unlink no-secret
unlink no-secret in dir ret 0
watched no-secret: -1
second unlink yes
unlink yes in dir ret 0
watched yes: 0
mkdir sub mode 1ff
rename other to renamed in sub
chmod renamed 1a0
open no-exec flags 8020
connect 127.0.0.1:9
kill 10
kill 0" "what the programs saw"
err=$("$skep" run "$prog" --attach on_kill=lsm/capable -- true 2>&1)
has "$err" "system calls do not show the LSM hook capable" "a hook that cannot be told"
out=$("$skep" run "$prog" --prog on_exec -- "$tmp/try")
has "$out" "exec no-exec argc 2" "exec, asked alone"
has "$out" "^exec -1 1" "and refused"
tap_done
