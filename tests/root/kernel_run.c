/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The oracle: run an object in Linux through libbpf and print its records with skep's printer, so
 * that only the engine differs from what skep run prints.
 *
 *     kernel_run FILE.bpf.c -- COMMAND …
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <skep/event.h>
#include <skep/object.h>
#include <skep/source.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct source {
	struct skep_printer *printer;
	const char *map;
};

static int write_out(void *ctx, const char *text, size_t size)
{
	(void)ctx;
	return fwrite(text, 1, size, stdout) == size ? 0 : -EPIPE;
}

static int on_ring(void *ctx, void *data, size_t size)
{
	struct source *s = ctx;
	struct skep_event ev = {.sz = sizeof(ev),
				.kind = SKEP_EVENT_RECORD,
				.map = s->map,
				.data = data,
				.size = size};

	return skep_printer_event(s->printer, &ev);
}

static void on_perf(void *ctx, int cpu, void *data, __u32 size)
{
	(void)cpu;
	on_ring(ctx, data, size);
}

static void die(const char *what, int err)
{
	fprintf(stderr, "kernel_run: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

struct readers {
	struct ring_buffer *ring;
	struct perf_buffer *perf;
};

static struct readers open_buffers(struct bpf_object *obj, struct skep_printer *printer)
{
	struct readers r = {0};
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
	{
		struct source *s = calloc(1, sizeof(*s));

		s->printer = printer;
		s->map = bpf_map__name(map);
		if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF)
			r.ring = ring_buffer__new(bpf_map__fd(map), on_ring, s, NULL);
		else if (bpf_map__type(map) == BPF_MAP_TYPE_PERF_EVENT_ARRAY)
			r.perf = perf_buffer__new(bpf_map__fd(map), 256, on_perf, NULL, s, NULL);
	}
	return r;
}

static void drain(struct readers *r)
{
	if (r->ring)
		ring_buffer__consume(r->ring);
	if (r->perf)
		perf_buffer__consume(r->perf);
}

static int run_command(char **argv, struct readers *r)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		drain(r);
		usleep(1000);
	}
	drain(r);
	return 0;
}

int main(int argc, char **argv)
{
	struct skep_printer_opts po = {.sz = sizeof(po), .format = SKEP_FORMAT_JSON};
	struct skep_printer *printer;
	struct skep_diag diag = {0};
	struct skep_object *so;
	struct bpf_object *obj;
	struct bpf_program *prog;
	struct readers r;
	size_t size;
	void *elf;

	if (argc < 4 || strcmp(argv[2], "--"))
		die("usage: kernel_run FILE.bpf.c -- COMMAND", EINVAL);
	if (skep_source_compile(argv[1], NULL, &elf, &size, &diag) ||
	    skep_object_open_mem(elf, size, argv[1], NULL, &so, &diag) ||
	    skep_printer_new(so, &po, write_out, NULL, &printer, &diag))
		die(diag.message, diag.err);
	obj = bpf_object__open_mem(elf, size, NULL);
	if (!obj)
		die("open", errno);
	if (bpf_object__load(obj))
		die("load", errno);
	bpf_object__for_each_program(prog, obj) if (!bpf_program__attach(prog))
		die(bpf_program__name(prog), errno);
	r = open_buffers(obj, printer);
	run_command(argv + 3, &r);
	fflush(stdout);
	bpf_object__close(obj); /* the links go with the process */
	skep_printer_free(printer);
	skep_object_free(so);
	skep_source_free(elf);
	return 0;
}
