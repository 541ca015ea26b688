// SPDX-License-Identifier: Apache-2.0
// Who: groups, users, locations, threat feeds.
#include "translate/test_support.h"

#define V4(a, b, c, d) ((u128)(a) << 24 | (u128)(b) << 16 | (u128)(c) << 8 | (d))
// 2001:db8:0:NET::HOST
#define V6(net, host) ((u128)0x20010db8 << 96 | (u128)(net) << 64 | (host))

static struct intent_group user_groups[] = {
	{.name = "staff",
	 .addresses = {.prefix4 = LIST_OF(struct intent_prefix, {V4(192, 0, 2, 77), 24}),
		       .range6 = LIST_OF(struct intent_range, {V6(1, 0x10), V6(1, 0x20), {0}},
					 {V6(2, 5), V6(2, 5), {0}})}},
	{.name = "guests",
	 .addresses = {.range4 = LIST_OF(struct intent_range,
					 {V4(198, 51, 100, 7), V4(198, 51, 100, 9), {0}},
					 {V4(198, 51, 100, 100), V4(198, 51, 100, 101), {0}})}},
	{.name = "badge",
	 .mac = LIST_OF(uint64_t, 0x020000000001, 0x020000000002),
	 .addresses = {.prefix4 = LIST_OF(struct intent_prefix, {V4(192, 0, 2, 0), 25})}},
	{.name = "ghosts"},
	{.name = "world4", .addresses = {.prefix4 = LIST_OF(struct intent_prefix, {0, 0})}},
};
static struct intent_group device_groups[] = {
	{.name = "servers6",
	 .addresses = {.prefix6 = LIST_OF(struct intent_prefix, {V6(9, 0), 64})}},
	{.name = "servers4",
	 .addresses = {.prefix4 = LIST_OF(struct intent_prefix, {V4(203, 0, 113, 0), 24})}},
};
#define GROUPS                                                            \
	.user_group = {.at = user_groups, .len = array_len(user_groups)}, \
	.device_group = {.at = device_groups, .len = array_len(device_groups)}
#define SOURCE(...) .condition.firewall.source = TEXTS(__VA_ARGS__)
#define DESTINATION(...) .condition.firewall.destination = TEXTS(__VA_ARGS__)
#define DROP .name = "r", .action = INTENT_DROP

static void groups_are_taken_whole(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){GROUPS, .policy = RULES({DROP, SOURCE("staff", "guests")})});
	assert_int_equal(f->diags.list.len, 0);
	static const struct {
		const char *source, *decides;
	} cases[] = {
		{"src=192.0.2.0", "r"},        {"src=192.0.2.255", "r"},
		{"src=192.0.3.0", "-"},        {"src=192.0.1.255", "-"},
		{"src=198.51.100.6", "-"},     {"src=198.51.100.7", "r"},
		{"src=198.51.100.9", "r"},     {"src=198.51.100.10", "-"},
		{"src=198.51.100.101", "r"},   {"src=2001:db8:0:1::f", "-"},
		{"src=2001:db8:0:1::10", "r"}, {"src=2001:db8:0:1::20", "r"},
		{"src=2001:db8:0:1::21", "-"}, {"src=2001:db8:0:2::5", "r"},
		{"src=2001:db8:0:2::6", "-"},
	};
	for (size_t i = 0; i < array_len(cases); i++)
		assert_string_equal(decides(f, cases[i].source), cases[i].decides);
}

static void an_empty_condition_is_every_packet(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){.policy = RULES({DROP})});
	assert_int_equal(f->rules.rule.at[0].clauses, 1);
	assert_int_equal(f->rules.rule.at[0].clause[0].len, 0);
	assert_true(f->rules.rule.at[0].flow);
	assert_string_equal(decides(f, "src=192.0.2.1"), "r");
	assert_string_equal(decides(f, "dst=2001:db8::1,proto=udp,dport=53"), "r");
}

