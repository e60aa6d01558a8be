/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Values to text and back, by BTF; elements of maps. */
#include "../tap.h"
#include "base/mem.h"
#include "event/text.h"
#include "event/value.h"
#include <arpa/inet.h>
#include <errno.h>

/* The types of this test; ids as btf__add_* returned them. */
static struct btf *btf;
static int t_int, t_u8, t_s8, t_u16, t_u32, t_u64, t_char, t_bool, t_be32, t_be16, t_enum, t_in6,
	t_pair, t_comm, t_mac, t_ints, t_lpm, t_flow, t_bits, t_ev, t_double, t_hist;

static int array_of(int elem, u32 nr)
{
	return btf__add_array(btf, t_int, elem, nr);
}

static void make_structs(void)
{
	int u8x16 = array_of(t_u8, 16), slots = array_of(t_u32, 8), un;

	t_in6 = btf__add_struct(btf, "in6_addr", 16);
	btf__add_field(btf, "in6_u", u8x16, 0, 0);
	t_pair = btf__add_struct(btf, "pair", 8);
	btf__add_field(btf, "a", t_int, 0, 0);
	btf__add_field(btf, "b", t_u16, 32, 0);
	t_lpm = btf__add_struct(btf, "lpm_key", 8);
	btf__add_field(btf, "prefixlen", t_u32, 0, 0);
	btf__add_field(btf, "addr", t_u32, 32, 0);
	un = btf__add_union(btf, NULL, 16);
	btf__add_field(btf, "saddr_v4", t_u32, 0, 0);
	btf__add_field(btf, "saddr_v6", u8x16, 0, 0);
	t_flow = btf__add_struct(btf, "flow", 24);
	btf__add_field(btf, NULL, un, 0, 0);
	btf__add_field(btf, "af", t_u32, 128, 0);
	btf__add_field(btf, "dport", t_be16, 160, 0);
	t_bits = btf__add_struct(btf, "bits", 8);
	btf__add_field(btf, "total", t_u64, 0, 40);
	btf__add_field(btf, "nr", t_u64, 40, 24);
	t_ev = btf__add_struct(btf, "ev", 32);
	btf__add_field(btf, "comm", t_comm, 0, 0);
	btf__add_field(btf, "ret", t_int, 128, 0);
	btf__add_field(btf, "sig", t_int, 160, 0);
	btf__add_field(btf, "lat_us", t_u64, 192, 0);
	t_hist = btf__add_struct(btf, "hist", 8 * 4 + 16);
	btf__add_field(btf, "slots", slots, 0, 0);
	btf__add_field(btf, "comm", t_comm, 256, 0);
}

static void make_types(void)
{
	btf = btf__new_empty();
	t_int = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	t_u8 = btf__add_int(btf, "unsigned char", 1, 0);
	t_s8 = btf__add_int(btf, "signed char", 1, BTF_INT_SIGNED);
	t_u16 = btf__add_int(btf, "unsigned short", 2, 0);
	t_u32 = btf__add_int(btf, "unsigned int", 4, 0);
	t_u64 = btf__add_int(btf, "unsigned long long", 8, 0);
	t_char = btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	t_bool = btf__add_int(btf, "_Bool", 1, BTF_INT_BOOL);
	t_double = btf__add_float(btf, "double", 8);
	t_be32 = btf__add_typedef(btf, "__be32", t_u32);
	t_be16 = btf__add_typedef(btf, "__be16", t_u16);
	t_enum = btf__add_enum(btf, "color", 4);
	btf__add_enum_value(btf, "RED", 1);
	btf__add_enum_value(btf, "GREEN", 2);
	t_comm = array_of(t_char, 16);
	t_mac = array_of(t_u8, 6);
	t_ints = array_of(t_int, 4);
	make_structs();
}

static const char *format(int type, const char *name, const void *p, size_t size,
			  enum event_style style)
{
	static struct strbuf sb;

	strbuf_reset(&sb);
	event_format_named(&sb, btf, (u32)type, name, p, size, style);
	return strbuf_str(&sb);
}

