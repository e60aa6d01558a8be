/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What takes the place of the kernel's wait queue: an eventfd, made when somebody asks for it. */
#include "map/impl.h"
#include <sys/eventfd.h>
#include <unistd.h>

int map_waker_fd(struct map_waker *w)
{
	int was = 0, fd = __atomic_load_n(&w->fd, __ATOMIC_ACQUIRE) - 1;

	if (fd >= 0)
		return fd;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (!__atomic_compare_exchange_n(&w->fd, &was, fd + 1, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		close(fd);
		fd = was - 1;
	}
	map_waker_wake(w); /* there may be something already */
	return fd;
}

void map_waker_wake(struct map_waker *w)
{
	int fd = __atomic_load_n(&w->fd, __ATOMIC_ACQUIRE) - 1;
	u64 one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: it is readable as it is */
}

void map_waker_reset(struct map_waker *w)
{
	int fd = __atomic_load_n(&w->fd, __ATOMIC_ACQUIRE) - 1;
	u64 count;

	if (fd >= 0 && read(fd, &count, sizeof(count)) < 0)
		return; /* EAGAIN: nobody woke us */
}

void map_waker_done(struct map_waker *w)
{
	if (w->fd)
		close(w->fd - 1);
}
