/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a number means, as its type and its name say.
 *
 * BTF tells a width; people tell the rest by names: `__be32`, `daddr_v4`, `dport`, `ret`, `ts_us`,
 * `sig`. A name is read as words ("daddr_v4": daddr, v4), so that `ip` means an address and `zip`
 * does not. All rules are rows of tables here, and all of them only change how a value is shown or
 * read, never where it lies.
 */
#include "event/field.h"
#include <ctype.h>
#include <string.h>

#define NAME_MAX_LEN 64 /* longer names mean nothing to us */

struct words {
	char text[NAME_MAX_LEN];
	const char *word[16];
	u32 nr;
};

static void split(struct words *w, const char *name)
{
	size_t len = strnlen(name, NAME_MAX_LEN);
	bool in_word = false;

	w->nr = 0;
	if (len >= NAME_MAX_LEN)
		len = 0;
	for (size_t i = 0; i < len; i++) {
		char c = (char)tolower((u8)name[i]);

		/* sourcePort: a capital behind a small letter starts a word */
		if (i && isupper((u8)name[i]) && islower((u8)name[i - 1]) && i + 1 < len)
			in_word = false;
		w->text[i] = c == '_' ? 0 : c;
		if (c != '_' && !in_word && w->nr < ARRAY_SIZE(w->word))
			w->word[w->nr++] = w->text + i;
		in_word = c != '_';
	}
	w->text[len] = 0;
}

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static const char *last_word(const struct words *w)
{
	return w->nr ? w->word[w->nr - 1] : "";
}

static const char *const version_words[] = {"v4", "v6", "4", "6", "be", "n", "in", "in6", NULL};
static const char *const addr_words[] = {
	"ip",    "ip4",   "ip6",   "ipv4",  "ipv6", "sip", "dip",   "gw",   "vip",     "rip",
	"saddr", "daddr", "raddr", "laddr", "src",  "dst", "laddr", "addr", "gateway", NULL};
static const char *const not_addr_words[] = {"uaddr",  "vaddr", "paddr", "kaddr",
					     "skaddr", "maddr", NULL};

static bool word_is_version(const char *name)
{
	return !strcasecmp(name, "v4") || !strcasecmp(name, "v6");
}

bool meaning_is_addr(const char *name)
{
	struct words w;
	const char *word;

	split(&w, name);
	while (w.nr && is_one_of(last_word(&w), version_words)) {
		w.nr--;
		if (!w.nr)
			return word_is_version(name); /* nothing but "v4" */
	}
	word = last_word(&w);
	if (!*word || is_one_of(word, not_addr_words))
		return false;
	return is_one_of(word, addr_words) || ends_with(word, "addr") || ends_with(word, "addr4") ||
	       ends_with(word, "addr6");
}

size_t meaning_stem(const char *name)
{
	size_t len = strlen(name);
	static const char *const ends[] = {"_v4", "_v6", "_ip4", "_ip6", "_in", "_in6",
					   "4",   "6",   "v4",   "v6",   NULL};

	for (u32 i = 0; ends[i]; i++)
		if (ends_with(name, ends[i]))
			return len - strlen(ends[i]);
	return len;
}

bool meaning_is_family(const char *name)
{
	static const char *const words[] = {"af", "fam", "ver", "ipver", "ipv", NULL};
	struct words w;

	split(&w, name);
	return is_one_of(last_word(&w), words) || ends_with(last_word(&w), "family") ||
	       ends_with(last_word(&w), "version");
}

u32 meaning_family(u64 value)
{
	static const u8 families[] = {[2] = 4, [4] = 4, [6] = 6, [10] = 6};

	return value < sizeof(families) ? families[value] : 0;
}

bool meaning_matches(const char *enumerator, const char *member)
{
	size_t n = strlen(enumerator), m = strlen(member);

	if (!m || m > n || strcasecmp(enumerator + n - m, member))
		return false;
	return n == m || enumerator[n - m - 1] == '_';
}

/* --- hints by name ---------------------------------------------------------------------------- */

static bool has_word(const struct words *w, const char *const *list)
{
	return w->nr && is_one_of(last_word(w), list);
}

static const char *const errno_words[] = {"ret",   "retval", "err",     "error",
					  "errno", "rc",     "retcode", NULL};
static const char *const signal_words[] = {"sig", "signal", "signo", "signum", "signr", NULL};
static const char *const hex_words[] = {"ptr",   "addr",   "ip",    "pc",     "caller", "callers",
					"sk",    "skaddr", "stack", "kstack", "ustack", "uaddr",
					"flags", "mask",   "kaddr", "vaddr",  NULL};