static void all_addresses_of_a_version_are_that_version(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){GROUPS, .policy = RULES({DROP, SOURCE("world4")})});
	assert_string_equal(decides(f, "src=255.255.255.255"), "r");
	assert_string_equal(decides(f, "src=2001:db8::1"), "-");
}

static void sides_without_a_common_version_match_nothing(void **state)
{
	struct fixture *f = *state;
	const struct intent intent = {
		GROUPS, .policy = RULES({DROP, SOURCE("guests"), DESTINATION("servers6")})};
	const struct diag *diag = expect_diag(f, &intent, DIAG_WARNING, DIAG_EMPTY);
	assert_non_null(strstr(diag->text, "guests"));
	assert_non_null(strstr(diag->text, "servers6"));
	assert_int_equal(f->rules.rule.len, 1);
	assert_int_equal(f->rules.rule.at[0].clauses, 0);
}

static void only_common_versions_match(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){GROUPS, .policy = RULES({DROP, SOURCE("staff", "guests"),
							       DESTINATION("servers6")})});
	assert_int_equal(f->diags.list.len, 0);
	assert_string_equal(decides(f, "src=2001:db8:0:1::10,dst=2001:db8:0:9::1"), "r");
	assert_string_equal(decides(f, "src=192.0.2.1,dst=203.0.113.1"), "-");
}

static void mac_addresses_go_with_the_addresses_of_their_group(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){GROUPS, .policy = RULES({DROP, SOURCE("badge", "guests")})});
	assert_string_equal(decides(f, "src=192.0.2.1,smac=02:00:00:00:00:02"), "r");
	assert_string_equal(decides(f, "src=192.0.2.1,smac=02:00:00:00:00:03"), "-");
	assert_string_equal(decides(f, "src=192.0.2.200,smac=02:00:00:00:00:02"), "-");
	assert_string_equal(decides(f, "src=198.51.100.7,smac=02:00:00:00:00:09"), "r");
	translate(f, &(struct intent){GROUPS, .policy = RULES({DROP, DESTINATION("badge")})});
	assert_string_equal(decides(f, "dst=192.0.2.1,dmac=02:00:00:00:00:01"), "r");
	assert_string_equal(decides(f, "dst=192.0.2.1,smac=02:00:00:00:00:01"), "-");
}

static void a_range_that_ends_before_its_start_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct intent_group bad = {
		.name = "bad",
		.place = {"groups.xml", 3},
		.addresses = {.range4 = LIST_OF(struct intent_range, {9, 8, {"groups.xml", 5}})}};
	const struct intent intent = {.user_group = {.at = &bad, .len = 1}};
	const struct diag *diag = expect_diag(f, &intent, DIAG_ERROR, DIAG_VALUE);
	assert_string_equal(diag->file, "groups.xml");
	assert_int_equal(diag->line, 5);
	assert_non_null(strstr(diag->path, "user-group[name='bad']"));
}

static void unknown_groups_are_named(void **state)
{
	struct fixture *f = *state;
	const struct intent intent = {GROUPS, .policy = RULES({DROP, SOURCE("nobody")})};
	const struct diag *diag = expect_diag(f, &intent, DIAG_ERROR, DIAG_REFERENCE);
	assert_non_null(strstr(diag->text, "nobody"));
	assert_string_equal(diag->rule, "r");
	assert_string_equal(diag->condition, "firewall/source");
}

static void groups_without_addresses_stay_users(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){GROUPS, .policy = RULES({DROP, SOURCE("guests", "ghosts")})});
	assert_int_equal(f->rules.rule.len, 2);
	assert_int_equal(f->rules.rule.at[0].opaques, 0);
	assert_opaque(only_opaque(f, 1), IR_OPAQUE_USER_GROUP, "name=ghosts");
	assert_string_equal(decides(f, "src=198.51.100.7"), "r");
	assert_string_equal(decides(f, "src=192.0.2.1"), "?r");
	const struct intent destination = {GROUPS, .policy = RULES({DROP, DESTINATION("ghosts")})};
	expect_diag(f, &destination, DIAG_ERROR, DIAG_MISSING);
}

