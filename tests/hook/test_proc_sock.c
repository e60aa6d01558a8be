/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Kernel functions of sockets: the traced command (this program again) connects to us over
 * loopback. Offsets in struct sock_common are those of every kernel since 3.13: skc_daddr 0,
 * skc_rcv_saddr 4, skc_dport 12, skc_num 14, skc_family 16, skc_state 18.
 */
#include "prochelp.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int tracee_connect(const char *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)))
		return 1;
	if (write(fd, "hello", 5) != 5)
		return 2;
	close(fd);
	return 0;
}

static int listener(u16 *ret_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) || listen(fd, 5) ||
	    getsockname(fd, (struct sockaddr *)&in, &len))
		return -1;
	*ret_port = ntohs(in.sin_port);
	return fd;
}

static void attach_all(struct bench *b)
{
	is_int(bench_attach(b, "fentry/tcp_v4_connect",
			    "r1 = *(u64 *)(r1 +0)\nr0 = *(u16 *)(r1 +16)\nexit"),
	       0, "fentry/tcp_v4_connect: %s", b->diag.message);
	is_int(bench_attach(b, "fexit/tcp_v4_connect",
			    "r1 = *(u64 *)(r1 +0)\nr0 = *(u16 *)(r1 +12)\nexit"),
	       0, "fexit/tcp_v4_connect");
	is_int(bench_attach(b, "fexit/tcp_v4_connect",
			    "r1 = *(u64 *)(r1 +0)\nr0 = *(u16 *)(r1 +14)\nexit"),
	       0, "fexit/tcp_v4_connect again");
	is_int(bench_attach(b, "kprobe/tcp_sendmsg", "r0 = *(u64 *)(r1 +96)\nexit"), 0,
	       "kprobe/tcp_sendmsg");
	is_int(bench_attach(b, "kretprobe/tcp_v4_connect", "r0 = *(u64 *)(r1 +80)\nexit"), 0,
	       "kretprobe/tcp_v4_connect");
	is_int(bench_attach(b, "tp/sock/inet_sock_set_state", "r0 = *(u32 *)(r1 +20)\nexit"), 0,
	       "tp/sock/inet_sock_set_state");
	is_int(bench_attach(b, "fentry/tcp_v6_connect", "r0 = 1\nexit"), 0,
	       "fentry/tcp_v6_connect");
}

static void test_connect(char *self)
{
	char port_text[16], *argv[] = {self, "connect", port_text, NULL};
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	struct bench *b;
	u16 port = 0;
	int fd = listener(&port), conn;

	snprintf(port_text, sizeof(port_text), "%u", port);
	b = bench_new(argv, 0);
	attach_all(b);
	is_int(bench_run(b, 10), 0, "runs to its end %s", b->diag.message);
	is_int(hook_exit_status(b->set), 0, "the command could connect");
	conn = accept(fd, (struct sockaddr *)&peer, &len);
	is_int(bench_ret(b, 0, 0), AF_INET, "skc_family at the entry");
	is_int(bench_ret(b, 1, 0), htons(port), "skc_dport at the return");
	is_int(bench_ret(b, 2, 0), ntohs(peer.sin_port), "skc_num is the port that we see");
	is_int(bench_ret(b, 3, 0), 5, "tcp_sendmsg of 5 bytes");
	is_int(bench_ret(b, 4, 0), 0, "tcp_v4_connect returned 0");
	is_int(bench_count(b, 5), 3, "three changes of state");
	is_int(bench_ret(b, 5, 0), 2, "to SYN_SENT");
	is_int(bench_ret(b, 5, 1), 1, "to ESTABLISHED");
	is_int(bench_ret(b, 5, 2), 4, "to FIN_WAIT1");
	is_int(bench_count(b, 6), 0, "tcp_v6_connect was not called");
	is_int(b->nr_faults, 0, "no faults");
	bench_free(b);
	close(conn);
	close(fd);
}

/* Files: vfs_write's file has a dentry with the name, and an inode. */
static void test_file(void)
{
	char *argv[] = {"sh", "-c", "echo x > /tmp/.skep-test-$$; rm /tmp/.skep-test-$$", NULL};
	struct bench *b = bench_new(argv, 0);
	struct types_member dentry, name, inode, mode;
	char text[512];
	u32 id = types_find_struct(b->btf, "file");

	if (types_member(b->btf, id, "f_path.dentry", &dentry) ||
	    types_member(b->btf, types_find_struct(b->btf, "dentry"), "d_name.name", &name) ||
	    types_member(b->btf, id, "f_inode", &inode) ||
	    types_member(b->btf, types_find_struct(b->btf, "inode"), "i_mode", &mode)) {
		ok(0, "members of struct file");
		return;
	}
	snprintf(text, sizeof(text),
		 "r1 = *(u64 *)(r1 +0)\nr1 = *(u64 *)(r1 +%u)\nr1 = *(u64 *)(r1 +%u)\n"
		 "r0 = *(u64 *)(r1 +0)\nexit",
		 dentry.bit_off / 8, name.bit_off / 8);
	is_int(bench_attach(b, "fentry/vfs_write", text), 0, "fentry/vfs_write: %s",
	       b->diag.message);
	snprintf(text, sizeof(text),
		 "r1 = *(u64 *)(r1 +0)\nr1 = *(u64 *)(r1 +%u)\nr0 = *(u16 *)(r1 +%u)\nexit",
		 inode.bit_off / 8, mode.bit_off / 8);
	is_int(bench_attach(b, "fexit/vfs_write", text), 0, "fexit/vfs_write");
	snprintf(text, sizeof(text),
		 "r1 = *(u64 *)(r1 +8)\nr1 = *(u64 *)(r1 +0)\nr1 += 5\nr0 = *(u64 *)(r1 +0)\nexit");
	is_int(bench_attach(b, "fentry/do_unlinkat", text), 0, "fentry/do_unlinkat");
	is_int(bench_run(b, 10), 0, "runs to its end %s", b->diag.message);
	is_int(bench_count(b, 0), 1, "one write");
	ok(bench_ret(b, 0, 0) == *(const u64 *)".skep-te", "its file's name");
	ok(S_ISREG(bench_ret(b, 1, 0)), "a regular file");
	ok(bench_ret(b, 2, 0) == *(const u64 *)".skep-te", "the name that was removed");
	is_int(b->nr_faults, 0, "no faults");
	bench_free(b);
}

int main(int argc, char **argv)
{
	if (argc > 2)
		return tracee_connect(argv[2]);
	test_connect(argv[0]);
	test_file();
	is_int(mem_live(), 0, "nothing is left on the heap");
	return tap_done();
}