/* Text that is understood, and what it looks like as JSON. */
static void test_good(void)
{
	const struct {
		int type;
		const char *name, *text, *json;
	} rows[] = {
		{t_int, "", "42", "42"},
		{t_int, "", "-2147483648", "-2147483648"},
		{t_int, "", "0x10", "16"},
		{t_int, "", "0755", "493"},
		{t_int, "", "0b101", "5"},
		{t_int, "", "+3", "3"},
		{t_int, "", "1k", "1000"},
		{t_u64, "", "4Ki", "4096"},
		{t_u64, "", "18446744073709551615", "18446744073709551615"},
		{t_u8, "", "255", "255"},
		{t_s8, "", "-128", "-128"},
		{t_bool, "", "true", "true"},
		{t_bool, "", "0", "false"},
		{t_char, "", "x", "\"x\""},
		{t_char, "", "'\\n'", "\"\\n\""},
		{t_enum, "", "GREEN", "\"GREEN\""},
		{t_enum, "", "1", "\"RED\""},
		{t_enum, "", "7", "7"},
		{t_comm, "", "bash", "\"bash\""},
		{t_comm, "", "\"a \\\"b\\\"\"", "\"a \\\"b\\\"\""},
		{t_comm, "", "{a, b}", "\"{a, b}\""},
		{t_be32, "", "10.0.0.1", "\"10.0.0.1\""},
		{t_u32, "daddr", "10.0.0.1", "\"10.0.0.1\""},
		{t_in6, "", "fe80::1", "\"fe80::1\""},
		{t_in6, "", "10.0.0.1", "\"::ffff:10.0.0.1\""},
		{t_mac, "mac", "02:00:5e:10:00:ff", "\"02:00:5e:10:00:ff\""},
		{t_mac, "", "02005e1000ff", "\"02005e1000ff\""},
		{t_be16, "port", "443", "443"},
		{t_ints, "", "1,2", "[1,2,0,0]"},
		{t_ints, "", "{1, -2, 0x3}", "[1,-2,3,0]"},
		{t_ints, "", "[1,2,3,4]", "[1,2,3,4]"},
		{t_ints, "", "{\"2\": 9}", "[0,0,9,0]"},
		{t_pair, "", "{1, 2}", "{\"a\":1,\"b\":2}"},
		{t_pair, "", "{.b = 3}", "{\"a\":0,\"b\":3}"},
		{t_pair, "", "{\"b\": 4, \"a\": -1}", "{\"a\":-1,\"b\":4}"},
		{t_lpm, "", "10.0.0.0/8", "\"10.0.0.0/8\""},
		{t_lpm, "", "10.0.0.1", "\"10.0.0.1/32\""},
		{t_lpm, "", "{\"prefixlen\": 16, \"addr\": \"192.168.0.0\"}", "\"192.168.0.0/16\""},
		{t_flow, "", "{saddr: \"1.2.3.4\", af: AF_INET, dport: 80}",
		 "{\"saddr\":\"1.2.3.4\",\"af\":2,\"dport\":80}"},
		{t_flow, "", "{saddr: \"fe80::2\", af: 10}",
		 "{\"saddr\":\"fe80::2\",\"af\":10,\"dport\":0}"},
		{t_bits, "", "{total: 1099511627775, nr: 3}", "{\"total\":1099511627775,\"nr\":3}"},
		{t_ev, "", "{comm: \"x\", sig: SIGKILL, ret: -2}",
		 "{\"comm\":\"x\",\"ret\":-2,\"sig\":9,\"lat_us\":0}"},
		{t_double, "", "1.5", "1.5"},
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t size = (size_t)btf__resolve_size(btf, (u32)rows[i].type);
		struct skep_diag diag = {0};
		u8 out[64] = {0};
		int err = event_parse_named(btf, (u32)rows[i].type, rows[i].name, rows[i].text, out,
					    size, &diag);

		is_int(err, 0, "parse %s%s%s", rows[i].text, *diag.message ? ": " : "",
		       diag.message);
		is_str(format(rows[i].type, rows[i].name, out, size, EVENT_STYLE_JSON),
		       rows[i].json, "and back: %s", rows[i].json);
	}
}

