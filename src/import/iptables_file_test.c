// SPDX-License-Identifier: Apache-2.0
// Whole files of iptables-save: what the tool printed in its versions and forms, real rulesets, and what is damaged, odd or
// hostile. Nothing may get lost: rules reached, rules that are not, and rules elsewhere are all rules.
#include "import/test.h"
#include "base/buf.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static bool read_bytes(struct test_box *b, const char *data, size_t len)
{
	return test_read(b, data, len, import_recognise(data, len));
}

static char *load(struct test_box *b, const char *path, size_t *len)
{
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	assert_int_equal(file_read(path, (size_t)1 << 20, &text), 0);
	*len = text.len;
	return arena_strndup(&b->arena, text.data, text.len);
}

static void read_file(struct test_box *b, const char *path)
{
	size_t len;
	char *text = load(b, path, &len);
	if (!read_bytes(b, text, len))
		fail_msg("%s: %s", path, b->diags.list.at[0].text);
}

static void assert_counts(const struct test_box *b, const char *chain, size_t source, size_t opaque)
{
	assert_int_equal(test_chain(b, chain)->source_rules, source);
	assert_int_equal(test_chain(b, chain)->opaque_rules, opaque);
}

// Everything but lines.
static void encode(const struct import_chain *chain, struct buf *out)
{
	struct ir_ruleset ruleset = {.rule.at = chain->policy.rule.at,
				     .rule.len = chain->policy.rule.len,
				     .default_action = IR_DROP};
	ir_ruleset_encode(&ruleset, out);
}

// --- what the tool printed ---

static void versions_and_forms_mean_the_same(void **state)
{
	struct test_box *b = *state;
	static const char *const chains[] = {"INPUT", "FORWARD", "OUTPUT"};
	struct test_box other;
	test_box_init(&other);
	for (unsigned form = 0; form < 2; form++) {
		read_file(b, SAMPLES "/office.iptables-save");
		read_file(&other, form ? SAMPLES "/office.iptables-list"
				       : SAMPLES "/office-legacy.iptables-save");
		for (size_t i = 0; i < array_len(chains); i++) {
			struct buf a cleanup(buf_fini), c cleanup(buf_fini);
			buf_init(&a);
			buf_init(&c);
			encode(test_chain(b, chains[i]), &a);
			encode(test_chain(&other, chains[i]), &c);
			assert_true(a.len > 100);
			assert_int_equal(a.len, c.len);
			assert_memory_equal(a.data, c.data, a.len);
		}
	}
	test_box_fini(&other);
}

static void every_rule_of_the_samples_is_accounted_for(void **state)
{
	struct test_box *b = *state;
	read_file(b, SAMPLES "/office.iptables-save");
	assert_int_equal(b->result.source_rules, 57);
	assert_int_equal(b->result.elsewhere, 6);
	assert_int_equal(b->result.unreached, 1);
	assert_counts(b, "INPUT", 20, 6); // with logdrop and tcp-sane
	assert_counts(b, "FORWARD", 35, 8);
	assert_counts(b, "OUTPUT", 2, 2);
	read_file(b, SAMPLES "/office.ip6tables-save");
	assert_string_equal(test_chain(b, "INPUT")->family, "ip6");
	assert_int_equal(b->result.source_rules, 26);
	assert_int_equal(b->result.unreached, 0);
	assert_counts(b, "INPUT", 15, 1);
	assert_counts(b, "FORWARD", 19, 2);
	assert_counts(b, "OUTPUT", 0, 0);
}

// --- real rulesets, which are not part of this project ---

static bool read_real(struct test_box *b, const char *name)
{
	const char *path = arena_printf(&b->arena, RULESETS "/%s", name);
	if (access(path, R_OK) != 0) {
		print_message("%s is not here\n", path);
		return false;
	}
	read_file(b, path);
	return true;
}

