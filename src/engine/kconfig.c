/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kernel's configuration for extern __kconfig variables, from where libbpf looks too:
 * /boot/config-RELEASE, else /proc/config.gz. Where neither can be read nothing is set; weak
 * variables are then 0 and others an error that names them.
 */
#include "base/mem.h"
#include "engine/engine.h"
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <zlib.h>

#define MAX_CONFIG (4 << 20)

struct kconfig {
	char *text; /* "\nCONFIG_X=y\n…", NULL until it was read */
	bool was_read;
	char value[4096]; /* what kconfig_get gave last */
};

struct kconfig *kconfig_new(void)
{
	return mem_zalloc(sizeof(struct kconfig));
}

/* gzopen reads plain files too. */
static char *read_config(const char *path)
{
	gzFile gz = gzopen(path, "re");
	char *text;
	int len;

	if (!gz)
		return NULL;
	text = mem_alloc(MAX_CONFIG + 2);
	len = text ? gzread(gz, text + 1, MAX_CONFIG) : -1;
	gzclose(gz);
	if (len <= 0) {
		mem_free(text);
		return NULL;
	}
	text[0] = '\n';
	text[len + 1] = 0;
	return text;
}

static void read_once(struct kconfig *k)
{
	struct utsname u;
	char path[256];

	if (k->was_read)
		return;
	k->was_read = true;
	uname(&u);
	snprintf(path, sizeof(path), "/boot/config-%s", u.release);
	k->text = read_config(path);
	if (!k->text)
		k->text = read_config("/proc/config.gz");
}

const char *kconfig_get(struct kconfig *k, const char *name)
{
	char line[256];
	const char *at;
	size_t len;

	read_once(k);
	if (!k->text || (size_t)snprintf(line, sizeof(line), "\n%s=", name) >= sizeof(line))
		return NULL;
	at = strstr(k->text, line);
	if (!at)
		return NULL;
	at += strlen(line);
	len = strcspn(at, "\n");
	if (len >= sizeof(k->value))
		return NULL;
	memcpy(k->value, at, len);
	k->value[len] = 0;
	return k->value;
}

void kconfig_free(struct kconfig *k)
{
	if (!k)
		return;
	mem_free(k->text);
	mem_free(k);
}
