/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where a kernel's BTF comes from: a file that the user named, /sys, or the one of a Debian kernel
 * that is shipped (scripts/make-btf made it). The shipped file is found beside what runs: below the
 * installation's data directory, or in a share/ folder of one of the executable's parents.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "btf/types.h"
#include <errno.h>
#include <gelf.h>
#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RUNNING       "/sys/kernel/btf/vmlinux"
#define SHIPPED       "vmlinux-6.12.btf.zst"
#define MAX_FILE      (1024u << 20) /* a vmlinux with DWARF has some hundred MiB */
#define MAX_PARENTS   5
#define MAX_XZ_MEMORY (256u << 20) /* of its dictionary; xz -9 takes 65 MiB */

/* --- compression ---------------------------------------------------------------------------- */

static int bad_data(struct skep_diag *diag, const char *what)
{
	return diag_set(diag, -EINVAL, "%s", what);
}

/* Replace *buf by twice as much room, not above the limit. */
static int grow(char **buf, size_t *room, struct skep_diag *diag)
{
	size_t more = *room * 2;
	char *p;

	if (more > MAX_FILE)
		return diag_set(diag, -EFBIG, "unpacks to more than %u MiB", MAX_FILE >> 20);
	p = mem_realloc(*buf, more);
	if (!p)
		return diag_nomem(diag);
	*buf = p;
	*room = more;
	return 0;
}

static int unzstd(const char *in, size_t in_size, char **out, size_t *room, size_t *size,
		  struct skep_diag *diag)
{
	ZSTD_DStream *z = ZSTD_createDStream();
	ZSTD_inBuffer src = {in, in_size, 0};
	size_t left = 1;
	int err = z ? 0 : diag_nomem(diag);

	while (!err && left) {
		ZSTD_outBuffer dst = {*out, *room, *size};

		left = ZSTD_decompressStream(z, &dst, &src);
		*size = dst.pos;
		if (ZSTD_isError(left))
			err = bad_data(diag, "broken zstd data");
		else if (left && dst.pos == dst.size)
			err = grow(out, room, diag);
		else if (left && src.pos == src.size)
			err = bad_data(diag, "zstd data that is cut off");
	}
	ZSTD_freeDStream(z);
	return err;
}

static int gunzip(const char *in, size_t in_size, char **out, size_t *room, size_t *size,
		  struct skep_diag *diag)
{
	z_stream z = {.next_in = (Bytef *)in, .avail_in = (uInt)in_size};
	int err = inflateInit2(&z, 15 + 16) == Z_OK ? 0 : diag_nomem(diag), state = Z_OK;

	while (!err && state != Z_STREAM_END) {
		z.next_out = (Bytef *)*out + *size;
		z.avail_out = (uInt)(*room - *size);
		state = inflate(&z, Z_NO_FLUSH);
		*size = *room - z.avail_out;
		if (state == Z_STREAM_END)
			break;
		if (!z.avail_out)
			err = grow(out, room, diag);
		else if (state != Z_OK || !z.avail_in)
			err = bad_data(diag, "broken or cut off gzip data");
	}
	inflateEnd(&z);
	return err;
}

static int unxz(const char *in, size_t in_size, char **out, size_t *room, size_t *size,
		struct skep_diag *diag)
{
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_ret state = lzma_stream_decoder(&z, MAX_XZ_MEMORY, 0);
	int err = state == LZMA_OK ? 0 : diag_nomem(diag);

	z.next_in = (const uint8_t *)in;
	z.avail_in = in_size;
	while (!err && state != LZMA_STREAM_END) {
		z.next_out = (uint8_t *)*out + *size;
		z.avail_out = *room - *size;
		state = lzma_code(&z, LZMA_FINISH);
		*size = *room - z.avail_out;
		if (state == LZMA_STREAM_END)
			break;
		if (state == LZMA_OK && !z.avail_out)
			err = grow(out, room, diag);
		else if (state != LZMA_OK)
			err = bad_data(diag, "broken or cut off xz data");
	}
	lzma_end(&z);
	return err;
}

static const struct packing {
	const char *magic;
	size_t len;
	int (*unpack)(const char *in, size_t in_size, char **out, size_t *room, size_t *size,
		      struct skep_diag *diag);
} packings[] = {
	{"\x28\xb5\x2f\xfd", 4, unzstd},
	{"\x1f\x8b", 2, gunzip},
	{"\xfd"
	 "7zXZ",
	 6, unxz},
};