static void a_server_loses_no_rule(void **state)
{
	struct test_box *b = *state;
	if (!read_real(b, "veroneau.iptables-save"))
		skip();
	assert_int_equal(b->result.source_rules, 263);
	assert_int_equal(b->result.elsewhere + b->result.unreached, 0);
	assert_counts(b, "INPUT", 261, 1);
	assert_counts(b, "FORWARD", 1, 0);
	assert_counts(b, "OUTPUT", 1, 0);
	assert_int_equal(test_chain(b, "INPUT")->policy.rule.len,
			 262);                  // each its own, and the policy
	assert_int_equal(b->result.gap.len, 2); // -m limit; and how it rejects
}

static size_t lines_of(const bool *seen, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += seen[i];
	return n;
}

static void a_router_loses_no_rule(void **state)
{
	struct test_box *b = *state;
	bool seen[1000] = {false};
	if (!read_real(b, "shorewall.iptables-save"))
		skip();
	assert_int_equal(b->result.source_rules, 404);
	assert_int_equal(b->result.elsewhere, 31);
	assert_int_equal(b->result.unreached, 3); // logreject, logdrop, shorewall
	assert_counts(b, "INPUT", 132, 6);
	assert_counts(b, "FORWARD", 247, 4);
	assert_counts(b, "OUTPUT", 59, 3);
	for (size_t i = 0; i < b->result.chain.len; i++)
		for (size_t k = 0; k < b->result.chain.at[i].policy.rule.len; k++)
			seen[b->result.chain.at[i].policy.rule.at[k].line] = true;
	// 138 rules with a verdict or a log, three gotos from base chains after which the policy decides, three
	// policies. The other 235 are jumps, gotos and returns, three without an effect, and those that no base chain
	// reaches.
	assert_int_equal(lines_of(seen, array_len(seen)), 138 + 3 + 3);
}

// --- which format it is ---

static void formats_are_recognised(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum import_format format;
	} samples[] = {
		{"# Generated by iptables-save v1.4.8 on Tue\n*filter\n", IMPORT_IPTABLES},
		{"# Generated by ip6tables-save v1.8.9 (nf_tables)\n*filter\n", IMPORT_IP6TABLES},
		{"\r\n  *filter\r\n:INPUT ACCEPT [0:0]\r\n", IMPORT_IPTABLES},
		{"*filter\n-A INPUT -s 2001:db8::/32 -j DROP\n", IMPORT_IP6TABLES},
		{"*filter\n-A INPUT -p ipv6-icmp -j DROP\n", IMPORT_IP6TABLES},
		{"*filter\n-A INPUT -d 10.0.0.1/32 -m comment --comment \"a::b\"\n",
		 IMPORT_IPTABLES},
		{"-P INPUT ACCEPT\n", IMPORT_IPTABLES},
		{"# Generated by ebtables-save\n*filter\n", IMPORT_UNKNOWN},
		{"table inet filter {\n", IMPORT_NFT},
		{"#!/usr/sbin/nft -f\n", IMPORT_NFT},
		{"flush ruleset\n", IMPORT_NFT},
		{"{\"nftables\": [{\"metainfo\": {}}]}", IMPORT_NFT_JSON},
		{" {\n  \"nftables\": []}", IMPORT_NFT_JSON},
		{"{\"ietf-i2nsf-cfi-policy:i2nsf-cfi\": {}}", IMPORT_UNKNOWN},
		{"<i2nsf/>", IMPORT_UNKNOWN},
		{"*", IMPORT_UNKNOWN},
		{"# only a comment\n", IMPORT_UNKNOWN},
		{"", IMPORT_UNKNOWN},
	};
	for (size_t i = 0; i < array_len(samples); i++)
		if (import_recognise(samples[i].text, strlen(samples[i].text)) != samples[i].format)
			fail_msg("sample %zu: %s", i, samples[i].text);
	assert_int_equal(import_format_find("iptables-save"), IMPORT_IPTABLES);
	assert_int_equal(import_format_find("ip6tables-save"), IMPORT_IP6TABLES);
	assert_int_equal(import_format_find("pf"), IMPORT_UNKNOWN);
}

// --- damage ---

struct damage {
	const char *text, *says;
	unsigned line;
};