static void a_user_group_hides_a_device_group_of_its_name(void **state)
{
	struct fixture *f = *state;
	struct intent_group same = device_groups[1];
	same.name = "guests";
	const struct intent intent = {.user_group = {.at = user_groups, .len = 2},
				      .device_group = {.at = &same, .len = 1},
				      .policy = RULES({DROP, SOURCE("guests")})};
	expect_diag(f, &intent, DIAG_WARNING, DIAG_CONFLICT);
	assert_string_equal(decides(f, "src=198.51.100.7"), "r");
	assert_string_equal(decides(f, "src=203.0.113.1"), "-");
}

// --- context/users ---

#define USERS(list, ...) .condition.context.list = LIST_OF(struct intent_user, __VA_ARGS__)

static void user_groups_with_addresses_are_resolved(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){GROUPS, .policy = RULES({DROP, SOURCE("world4"),
							       USERS(group, {1, "guests"})})});
	assert_int_equal(f->rules.rule.len, 1);
	assert_int_equal(f->rules.rule.at[0].opaques, 0);
	assert_string_equal(decides(f, "src=198.51.100.7"), "r");
	assert_string_equal(decides(f, "src=198.51.100.10"), "-");
}

static void other_users_stay_opaque(void **state)
{
	struct fixture *f = *state;
	translate(f,
		  &(struct intent){GROUPS,
				   .policy = RULES({DROP, USERS(user, {7, "alice"}, {8, NULL})})});
	assert_opaque(only_opaque(f, 0), IR_OPAQUE_USER, "7 alice", "8");
	// "servers4" is a device group, so it is no group of users.
	translate(f, &(struct intent){GROUPS,
				      .policy = RULES({DROP, USERS(group, {3, "servers4"},
								   {4, NULL}, {5, "guests"})})});
	assert_int_equal(f->rules.rule.len, 2);
	assert_opaque(only_opaque(f, 1), IR_OPAQUE_USER_GROUP, "3 servers4", "4");
	assert_string_equal(decides(f, "src=198.51.100.7"), "r");
}

static void users_elsewhere_than_at_their_addresses_stay_opaque(void **state)
{
	struct fixture *f = *state;
	const struct intent intent = {
		GROUPS, .policy = RULES({DROP, SOURCE("servers4"), USERS(group, {5, "guests"})})};
	expect_diag(f, &intent, DIAG_NOTE, DIAG_CONFLICT);
	assert_int_equal(f->rules.rule.len, 1);
	assert_opaque(only_opaque(f, 0), IR_OPAQUE_USER_GROUP, "5 guests");
	assert_string_equal(decides(f, "src=203.0.113.7"), "?r");
	assert_string_equal(decides(f, "src=198.51.100.7"), "-");
}

static void a_rate_keeps_its_rule_one(void **state)
{
	struct fixture *f = *state;
	translate(f,
		  &(struct intent){GROUPS,
				   .policy = RULES({DROP, .condition.ddos.packet_rate = GIVEN(10),
						    USERS(group, {3, "nowhere"}, {5, "guests"})})});
	assert_int_equal(f->rules.rule.len, 1);
	assert_opaque(only_opaque(f, 0), IR_OPAQUE_USER_GROUP, "3 nowhere", "5 guests");
}

// --- locations ---

static struct intent_location locations[] = {
	{.country = "KR",
	 .region = "KR-11",
	 .city = "Seoul",
	 .addresses = {.prefix6 = LIST_OF(struct intent_prefix, {V6(0x60, 0), 64})}},
	{.country = "kr",
	 .region = "KR-26",
	 .city = "Busan",
	 .addresses = {.prefix4 = LIST_OF(struct intent_prefix, {V4(192, 0, 2, 0), 24})}},
	{.country = "US", .region = "US-CA", .city = "Seoul"},
};
#define LOCATIONS .location = {.at = locations, .len = array_len(locations)}