static void test_bad(void)
{
	const struct {
		int type;
		const char *text;
		int err;
		const char *message;
	} rows[] = {
		{t_u8, "256", -ERANGE, "256 does not fit: 8 bits hold 0 to 255"},
		{t_u32, "-1", -ERANGE, "-1 does not fit: 32 bits hold 0 to 4294967295"},
		{t_int, "2147483648", -ERANGE,
		 "2147483648 does not fit: 32 bits hold -2147483648 to 2147483647"},
		{t_u64, "99999999999999999999", -ERANGE,
		 "99999999999999999999 does not fit: 64 bits hold 0 to 18446744073709551615"},
		{t_int, "12x", -EINVAL, "'12x' is not a number"},
		{t_int, "", -EINVAL, "'' is not a number"},
		{t_bool, "maybe", -EINVAL, "'maybe' is not true or false"},
		{t_enum, "BLUE", -EINVAL, "'BLUE' is none of RED, GREEN"},
		{t_comm, "0123456789abcdef", -E2BIG,
		 "'0123456789abcdef' has 16 characters, there is room for 15"},
		{t_be32, "10.0.0.256", -EINVAL, "'10.0.0.256' is not an IPv4 address"},
		{t_in6, "fe80::z", -EINVAL, "'fe80::z' is not an IP address"},
		{t_lpm, "10.0.0.0/33", -EINVAL, "'10.0.0.0/33': the prefix has 0 to 32 bits"},
		{t_ints, "1,2,3,4,5", -E2BIG, "there are 4 elements"},
		{t_ints, "{1, 2", -EINVAL, "',' or '}' is missing at character 6"},
		{t_pair, "{c: 1}", -EINVAL, "there is no member 'c'; the members are: a, b"},
		{t_pair, "{1, 2, 3}", -E2BIG, "3 values for 2 members"},
		{t_pair, "{a: 1, 2}", -EINVAL,
		 "some members have names and some do not at character 9, near '}'"},
		{t_mac, "02:00", -EINVAL, "'02:00' has 2 bytes, 6 are expected"},
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t size = (size_t)btf__resolve_size(btf, (u32)rows[i].type);
		struct skep_diag diag = {0};
		u8 out[64] = {0x55};

		is_int(event_parse(btf, (u32)rows[i].type, rows[i].text, out, size, &diag),
		       rows[i].err, "refused: '%s'", rows[i].text);
		is_str(diag.message, rows[i].message, "and says why");
		is_int(out[0], 0x55, "and leaves the value alone");
	}
}

static void test_cells(void)
{
	struct {
		char comm[16];
		int ret, sig;
		u64 lat;
	} ev = {"a\x01\"b\xff", -2, 9, 1204000};
	u64 stamp = 12345678901ull;

	is_str(format(t_ev, "", &ev, sizeof(ev), EVENT_STYLE_CELL),
	       "{comm=\"a\\u0001\\\"b\\u00ff\", ret=-ENOENT, sig=SIGKILL, lat_us=1.204s}",
	       "errno, signals and durations for people");
	is_str(format(t_ev, "", &ev, sizeof(ev), EVENT_STYLE_JSON),
	       "{\"comm\":\"a\\u0001\\\"b\\u00ff\",\"ret\":-2,\"sig\":9,\"lat_us\":1204000}",
	       "numbers for programs");
	is_str(format(t_ev, "", &ev, 20, EVENT_STYLE_JSON),
	       "{\"comm\":\"a\\u0001\\\"b\\u00ff\",\"ret\":-2,\"sig\":null,\"lat_us\":null}",
	       "a value that is cut short");
	is_str(format(t_comm, "", "0123456789abcdef", 16, EVENT_STYLE_CELL), "0123456789abcdef",
	       "text without a NUL");
	is_str(format(t_u64, "ts", &stamp, 8, EVENT_STYLE_CELL), "12.345678", "a time stamp");
	is_str(format(0, "", "\x01\xab", 2, EVENT_STYLE_TEXT), "01ab", "no type: hex");
}

