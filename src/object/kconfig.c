/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Values of __kconfig externs. CONFIG_* are the kernel's build options as its .config prints them;
 * LINUX_* are made up by loaders: the version, and whether some features are there.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "object/state.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <zlib.h>

#define MAX_CONFIG (16u << 20)

static enum kconfig_kind kind_of(const struct btf *btf, u32 id, bool *is_signed)
{
	const struct btf_type *t = btf__type_by_id(btf, types_skip(btf, id));
	bool ignored;

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		if (btf_int_encoding(t) & BTF_INT_BOOL)
			return t->size == 1 ? KCONFIG_BOOL : KCONFIG_UNKNOWN;
		*is_signed = btf_int_encoding(t) & BTF_INT_SIGNED;
		if (t->size == 1)
			return KCONFIG_CHAR;
		return t->size == 2 || t->size == 4 || t->size == 8 ? KCONFIG_INT : KCONFIG_UNKNOWN;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		if (t->size != 4 ||
		    strcmp(btf__name_by_offset(btf, t->name_off), "libbpf_tristate"))
			return KCONFIG_UNKNOWN;
		return KCONFIG_TRISTATE;
	case BTF_KIND_ARRAY:
		id = types_skip(btf, btf_array(t)->type);
		if (!btf_array(t)->nelems || btf_is_array(btf__type_by_id(btf, id)))
			return KCONFIG_UNKNOWN;
		return kind_of(btf, id, &ignored) == KCONFIG_CHAR ? KCONFIG_STRING
								  : KCONFIG_UNKNOWN;
	default:
		return KCONFIG_UNKNOWN;
	}
}

int object_classify_kconfig(const struct btf *btf, struct ext *ext)
{
	ext->kind = kind_of(btf, btf__type_by_id(btf, ext->type_id)->type, &ext->is_signed);
	return ext->kind == KCONFIG_UNKNOWN ? -ENOTSUP : 0;
}

/* --- values --------------------------------------------------------------------------------- */

static int misfit(const struct ext *ext, const char *text, const char *why, struct skep_diag *diag)
{
	diag_set(diag, -EINVAL, "the kernel's value %.60s %s", text, why);
	return diag_at(diag, -EINVAL, "extern %s", ext->name);
}

/* y, n, m. Values as enum libbpf_tristate: no 0, yes 1, module 2. */
static int set_letter(const struct ext *ext, u8 *to, const char *text, struct skep_diag *diag)
{
	char c = text[0];
	u32 tri = c == 'y' ? 1 : c == 'm' ? 2 : 0;

	switch (ext->kind) {
	case KCONFIG_BOOL:
		if (c == 'm')
			return misfit(ext, text, "needs a tristate or char", diag);
		*to = c == 'y';
		return 0;
	case KCONFIG_CHAR:
		*to = (u8)c;
		return 0;
	case KCONFIG_TRISTATE:
		memcpy(to, &tri, sizeof(tri));
		return 0;
	default:
		return misfit(ext, text, "needs a bool, tristate or char", diag);
	}
}

static int set_string(const struct ext *ext, u8 *to, const char *text, struct skep_diag *diag)
{
	size_t len = strlen(text);

	if (ext->kind != KCONFIG_STRING)
		return misfit(ext, text, "needs a char array", diag);
	if (len < 2 || text[len - 1] != '"')
		return misfit(ext, text, "is no whole string", diag);
	len = min_u64(len - 2, ext->size - 1);
	memcpy(to, text + 1, len);
	to[len] = 0;
	return 0;
}

static bool in_range(const struct ext *ext, u64 n)
{
	u32 bits = ext->size * 8;

	if (bits == 64)
		return true;
	if (ext->is_signed)
		return n + (1ull << (bits - 1)) < 1ull << bits;
	return !(n >> bits);
}

