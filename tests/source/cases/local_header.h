/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef LOCAL_HEADER_H
#define LOCAL_HEADER_H

#define LOCAL_PID 1

struct local_event {
	int pid;
};

#endif