static void damage_is_named_with_its_line(void **state)
{
	(void)state;
	static const struct damage damages[] = {
		{"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\n", "no COMMIT", 3},
		{"*filter\n:INPUT ACCEPT [0:0]\n*nat\nCOMMIT\n", "no COMMIT", 3},
		{"*filter\nCOMMIT\n-A INPUT -j DROP\n", "outside of a table", 3},
		{"*filter\n:INPUT\nCOMMIT\n", "without name or policy", 2},
		{"*filter\n:INPUT MAYBE [0:0]\nCOMMIT\n", "unknown policy MAYBE", 2},
		{"*filter\n:mine DROP [0:0]\nCOMMIT\n", "is not built in", 2},
		{"*filter\n:a - [0:0]\n:a - [0:0]\nCOMMIT\n", "declared twice", 3},
		{"*filter\nCOMMIT\n*filter\nCOMMIT\n", "stands twice", 3},
		{"*filter\n-A mine -j DROP\nCOMMIT\n", "no chain mine", 2},
		{"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -g mine\nCOMMIT\n", "no chain mine", 3},
		{"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m comment --comment \"half\nCOMMIT\n",
		 "quote that is not closed", 3},
		{"*filter\n:INPUT ACCEPT [0:0]\n-I INPUT -j DROP\nCOMMIT\n", "not a line", 3},
		{"*filter\n-A\nCOMMIT\n", "-A without a chain", 2},
		{"*filter\n:INPUT ACCEPT [0:0]\n:a - [0:0]\n-A INPUT -j a\n-A a -j a\nCOMMIT\n",
		 "jumps back to itself", 5},
		{"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j INPUT\nCOMMIT\n", "is a base chain", 3},
		{"-P INPUT ACCEPT\nCOMMIT\n", "COMMIT without a table", 2},
		{"pass in on em0\n", "not a ruleset", 0},
		{"", "not a ruleset", 0},
	};
	for (size_t i = 0; i < array_len(damages); i++) {
		struct test_box b;
		test_box_init(&b);
		assert_false(read_bytes(&b, damages[i].text, strlen(damages[i].text)));
		const struct diag *d = &b.diags.list.at[b.diags.warnings];
		if (!strstr(d->text, damages[i].says) || d->line != damages[i].line)
			fail_msg("damage %zu: %u: %s", i, d->line, d->text);
		assert_non_null(d->hint);
		assert_string_equal(d->file, "dump");
		test_box_fini(&b);
	}
}

static void a_zero_byte_and_a_long_line_are_refused(void **state)
{
	struct test_box *b = *state;
	static const char zero[] =
		"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 1\0 -j DROP\nCOMMIT\n";
	assert_false(read_bytes(b, zero, sizeof(zero) - 1));
	assert_int_equal(b->diags.list.at[0].line, 3);
	char *spaces = arena_alloc(&b->arena, 70001);
	memset(spaces, 'x', 70000);
	char *text = arena_printf(&b->arena, "*filter\n-A INPUT -j %s\nCOMMIT\n", spaces);
	assert_false(read_bytes(b, text, strlen(text)));
	assert_non_null(strstr(b->diags.list.at[1].text, "longer than"));
}

static void blanks_and_carriage_returns_mean_nothing(void **state)
{
	struct test_box *b = *state;
	size_t len;
	char *plain = load(b, SAMPLES "/office.iptables-save", &len);
	struct buf odd cleanup(buf_fini), a cleanup(buf_fini), c cleanup(buf_fini);
	buf_init(&odd);
	buf_init(&a);
	buf_init(&c);
	for (size_t i = 0; i < len; i++)
		buf_adds(&odd, plain[i] == '\n' ? " \t\r\n" : (char[]){plain[i], '\0'});
	assert_true(read_bytes(b, plain, len));
	encode(test_chain(b, "FORWARD"), &a);
	assert_true(read_bytes(b, odd.data, odd.len));
	encode(test_chain(b, "FORWARD"), &c);
	assert_int_equal(a.len, c.len);
	assert_memory_equal(a.data, c.data, a.len);
}

static void a_chain_that_is_not_declared_keeps_its_policy(void **state)
{
	struct test_box *b = *state;
	static const char text[] = "*filter\n-A INPUT -p tcp -j DROP\nCOMMIT\n";
	assert_true(read_bytes(b, text, sizeof(text) - 1));
	assert_int_equal(b->diags.warnings, 1);
	assert_int_equal(test_chain(b, "INPUT")->policy.rule.at[1].verdict, IR_PASS);
}