static int set_number(const struct ext *ext, u8 *to, u64 n, const char *text,
		      struct skep_diag *diag)
{
	if (ext->kind == KCONFIG_BOOL && n > 1)
		return misfit(ext, text, "needs an integer", diag);
	if (ext->kind != KCONFIG_INT && ext->kind != KCONFIG_CHAR && ext->kind != KCONFIG_BOOL)
		return misfit(ext, text, "needs an integer", diag);
	if (!in_range(ext, n))
		return misfit(ext, text, "does not fit into its type", diag);
	memcpy(to, &n, ext->size); /* little-endian */
	return 0;
}

static int set_text(const struct ext *ext, u8 *to, const char *text, struct skep_diag *diag)
{
	char *end;
	u64 n;

	if (*text == 'y' || *text == 'n' || *text == 'm')
		return set_letter(ext, to, text, diag);
	if (*text == '"')
		return set_string(ext, to, text, diag);
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end)
		return misfit(ext, text, "is no number", diag);
	return set_number(ext, to, n, text, diag);
}

static u64 kernel_version(void)
{
	unsigned int major = 0, minor = 0, patch = 0;
	struct utsname uts;

	if (uname(&uts) || sscanf(uts.release, "%u.%u.%u", &major, &minor, &patch) < 2)
		return 0;
	return (u64)major << 16 | minor << 8 | (patch > 255 ? 255 : patch);
}

/* What loaders supply themselves; false: nothing of that name. */
static bool virtual_value(const char *name, u64 *ret)
{
	*ret = 1;
	if (!strcmp(name, "LINUX_KERNEL_VERSION"))
		*ret = kernel_version();
	else if (strcmp(name, "LINUX_HAS_BPF_COOKIE") && strcmp(name, "LINUX_HAS_SYSCALL_WRAPPER"))
		return false;
	return true;
}

int object_set_kconfig(struct object *obj, struct ext *ext, const char *text,
		       struct skep_diag *diag)
{
	u8 *to = obj->maps[obj->state->kconfig_map].data + ext->off;
	u64 n;

	ext->is_set = true;
	if (text)
		return set_text(ext, to, text, diag);
	if (virtual_value(ext->name, &n))
		return set_number(ext, to, n, "", diag);
	ext->is_set = false;
	if (ext->is_weak)
		return 0;
	diag_set_full(diag, -ESRCH, "bad-extern", "declare it __weak: it is 0 then",
		      "the kernel's configuration does not have it");
	return diag_at(diag, -ESRCH, "extern %s", ext->name);
}

/* --- the running kernel's configuration ------------------------------------------------------ */

int object_read_kernel_config(char **ret)
{
	struct utsname uts;
	size_t room = 1u << 20, size = 0;
	char path[512], *buf;
	gzFile file;
	int n;

	if (uname(&uts))
		return -errno;
	snprintf(path, sizeof(path), "/boot/config-%s", uts.release);
	file = gzopen(path, "re"); /* reads plain text too */
	if (!file)
		file = gzopen("/proc/config.gz", "re");
	buf = file ? mem_alloc(room + 1) : NULL;
	while (buf && (n = gzread(file, buf + size, (unsigned int)(room - size))) > 0) {
		char *more;

		size += (size_t)n;
		if (size < room)
			continue;
		more = room < MAX_CONFIG ? mem_realloc(buf, room * 2 + 1) : NULL;
		if (!more)
			break;
		buf = more;
		room *= 2;
	}
	if (file)
		gzclose(file);
	if (!buf)
		return file ? -ENOMEM : -ENOENT;
	buf[size] = 0;
	*ret = buf;
	return 0;
}

const char *object_config_value(char *config, const char *name, char *buf, size_t size)
{
	size_t len = strlen(name);

	for (char *line = config; line; line = strchr(line, '\n')) {
		size_t n;

		line += *line == '\n';
		if (strncmp(line, name, len) || line[len] != '=')
			continue;
		n = strcspn(line + len + 1, "\n");
		if (n >= size)
			return NULL;
		memcpy(buf, line + len + 1, n);
		buf[n] = 0;
		return buf;
	}
	return NULL;
}