static void locations_that_agree_are_united(void **state)
{
	struct fixture *f = *state;
	translate(f,
		  &(struct intent){LOCATIONS, .policy = RULES({DROP, .condition.context.source = {
									     .country = "Kr"}})});
	assert_string_equal(decides(f, "src=192.0.2.1"), "r");
	assert_string_equal(decides(f, "src=2001:db8:0:60::1"), "r");
	translate(f, &(struct intent){
			     LOCATIONS,
			     .policy = RULES({DROP, .condition.context.destination = {
							    .country = "KR", .region = "kr-11"}})});
	assert_string_equal(decides(f, "dst=192.0.2.1"), "-");
	assert_string_equal(decides(f, "dst=2001:db8:0:60::1"), "r");
	assert_string_equal(decides(f, "src=2001:db8:0:60::1"), "-");
}

static void unknown_locations_stay_opaque(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){
			     LOCATIONS,
			     .policy = RULES({DROP, .condition.context.source = {
							    .country = "KR", .city = "seoul"}})});
	assert_opaque(only_opaque(f, 0), IR_OPAQUE_GEO_SOURCE, "KR/*/seoul");
	translate(f, &(struct intent){LOCATIONS,
				      .policy = RULES({DROP, .condition.context.destination = {
								     .city = "Seoul"}})});
	assert_int_equal(f->rules.rule.len, 2);
	assert_opaque(only_opaque(f, 1), IR_OPAQUE_GEO_DESTINATION, "*/*/Seoul");
	assert_string_equal(decides(f, "dst=2001:db8:0:60::1"), "r");
}

// --- threat feeds ---

static struct intent_feed feeds[] = {
	{.name = "addresses",
	 .ioc = TEXTS("203.0.113.66", "2001:db8:50::/48", "198.51.100.4-198.51.100.6")},
	{.name = "mixed",
	 .ioc = TEXTS("192.0.2.1", "evil.example", "https://evil.example/x", "a@evil.example",
		      "d41d8cd98f00b204e9800998ecf8427e")},
	{.name = "empty"},
};
#define FEEDS .feed = {.at = feeds, .len = array_len(feeds)}
#define FEED(...) .condition.feed = TEXTS(__VA_ARGS__)

static void feed_addresses_match_either_end(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){FEEDS, .policy = RULES({DROP, FEED("addresses")})});
	assert_int_equal(f->rules.rule.len, 1);
	static const char *const matching[] = {
		"src=203.0.113.66,dst=192.0.2.9",       "src=192.0.2.9,dst=203.0.113.66",
		"src=2001:db8:50:1::1,dst=2001:db8::1", "src=2001:db8::1,dst=2001:db8:50:ffff::1",
		"src=198.51.100.4,dst=192.0.2.9",       "src=192.0.2.9,dst=198.51.100.6",
	};
	static const char *const others[] = {"src=203.0.113.65,dst=203.0.113.67",
					     "src=198.51.100.3,dst=198.51.100.7",
					     "src=2001:db8:51::1,dst=2001:db8:4f::1"};
	for (size_t i = 0; i < array_len(matching); i++)
		assert_string_equal(decides(f, matching[i]), "r");
	for (size_t i = 0; i < array_len(others); i++)
		assert_string_equal(decides(f, others[i]), "-");
}

static void other_indicators_are_never_lost(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){FEEDS, .policy = RULES({DROP, FEED("addresses", "mixed")})});
	assert_int_equal(f->diags.list.len, 0);
	assert_int_equal(f->rules.rule.len, 2);
	assert_string_equal(f->rules.rule.at[1].name, "r");
	assert_opaque(only_opaque(f, 1), IR_OPAQUE_INDICATOR, "evil.example",
		      "https://evil.example/x", "a@evil.example",
		      "d41d8cd98f00b204e9800998ecf8427e");
	assert_string_equal(decides(f, "src=192.0.2.1,dst=192.0.2.2"), "r");
	assert_string_equal(decides(f, "src=203.0.113.66,dst=192.0.2.2"), "r");
	assert_string_equal(decides(f, "src=192.0.2.3,dst=192.0.2.2"), "?r");
}