// --- hostile ---

// Whatever the bytes are: rules, or errors that say something; and no rule gets lost.
static void assert_sound(const char *data, size_t len)
{
	struct test_box b;
	test_box_init(&b);
	bool good = read_bytes(&b, data, len);
	assert_int_equal(good, !b.diags.errors);
	for (size_t i = 0; i < b.diags.list.len; i++)
		assert_true(b.diags.list.at[i].text && b.diags.list.at[i].hint);
	for (size_t i = 0; good && i < b.result.chain.len; i++)
		assert_true(b.result.chain.at[i].policy.rule.len > 0);
	test_box_fini(&b);
}

static void every_truncation_is_survived(void **state)
{
	struct test_box *b = *state;
	static const char *const names[] = {"office.iptables-save", "office.ip6tables-save"};
	for (size_t f = 0; f < array_len(names); f++) {
		size_t len;
		char *text = load(b, arena_printf(&b->arena, SAMPLES "/%s", names[f]), &len);
		for (size_t n = 0; n < len; n++) {
			char *copy = malloc(n + 1); // so that a read beyond the end is seen
			memcpy(copy, text, n);
			assert_sound(copy, n);
			free(copy);
		}
	}
}

static void mutate(char *text, size_t len, struct test_random *random)
{
	static const char marks[] = "!-\"\\*:[] \t\n\r,/+0A\xff";
	for (unsigned n = test_random_below(random, 8) + 1; n; n--) {
		size_t at = test_random_below(random, (uint32_t)len);
		size_t from = test_random_below(random, (uint32_t)len), some = len / 40;
		if (test_random_below(random, 3))
			text[at] = marks[test_random_below(random, sizeof(marks) - 1)];
		else if (at + some < len && from + some < len)
			memmove(text + at, text + from, some);
	}
}

static void mutations_are_survived(void **state)
{
	struct test_box *b = *state;
	struct test_random random = {.state = 8329};
	size_t len;
	char *text = load(b, SAMPLES "/office.iptables-save", &len);
	for (unsigned round = 0; round < 3000; round++) {
		char *copy = malloc(len);
		memcpy(copy, text, len);
		mutate(copy, len, &random);
		assert_sound(copy, len);
		free(copy);
	}
}

static void growth_is_bounded(void **state)
{
	struct test_box *b = *state;
	struct buf text cleanup(buf_fini);
	buf_init(&text);
	buf_adds(&text, "*filter\n:INPUT ACCEPT [0:0]\n:a - [0:0]\n-A INPUT -j a\n");
	for (unsigned i = 0; i < 6; i++) // each return multiplies what is left
		buf_printf(&text, "-A a -s %u.0.0.0/%u.0.0.0 -d 0.%u.0.0/0.%u.0.0 -j RETURN\n",
			   1u << i, 1u << i, 1u << i, 1u << i);
	buf_adds(&text, "-A a -p tcp");
	for (unsigned i = 0; i < 40; i++) // and so would each of these
		buf_printf(&text, " -m multiport --ports %u -m conntrack --ctstate DNAT", i);
	buf_adds(&text, " -j DROP\nCOMMIT\n");
	assert_true(read_bytes(b, text.data, text.len));
	assert_int_equal(b->result.source_rules, 8);
	assert_true(b->arena.total < (size_t)64 << 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, test_start, test_stop)
	const struct CMUnitTest tests[] = {
		TEST(versions_and_forms_mean_the_same),
		TEST(every_rule_of_the_samples_is_accounted_for),
		TEST(a_server_loses_no_rule),
		TEST(a_router_loses_no_rule),
		TEST(formats_are_recognised),
		TEST(damage_is_named_with_its_line),
		TEST(a_zero_byte_and_a_long_line_are_refused),
		TEST(blanks_and_carriage_returns_mean_nothing),
		TEST(a_chain_that_is_not_declared_keeps_its_policy),
		TEST(every_truncation_is_survived),
		TEST(mutations_are_survived),
		TEST(growth_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