static const char *const octal_words[] = {"mode", "umask", NULL};
static const char *const prefix_words[] = {"prefixlen", "prefix", NULL};

static bool hint_word(struct field *f, const struct words *w)
{
	static const struct {
		const char *const *words;
		enum field_hint hint;
		u32 min_size;
		bool only_signed;
	} rows[] = {
		{errno_words, HINT_ERRNO, 2, true},    {signal_words, HINT_SIGNAL, 1, false},
		{octal_words, HINT_OCTAL, 2, false},   {hex_words, HINT_HEX, 4, false},
		{prefix_words, HINT_PREFIX, 4, false},
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		if (f->size < rows[i].min_size || (rows[i].only_signed && !f->is_signed) ||
		    !has_word(w, rows[i].words))
			continue;
		f->hint = rows[i].hint;
		return true;
	}
	return false;
}

static void hint_time(struct field *f, const struct words *w)
{
	static const char *const stamps[] = {"ts", "timestamp", "tstamp", NULL};
	static const char *const ends[] = {"start", "end", "exit", "begin", "stop", NULL};
	static const char *const namespaces[] = {"mnt", "mount",  "net",  "pid", "ipc",
						 "uts", "cgroup", "user", NULL};
	static const struct {
		const char *word;
		u32 unit;
	} units[] = {{"ns", 1000000000}, {"us", 1000000}, {"ms", 1000}};
	u32 nr = w->nr, unit = 0;

	for (u32 i = 0; i < ARRAY_SIZE(units) && nr; i++)
		if (!strcmp(w->word[nr - 1], units[i].word))
			unit = units[i].unit;
	nr -= unit != 0;
	if (nr > 1 && !unit && !strcmp(w->word[nr - 1], "time") && f->size == 8 &&
	    is_one_of(w->word[nr - 2], ends)) {
		f->hint = HINT_STAMP;
		f->unit = 1000000000;
		return;
	}
	if (unit == 1000000000 && (f->size < 8 || (nr && is_one_of(w->word[nr - 1], namespaces))))
		return; /* mnt_ns */
	if (nr && is_one_of(w->word[nr - 1], stamps) && f->size == 8) {
		f->hint = HINT_STAMP;
		f->unit = unit ? unit : 1000000000;
	} else if (unit && f->size >= 4) {
		f->hint = HINT_SPAN;
		f->unit = unit;
	}
}

static bool is_port(const struct words *w)
{
	static const char *const words[] = {"port",  "sport", "dport", "lport",
					    "rport", "ports", NULL};

	return w->nr && (is_one_of(last_word(w), words) || ends_with(last_word(w), "port") ||
			 is_one_of(w->word[0], words) || !strcmp(last_word(w), "port16"));
}

/* A __be32 is an address unless its name says that it is something else. */
static bool is_other_be32(const struct words *w)
{
	static const char *const words[] = {"seq",  "ack",      "spi",       "label", "flow",
					    "id",   "len",      "csum",      "vni",   "teid",
					    "mark", "port",     "ports",     "num",   "count",
					    "hash", "flowinfo", "flowlabel", NULL};

	return is_port(w) || (w->nr && is_one_of(last_word(w), words));
}

/* "__be16", "__u32", … : names of typedefs on the way to an integer, outermost first. */
static bool is_big_endian(const char *typename)
{
	return strstr(typename, "be16") || strstr(typename, "be32") || strstr(typename, "be64") ||
	       !strcmp(typename, "in_addr_t") || !strcmp(typename, "in_port_t");
}

void meaning_of(struct field *f, const char *typename)
{
	struct words w;

	split(&w, f->name);
	if (is_big_endian(typename)) {
		f->big_endian = true;
		if (f->size == 4 && !is_other_be32(&w)) {
			f->kind = FIELD_ADDR;
			return;
		}
	}
	if (f->bit_size)
		return;
	if (f->size == 4 && !f->is_signed && !f->big_endian && meaning_is_addr(f->name) &&
	    strcmp(f->name, "src") && strcmp(f->name, "dst")) {
		f->kind = FIELD_ADDR;
		return;
	}
	if (f->size == 16 && meaning_is_addr(f->name)) {
		f->kind = FIELD_ADDR;
		f->guess = true;
		return;
	}
	if (f->size == 2 && is_port(&w))
		f->hint = HINT_PORT;
	else if (meaning_is_family(f->name) && f->size <= 4)
		f->hint = HINT_FAMILY;
	else if (!hint_word(f, &w))
		hint_time(f, &w);
}
