/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the traced command of scripts/compat does beside shell commands: things that public programs
 * wait for and a shell cannot do. Loopback only; a mount in a namespace of its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int uprobed_add(int a, int b);
int uprobed_sub(int a, int b);

__attribute__((noinline)) int uprobed_add(int a, int b)
{
	__asm__ volatile("");
	return a + b;
}

__attribute__((noinline)) int uprobed_sub(int a, int b)
{
	__asm__ volatile("");
	return a - b;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *contend(void *arg)
{
	for (int i = 0; i < 20; i++) {
		pthread_mutex_lock(&lock);
		usleep(500);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void locks(void)
{
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, contend, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

static void talk(const struct sockaddr_in *to)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);
	char buf[8];

	if (!connect(s, (const void *)to, sizeof(*to)) && write(s, "hello", 5) == 5 &&
	    read(s, buf, sizeof(buf)) == 5)
		usleep(1000);
	close(s);
	_exit(0);
}

static void tcp(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int s = socket(AF_INET, SOCK_STREAM, 0), c;
	socklen_t len = sizeof(a);
	char buf[8];

	if (bind(s, (void *)&a, sizeof(a)) || listen(s, 5) || getsockname(s, (void *)&a, &len))
		return;
	if (!fork())
		talk(&a);
	c = accept(s, NULL, NULL);
	if (read(c, buf, sizeof(buf)) == 5 && write(c, "world", 5) == 5)
		usleep(1000);
	close(c);
	close(s);
	wait(NULL);
}

static void mounts(void)
{
	if (!fork()) {
		if (!unshare(CLONE_NEWUSER | CLONE_NEWNS) || !unshare(CLONE_NEWNS)) {
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
			mount("none", "/mnt", "tmpfs", 0, NULL);
			umount("/mnt");
		}
		_exit(0);
	}
	wait(NULL);
}

int main(void)
{
	struct addrinfo *ai = NULL;
	int sum = 0;

	for (int i = 0; i < 3; i++)
		sum += uprobed_add(i, 2) - uprobed_sub(i, 1);
	locks();
	tcp();
	mounts();
	if (!getaddrinfo("localhost", "80", NULL, &ai))
		freeaddrinfo(ai);
	return sum != 9;
}