/* Replaces *buf by what is packed in it; leaves other data alone. */
static int unpack(char **buf, size_t *size, struct skep_diag *diag)
{
	size_t room = 8u << 20, out_size = 0;
	const struct packing *p = NULL;
	char *out;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(packings) && !p; i++)
		if (*size > packings[i].len && !memcmp(*buf, packings[i].magic, packings[i].len))
			p = &packings[i];
	if (!p)
		return 0;
	out = mem_alloc(room);
	if (!out)
		return diag_nomem(diag);
	err = p->unpack(*buf, *size, &out, &room, &out_size, diag);
	mem_free(err ? out : *buf);
	if (err)
		return err;
	*buf = out;
	*size = out_size;
	return 0;
}

/* --- ELF ------------------------------------------------------------------------------------ */

static Elf_Data *find_section(Elf *elf, const char *name)
{
	size_t strs;

	if (elf_getshdrstrndx(elf, &strs))
		return NULL;
	for (Elf_Scn *scn = elf_nextscn(elf, NULL); scn; scn = elf_nextscn(elf, scn)) {
		GElf_Shdr sh;
		const char *have;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		have = elf_strptr(elf, strs, sh.sh_name);
		if (have && !strcmp(have, name))
			return elf_rawdata(scn, NULL);
	}
	return NULL;
}

static int open_elf(char *data, size_t size, struct btf **ret, struct skep_diag *diag)
{
	Elf_Data *sec = NULL;
	Elf *elf;
	int err;

	elf_version(EV_CURRENT);
	elf = elf_memory(data, size);
	if (elf)
		sec = find_section(elf, ".BTF");
	if (sec && sec->d_buf)
		err = types_open(sec->d_buf, sec->d_size, NULL, ret, diag);
	else
		err = diag_set_full(diag, -ENOENT, "no-btf",
				    "give a vmlinux that was built with CONFIG_DEBUG_INFO_BTF, "
				    "or raw BTF",
				    "an ELF file without a section .BTF");
	elf_end(elf);
	return err;
}

/* --- files ---------------------------------------------------------------------------------- */

static int open_file(const char *path, struct btf **ret, struct skep_diag *diag)
{
	size_t size;
	char *data;
	int err = file_read(path, MAX_FILE, &data, &size, diag);

	if (err)
		return err;
	err = unpack(&data, &size, diag);
	if (!err && size > 4 && !memcmp(data, ELFMAG, SELFMAG))
		err = open_elf(data, size, ret, diag);
	else if (!err)
		err = types_open(data, size, NULL, ret, diag);
	mem_free(data);
	return err ? diag_at(diag, err, "%s", path) : 0;
}

/* The running kernel's own: as trustworthy as the kernel, so only libbpf looks at it. */
static int open_running(struct btf **ret, struct skep_diag *diag)
{
	size_t size;
	char *data;
	int err = file_read(RUNNING, TYPES_MAX_SIZE, &data, &size, diag);

	if (err)
		return err;
	*ret = btf__new(data, (u32)size);
	if (!*ret)
		err = errno ? -errno : -EINVAL;
	else
		btf__set_pointer_size(*ret, 8);
	mem_free(data);
	return err ? diag_at(diag, err, "%s", RUNNING) : 0;
}

static bool try_shipped(char *path, const char *dir, size_t len, const char *sub)
{
	int n = snprintf(path, PATH_MAX, "%.*s/%s/%s", (int)len, dir, sub, SHIPPED);

	return n > 0 && n < PATH_MAX && file_exists(path);
}

static bool find_shipped(char *path)
{
	char exe[PATH_MAX];
	ssize_t len;

	if (try_shipped(path, SKEP_DATADIR, strlen(SKEP_DATADIR), "btf"))
		return true;
	len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	for (u32 i = 0; i < MAX_PARENTS && len > 0; i++) {
		while (len > 0 && exe[--len] != '/')
			;
		if (try_shipped(path, exe, (size_t)len, "share/skep/btf") ||
		    try_shipped(path, exe, (size_t)len, "share/btf"))
			return true;
	}
	return false;
}

static int open_shipped(struct btf **ret, struct skep_diag *diag)
{
	char path[PATH_MAX];

	if (!find_shipped(path))
		return diag_set_full(
			diag, -ENOENT, "no-btf", "give the BTF of a kernel with --btf FILE",
			"no BTF under /sys/kernel/btf, and the one that skep ships (%s) "
			"is not where it was installed",
			SHIPPED);
	return open_file(path, ret, diag);
}

int types_open_kernel(const char *path, struct btf **ret, const char **ret_name,
		      struct skep_diag *diag)
{
	struct skep_diag why = {0};
	const char *name = path;
	int err;

	if (path) {
		err = open_file(path, ret, diag);
	} else {
		name = "the running kernel's BTF";
		err = open_running(ret, &why);
		if (err) {
			log_debug("%s: %s", why.where, why.message);
			name = "the shipped BTF of Debian's Linux 6.12 (no BTF under "
			       "/sys/kernel/btf)";
			err = open_shipped(ret, diag);
		}
	}
	if (!err && ret_name)
		*ret_name = name;
	return err;
}