/* --- maps ------------------------------------------------------------------------------------- */

static struct strbuf printed;

static int collect(void *ctx, const char *text, size_t size)
{
	strbuf_add(&printed, text, size);
	return 0;
}

static struct map *new_map(const char *name, u32 type, int key, int value, u32 max)
{
	struct map_def def = {
		.name = name,
		.type = type,
		.max_entries = max,
		.key_type_id = (u32)key,
		.value_type_id = (u32)value,
		.key_size = (u32)btf__resolve_size(btf, (u32)key),
		.value_size = (u32)btf__resolve_size(btf, (u32)value),
		.flags = type == BPF_MAP_TYPE_LPM_TRIE ? BPF_F_NO_PREALLOC : 0,
	};
	struct skep_diag diag = {0};
	struct map *map = NULL;

	is_int(map_new(&def, &map, &diag), 0, "map %s%s", name, diag.message);
	return map;
}

static const char *print(struct map *map, enum event_style style)
{
	strbuf_reset(&printed);
	is_int(event_map_print(map, btf, style, collect, NULL), 0, "printed");
	return strbuf_str(&printed);
}

static void test_map(void)
{
	struct map *map = new_map("blocklist", BPF_MAP_TYPE_HASH, t_u32, t_u64, 4);
	struct skep_diag diag = {0};
	u32 key;
	u64 value = 0;

	is_int(event_map_load(map, btf, "{\"10.0.0.1\":1, \"10.0.0.2\": 0x20}", &diag), 0,
	       "a map from JSON%s", diag.message);
	inet_pton(AF_INET, "10.0.0.2", &key);
	is_int(map_user_lookup(map, &key, &value, 0), 0, "its key is in network order");
	is_int(value, 32, "its value");
	is_int(event_map_set(map, btf, "10.0.0.3", "7", &diag), 0, "one element");
	is_str(print(map, EVENT_STYLE_JSON),
	       "{\"map\":\"blocklist\",\"key\":\"10.0.0.1\",\"value\":1}\n"
	       "{\"map\":\"blocklist\",\"key\":\"10.0.0.2\",\"value\":32}\n"
	       "{\"map\":\"blocklist\",\"key\":\"10.0.0.3\",\"value\":7}\n",
	       "JSON by key");
	is_str(print(map, EVENT_STYLE_TEXT),
	       "blocklist: 3 elements\n"
	       "ADDR     BLOCKLIST\n"
	       "10.0.0.1         1\n"
	       "10.0.0.3         7\n"
	       "10.0.0.2        32\n\n",
	       "a table by value, the largest last");
	is_int(event_map_load(map, btf, "{\"10.0.0\":1}", &diag), -EINVAL, "a bad key");
	is_str(diag.message, "'10.0.0' is not an IPv4 address", "is told");
	is_str(diag.where, "map blocklist: '10.0.0': key", "with its place");
	skep_diag_clear(&diag);
	is_int(event_map_load(map, btf, "{\"1.1.1.1\":1,\"2.2.2.2\":1}", &diag), -E2BIG,
	       "too many");
	is_str(diag.message, "there is room for 4 elements", "is told");
	map_put(map);
}

static void test_array_map(void)
{
	struct map *map = new_map("pairs", BPF_MAP_TYPE_ARRAY, t_u32, t_pair, 4);
	struct skep_diag diag = {0};

	is_int(event_map_load(map, btf, "[{1,2},{0,0},{\"b\":5}]", &diag), 0, "[values]: %s",
	       diag.message);
	is_str(print(map, EVENT_STYLE_TEXT), "pairs: 2 elements\nKEY A B\n  0 1 2\n  2 0 5\n\n",
	       "an array by index, without its zeros");
	map_put(map);
}