static void a_rate_makes_feeds_one_condition(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){FEEDS,
				      .policy = RULES({DROP, FEED("mixed"),
						       .condition.ddos.packet_rate = GIVEN(10)})});
	assert_int_equal(f->rules.rule.len, 1);
	assert_int_equal(only_opaque(f, 0)->len, 5);
}

static void odd_indicators_are_reported_and_kept(void **state)
{
	static const char *const odd[] = {
		"[ipv4-addr:value = '198.51.100.1']",
		"203.0.113.256",
		"10.0.0.0/33",
		"10.0.0.9-10.0.0.1",
		"2001:db8::/129",
		"a..b",
		"localhost",
		"",
		"192.0.2.1:443",
		"10.0.0.1-2001:db8::1",
		"1.2.3",
		"x y.example",
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < array_len(odd); i++) {
		struct intent_feed feed = {.name = "odd", .ioc = {(const char **)&odd[i], 1, 1}};
		const struct intent intent = {.feed = {.at = &feed, .len = 1},
					      .policy = RULES({DROP, FEED("odd")})};
		expect_diag(f, &intent, DIAG_WARNING, DIAG_VALUE);
		assert_opaque(only_opaque(f, 0), IR_OPAQUE_INDICATOR, odd[i]);
	}
}

static void known_indicators_are_not_reported(void **state)
{
	struct fixture *f = *state;
	struct intent_feed feed = {
		.name = "good",
		.ioc = TEXTS("example.com.", "*.evil.example", "evil.example/path?q",
			     "xn--bcher-kva.example", "hxxp://evil.example/",
			     "da39a3ee5e6b4b0d3255bfef95601890afd80709", "evil.example:8080")};
	translate(f, &(struct intent){.feed = {.at = &feed, .len = 1}});
	assert_int_equal(f->diags.list.len, 0);
}

static void an_empty_feed_matches_nothing(void **state)
{
	struct fixture *f = *state;
	const struct intent intent = {FEEDS, .policy = RULES({DROP, FEED("empty")})};
	expect_diag(f, &intent, DIAG_WARNING, DIAG_EMPTY);
	assert_int_equal(f->rules.rule.at[0].clauses, 0);
	const struct intent missing = {FEEDS, .policy = RULES({DROP, FEED("none")})};
	expect_diag(f, &missing, DIAG_ERROR, DIAG_REFERENCE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(groups_are_taken_whole),
		TEST(an_empty_condition_is_every_packet),
		TEST(all_addresses_of_a_version_are_that_version),
		TEST(sides_without_a_common_version_match_nothing),
		TEST(only_common_versions_match),
		TEST(mac_addresses_go_with_the_addresses_of_their_group),
		TEST(a_range_that_ends_before_its_start_is_an_error),
		TEST(unknown_groups_are_named),
		TEST(groups_without_addresses_stay_users),
		TEST(a_user_group_hides_a_device_group_of_its_name),
		TEST(user_groups_with_addresses_are_resolved),
		TEST(other_users_stay_opaque),
		TEST(users_elsewhere_than_at_their_addresses_stay_opaque),
		TEST(a_rate_keeps_its_rule_one),
		TEST(locations_that_agree_are_united),
		TEST(unknown_locations_stay_opaque),
		TEST(feed_addresses_match_either_end),
		TEST(other_indicators_are_never_lost),
		TEST(a_rate_makes_feeds_one_condition),
		TEST(odd_indicators_are_reported_and_kept),
		TEST(known_indicators_are_not_reported),
		TEST(an_empty_feed_matches_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