static void test_percpu_map(void)
{
	struct map *map = new_map("hits", BPF_MAP_TYPE_PERCPU_ARRAY, t_u32, t_u64, 1);
	u64 values[4096] = {1, 2};
	u32 key = 0;
	struct skep_diag diag = {0};
	char want[64];

	if (map->nr_cpus < 2 || map->nr_cpus > 4096) {
		tap_skip("sum over CPUs", "one CPU");
		map_put(map);
		return;
	}
	is_int(map_user_update(map, &key, values, 0), 0, "a value for each CPU");
	ok(strstr(print(map, EVENT_STYLE_JSON),
		  "{\"map\":\"hits\",\"key\":0,\"value\":3,\"cpus\":[1,2"),
	   "JSON has the sum and each CPU's value: %s", strbuf_str(&printed));
	is_int(event_map_set(map, btf, "0", "5", &diag), 0, "text sets all CPUs");
	snprintf(want, sizeof(want), "\"value\":%u,", map->nr_cpus * 5);
	ok(strstr(print(map, EVENT_STYLE_JSON), want), "their sum is %s", want);
	map_put(map);
}

static void test_hist(void)
{
	struct map *map = new_map("hists", BPF_MAP_TYPE_HASH, t_int, t_hist, 4);
	struct skep_diag diag = {0};

	is_int(event_map_load(map, btf, "{\"7\": {slots: [1, 0, 4], comm: \"sh\"}}", &diag), 0,
	       "slots: %s", diag.message);
	is_str(print(map, EVENT_STYLE_TEXT),
	       "hists[7], comm=sh\n"
	       "             slots : count    distribution\n"
	       "      0 -> 1       : 1        |**********                              |\n"
	       "      2 -> 3       : 0        |                                        |\n"
	       "      4 -> 7       : 4        |****************************************|\n\n",
	       "bars");
	map_put(map);
}

static void test_global(void)
{
	struct {
		u32 slots[8];
		char comm[16];
	} hist = {{0, 5}, "sh"};
	int five = 5;

	strbuf_reset(&printed);
	event_print_global(&printed, btf, (u32)t_int, "nr", &five, 4, NULL);
	event_print_global(&printed, btf, (u32)t_hist, "hist", &hist, sizeof(hist), NULL);
	is_str(strbuf_str(&printed),
	       "nr = 5\n"
	       "hist, comm=sh\n"
	       "             slots : count    distribution\n"
	       "      0 -> 1       : 0        |                                        |\n"
	       "      2 -> 3       : 5        |****************************************|\n\n",
	       "globals, and the histograms in them");
}

static void test_no_btf(void)
{
	struct map_def def = {.name = "raw",
			      .type = BPF_MAP_TYPE_HASH,
			      .key_size = 4,
			      .value_size = 3,
			      .max_entries = 2};
	struct skep_diag diag = {0};
	struct map *map = NULL;

	is_int(map_new(&def, &map, &diag), 0, "a map without types");
	is_int(event_map_load(map, NULL, "{\"1\": \"010203\"}", &diag), 0, "by size: %s",
	       diag.message);
	is_str(print(map, EVENT_STYLE_JSON), "{\"map\":\"raw\",\"key\":1,\"value\":\"010203\"}\n",
	       "and printed by size");
	map_put(map);
}

/* Every allocation fails once: an error, no crash, nothing left. */
static void test_nomem(void)
{
	u8 out[24];
	u64 live = mem_live();
	int err = -ENOMEM;

	for (u64 n = 1; n < 100 && err; n++) {
		mem_fail_at(n);
		err = event_parse(btf, (u32)t_flow, "{saddr: \"1.2.3.4\", af: 2}", out, 24, NULL);
		mem_fail_at(0);
		if (err && err != -ENOMEM)
			break;
	}
	is_int(err, 0, "out of memory is an error until there is enough");
	is_int(mem_live(), live, "nothing is left");
}

int main(void)
{
	make_types();
	test_good();
	test_bad();
	test_cells();
	test_map();
	test_array_map();
	test_percpu_map();
	test_hist();
	test_global();
	test_no_btf();
	test_nomem();
	strbuf_done(&printed);
	btf__free(btf);
	return tap_done();
}
