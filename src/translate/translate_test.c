// SPDX-License-Identifier: Apache-2.0
// When and then: time, actions, rates, priorities, and the limits of a whole document.
#include "translate/test_support.h"

#define DROP .name = "r", .action = INTENT_DROP
#define TIME(...) .condition.context.time = {__VA_ARGS__}

static const char *at(struct fixture *f, const char *time)
{
	return decides(f, arena_printf(&f->arena, "src=192.0.2.1,time=%s", time));
}

static void once_is_from_start_to_before_end(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){
			     .policy = RULES(
				     {DROP, TIME(.start_date_time = "2026-04-01T10:00:00+02:00",
						 .end_date_time = "2026-04-01T10:00:00.5Z")})});
	assert_int_equal(f->diags.list.len, 0);
	assert_string_equal(at(f, "2026-04-01T07:59:59Z"), "-");
	assert_string_equal(at(f, "2026-04-01T08:00:00Z"), "r");
	assert_string_equal(at(f, "2026-04-01T09:59:59Z"), "r");
	assert_string_equal(at(f, "2026-04-01T10:00:00Z"), "-");
}

static void weekly_periods_past_midnight_belong_to_their_first_day(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){.policy = RULES({DROP, TIME(.frequency = INTENT_WEEKLY,
								  .start_time = "22:00:00+01:00",
								  .end_time = "05:00:00Z",
								  .day = TERMS(INTENT_FRIDAY))})});
	// 22:00+01:00 is 21:00Z; the end 05:00Z is 06:00+01:00. 2026-03-13 is a Friday.
	assert_string_equal(at(f, "2026-03-13T20:59:59Z"), "-");
	assert_string_equal(at(f, "2026-03-13T21:00:00Z"), "r");
	assert_string_equal(at(f, "2026-03-14T04:59:59Z"), "r");
	assert_string_equal(at(f, "2026-03-14T05:00:00Z"), "-");
	assert_string_equal(at(f, "2026-03-14T21:00:00Z"), "-");
}

static void times_without_a_zone_are_of_the_options_zone(void **state)
{
	struct fixture *f = *state;
	f->options.zone = 9 * 3600;
	const struct intent intent = {
		.policy = RULES({DROP, TIME(.frequency = INTENT_DAILY, .start_time = "09:00:00",
					    .end_time = "18:00:00")})};
	translate(f, &intent);
	assert_string_equal(at(f, "2026-03-11T00:00:00Z"), "r");
	assert_string_equal(at(f, "2026-03-11T09:00:00Z"), "-");
	// The zone of the end alone is the period's.
	translate(f, &(struct intent){.policy = RULES({DROP, TIME(.frequency = INTENT_DAILY,
								  .end_time = "12:00:00Z")})});
	assert_string_equal(at(f, "2026-03-11T00:00:00Z"), "r");
	assert_string_equal(at(f, "2026-03-11T12:00:00Z"), "-");
	assert_string_equal(at(f, "2026-03-11T23:59:59Z"), "-");
}

static void monthly_and_yearly_days(void **state)
{
	struct fixture *f = *state;
	translate(f,
		  &(struct intent){.policy = RULES({DROP, TIME(.frequency = INTENT_MONTHLY,
							       .date = LIST_OF(uint8_t, 1, 31))})});
	assert_string_equal(at(f, "2026-05-31T12:00:00Z"), "r");
	assert_string_equal(at(f, "2026-06-01T12:00:00Z"), "r");
	assert_string_equal(at(f, "2026-06-30T12:00:00Z"), "-");
	translate(f, &(struct intent){
			     .policy = RULES({DROP, TIME(.frequency = INTENT_YEARLY,
							 .month = LIST_OF(struct intent_month,
									  {"12-24", "01-06"},
									  {"02-29", "02-29"}))})});
	assert_string_equal(at(f, "2026-12-23T23:59:59Z"), "-");
	assert_string_equal(at(f, "2026-12-24T00:00:00Z"), "r");
	assert_string_equal(at(f, "2027-01-06T23:59:59Z"), "r");
	assert_string_equal(at(f, "2027-01-07T00:00:00Z"), "-");
	assert_string_equal(at(f, "2028-02-29T00:00:00Z"), "r");
	assert_string_equal(at(f, "2028-02-28T00:00:00Z"), "-");
}

static void times_that_do_not_exist_are_errors(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *start, *end;
	} months[] = {{"13-01", "12-31"}, {"00-10", "01-01"}, {"01-01", "02-30"},
		      {"04-31", "05-01"}, {"1-1", "2-2"},     {"01-00", "01-01"},
		      {NULL, "01-01"},    {"01-01", "0x-01"}};
	for (size_t i = 0; i < array_len(months); i++) {
		struct intent_month month = {months[i].start, months[i].end};
		const struct intent intent = {
			.policy = RULES({DROP, TIME(.frequency = INTENT_YEARLY,
						    .month = {.at = &month, .len = 1})})};
		expect_diag(f, &intent, DIAG_ERROR, DIAG_VALUE);
	}
	static const char *const times[] = {"24:00:00",      "9:00:00",   "12:60:00",
					    "12:00:61",      "12:00",     "12:00:00+15:00",
					    "12:00:00+1:00", "12:00:00z", ""};
	for (size_t i = 0; i < array_len(times); i++) {
		const struct intent intent = {
			.policy = RULES(
				{DROP, TIME(.frequency = INTENT_DAILY, .start_time = times[i])})};
		expect_diag(f, &intent, DIAG_ERROR, DIAG_VALUE);
	}
	const struct intent date = {
		.policy = RULES({DROP, TIME(.start_date_time = "2026-02-29T00:00:00Z")})};
	expect_diag(f, &date, DIAG_ERROR, DIAG_VALUE);
}

static void contradicting_times(void **state)
{
	struct fixture *f = *state;
	const struct intent reversed = {
		.policy = RULES({DROP, TIME(.start_date_time = "2026-05-01T00:00:00Z",
					    .end_date_time = "2026-05-01T00:00:00Z")})};
	expect_diag(f, &reversed, DIAG_ERROR, DIAG_CONFLICT);
	const struct intent over = {
		.policy = RULES({DROP, TIME(.end_date_time = "2026-03-11T09:00:00Z")})};
	const struct diag *diag = expect_diag(f, &over, DIAG_WARNING, DIAG_TIME_OVER);
	assert_non_null(strstr(diag->text, "2026-03-11T09:00:00Z"));
	const struct intent no_days = {.policy = RULES({DROP, TIME(.frequency = INTENT_WEEKLY)})};
	expect_diag(f, &no_days, DIAG_ERROR, DIAG_MISSING);
}

// --- actions and rates ---

static void every_action_has_its_verdict(void **state)
{
	static const struct {
		enum intent_term action;
		enum ir_verdict verdict;
	} table[] = {
		{INTENT_PASS, IR_PASS},
		{INTENT_DROP, IR_DROP},
		{INTENT_REJECT, IR_REJECT},
		{INTENT_MIRROR, IR_MIRROR},
		{INTENT_INVOKE_SIGNALING, IR_INVOKE_SIGNALING},
		{INTENT_TUNNEL_ENCAPSULATION, IR_TUNNEL_ENCAPSULATION},
		{INTENT_FORWARDING, IR_FORWARDING},
		{INTENT_TRANSFORMATION, IR_TRANSFORMATION},
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < array_len(table); i++) {
		translate(f, &(struct intent){
				     .policy = RULES({.name = "r", .action = table[i].action})});
		assert_int_equal(f->rules.rule.at[0].verdict, table[i].verdict);
		assert_int_equal(f->rules.rule.at[0].log, IR_LOG_NONE);
	}
	const struct intent classes = {
		.policy = RULES({.name = "r", .action = INTENT_EGRESS_ACTION})};
	expect_diag(f, &classes, DIAG_ERROR, DIAG_VALUE);
	const struct intent none = {.policy = RULES({.name = "r"})};
	expect_diag(f, &none, DIAG_ERROR, DIAG_MISSING);
}

static void logs(void **state)
{
	struct fixture *f = *state;
	translate(f,
		  &(struct intent){
			  .policy = RULES(
				  {.name = "a", .action = INTENT_PASS, .log = INTENT_RULE_LOG},
				  {.name = "b", .action = INTENT_PASS, .log = INTENT_SESSION_LOG},
				  {.name = "c", .action = INTENT_PASS, .log = INTENT_LOG_ACTION})});
	assert_int_equal(f->rules.rule.at[0].log, IR_LOG_RULE);
	assert_int_equal(f->rules.rule.at[1].log, IR_LOG_SESSION);
	assert_int_equal(f->rules.rule.at[2].log, IR_LOG_RULE);
}

static struct ir_rate rate_after(struct fixture *f, const struct intent_rule *rule)
{
	translate(f, &(struct intent){.policy = RULES(*rule)});
	assert_int_equal(f->diags.list.len, 0);
	return f->rules.rule.at[0].rate;
}

static void rates_are_limits_and_thresholds(void **state)
{
	struct fixture *f = *state;
	struct intent_rule rule = {
		.name = "r",
		.action = INTENT_RATE_LIMIT,
		.limit = GIVEN(12345),
		.condition.ddos = {.packet_rate = GIVEN(7), .flow_rate = GIVEN(3)}};
	struct ir_rate rate = rate_after(f, &rule);
	assert_int_equal(rate.bytes_x100, 12345);
	assert_int_equal(rate.packets, 7);
	assert_int_equal(rate.flows, 3);
	rule.condition.ddos.byte_rate = (struct intent_number)GIVEN(100);
	assert_int_equal(rate_after(f, &rule).bytes_x100, 10000);
	rule.condition.ddos.byte_rate = (struct intent_number)GIVEN(1000);
	assert_int_equal(rate_after(f, &rule).bytes_x100, 12345);
	rule.limit.given = false;
	assert_int_equal(rate_after(f, &rule).bytes_x100, 100000);
	rule.action = INTENT_DROP;
	assert_int_equal(rate_after(f, &rule).bytes_x100, 100000);
}

static void rates_that_mean_nothing_are_errors(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct intent_rule rule;
		enum diag_code code;
	} cases[] = {
		{{.name = "r", .action = INTENT_RATE_LIMIT}, DIAG_MISSING},
		{{.name = "r", .action = INTENT_RATE_LIMIT, .limit = GIVEN(0)}, DIAG_VALUE},
		{{.name = "r", .action = INTENT_RATE_LIMIT, .limit = GIVEN(-5)}, DIAG_VALUE},
		{{.name = "r", .action = INTENT_DROP, .limit = GIVEN(5)}, DIAG_CONFLICT},
		{{.name = "r", .action = INTENT_DROP, .condition.ddos.packet_rate = GIVEN(0)},
		 DIAG_VALUE},
		{{.name = "r", .action = INTENT_DROP, .condition.ddos.flow_rate = GIVEN(0)},
		 DIAG_VALUE},
		{{.name = "r",
		  .action = INTENT_DROP,
		  .condition.ddos.byte_rate = GIVEN(UINT64_MAX)},
		 DIAG_VALUE},
	};
	for (size_t i = 0; i < array_len(cases); i++) {
		const struct intent intent = {.policy = RULES(cases[i].rule)};
		expect_diag(f, &intent, DIAG_ERROR, cases[i].code);
	}
}

// --- policies ---

static void strategies_and_priorities_are_kept(void **state)
{
	struct fixture *f = *state;
	static const enum intent_term strategies[] = {INTENT_FMR, INTENT_LMR, INTENT_PMRE,
						      INTENT_PMRN, INTENT_NO_TERM};
	static const enum ir_resolution expected[] = {IR_FMR, IR_LMR, IR_PMRE, IR_PMRN, IR_FMR};
	for (size_t i = 0; i < array_len(strategies); i++) {
		struct intent_rule rules[] = {{DROP, .priority = GIVEN(9)},
					      {.name = "s", .action = INTENT_PASS}};
		struct intent_policy policies[] = {
			{.name = "numbers",
			 .usage = INTENT_BY_NUMBER,
			 .resolution = strategies[i],
			 .rule = {.at = rules, .len = 2}},
			{.name = "order", .usage = INTENT_BY_ORDER, .resolution = strategies[i]}};
		translate(f, &(struct intent){.policy = {.at = policies, .len = 2}});
		assert_int_equal(f->document.policy.len, 2);
		const struct ir_policy *policy = f->document.policy.at;
		assert_string_equal(policy[0].name, "numbers");
		assert_int_equal(policy[0].resolution, expected[i]);
		assert_int_equal(policy[0].usage, IR_BY_NUMBER);
		assert_int_equal(policy[1].usage, IR_BY_ORDER);
		assert_int_equal(policy[0].default_action, IR_NONE);
		assert_int_equal(policy[0].rule.at[0].priority, 9);
		assert_int_equal(policy[0].rule.at[1].priority, 0);
		assert_string_equal(policy[0].rule.at[0].policy, "numbers");
	}
}

static void rules_keep_their_place(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){.policy = RULES({DROP, .place = {"p.xml", 12}})});
	assert_string_equal(f->rules.rule.at[0].file, "p.xml");
	assert_int_equal(f->rules.rule.at[0].line, 12);
}

// --- limits ---

static void names_have_a_length(void **state)
{
	struct fixture *f = *state;
	char *name = arena_alloc(&f->arena, 1 << 20);
	memset(name, 'n', (1 << 20) - 1);
	const struct intent huge = {.policy = RULES({.name = name, .action = INTENT_DROP})};
	const struct diag *diag = expect_diag(f, &huge, DIAG_ERROR, DIAG_LIMIT);
	assert_true(strlen(diag->path) < 1000);
	name[TRANSLATE_NAME_MOST] = '\0';
	translate(f, &huge);
	assert_true(f->translated);
	const struct intent nameless = {.policy = RULES({.action = INTENT_DROP})};
	expect_diag(f, &nameless, DIAG_ERROR, DIAG_MISSING);
	const struct intent twice = {.policy = RULES({DROP}, {DROP})};
	expect_diag(f, &twice, DIAG_ERROR, DIAG_DUPLICATE);
}

static void odd_names_are_only_names(void **state)
{
	static const char *const odd[] = {"",     " ",        "a'b",      "a\"b",
					  "%s%n", "a/b\n<x>", "\xc3\xa9", "]"};
	struct fixture *f = *state;
	for (size_t i = 0; i < array_len(odd); i++) {
		struct intent_group group = {
			.name = odd[i],
			.addresses = {.prefix4 = LIST_OF(struct intent_prefix, {0, 1})}};
		struct intent_rule rule = {.name = odd[i],
					   .action = INTENT_DROP,
					   .condition.firewall.source = TEXTS(odd[i], odd[i])};
		struct intent_policy policy = {.name = odd[i], .rule = {.at = &rule, .len = 1}};
		translate(f, &(struct intent){.user_group = {.at = &group, .len = 1},
					      .policy = {.at = &policy, .len = 1}});
		assert_int_equal(f->diags.list.len, 0);
		assert_string_equal(decides(f, "src=10.0.0.1"), odd[i]);
		rule.limit.given = true; // makes a diag, whose path holds the names
		translate(f, &(struct intent){.user_group = {.at = &group, .len = 1},
					      .policy = {.at = &policy, .len = 1}});
		assert_non_null(find_diag(f, DIAG_CONFLICT));
	}
}

static void combinations_are_bounded(void **state)
{
	enum { GROUPS = 100 };
	struct fixture *f = *state;
	struct intent_group *groups = arena_array(&f->arena, struct intent_group, GROUPS);
	struct intent_texts names = {0};
	for (size_t i = 0; i < GROUPS; i++) {
		groups[i].name = arena_printf(&f->arena, "g%zu", i);
		vec_push(&f->arena, &groups[i].mac, i);
		vec_push(&f->arena, &groups[i].addresses.prefix4,
			 (struct intent_prefix){(u128)i << 24, 8});
		vec_push(&f->arena, &names, groups[i].name);
	}
	const struct intent intent = {.user_group = {.at = groups, .len = GROUPS},
				      .policy =
					      RULES({DROP, .condition.firewall = {names, names}})};
	expect_diag(f, &intent, DIAG_ERROR, DIAG_LIMIT);
	for (size_t i = 0; i < GROUPS; i++)
		groups[i].mac.len = 0;
	translate(f, &intent);
	assert_true(f->translated);
	assert_int_equal(f->rules.rule.at[0].clauses, 1);
}

static void opaque_conditions_are_bounded(void **state)
{
	enum { GROUPS = 70 };
	struct fixture *f = *state;
	struct intent_group *groups = arena_array(&f->arena, struct intent_group, GROUPS);
	struct intent_texts names = {0};
	for (size_t i = 0; i < GROUPS; i++) {
		groups[i].name = arena_printf(&f->arena, "g%zu", i);
		vec_push(&f->arena, &groups[i].application, INTENT_HTTP);
		vec_push(&f->arena, &groups[i].addresses.prefix4,
			 (struct intent_prefix){(u128)i << 24, 8});
		vec_push(&f->arena, &names, groups[i].name);
	}
	const struct intent intent = {.device_group = {.at = groups, .len = GROUPS},
				      .policy = RULES({DROP, .condition.firewall.source = names})};
	translate(f, &intent);
	assert_false(f->translated);
	assert_non_null(find_diag(f, DIAG_LIMIT));
}

static void memory_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct intent_policy policy = {.name = "p"};
	for (size_t i = 0; i < 1000; i++)
		vec_push(&f->arena, &policy.rule,
			 (struct intent_rule){.name = arena_printf(&f->arena, "r%zu", i),
					      .action = INTENT_DROP});
	const struct intent intent = {.policy = {.at = &policy, .len = 1}};
	f->options.bytes_most = 100000;
	expect_diag(f, &intent, DIAG_ERROR, DIAG_LIMIT);
	f->options.bytes_most = 0;
	translate(f, &intent);
	assert_true(f->translated);
}

static void an_empty_intent_is_an_empty_document(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){0});
	assert_true(f->translated);
	assert_int_equal(f->document.policy.len, 0);
}

static void faults_are_all_reported(void **state)
{
	struct fixture *f = *state;
	translate(f, &(struct intent){
			     .policy = RULES({.name = "a", .condition.url_group = "?"},
					     {DROP, .limit = GIVEN(1), .condition.feed = TEXTS("?"),
					      TIME(.start_date_time = "soon")})});
	assert_int_equal(f->diags.errors, 5);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(once_is_from_start_to_before_end),
		TEST(weekly_periods_past_midnight_belong_to_their_first_day),
		TEST(times_without_a_zone_are_of_the_options_zone),
		TEST(monthly_and_yearly_days),
		TEST(times_that_do_not_exist_are_errors),
		TEST(contradicting_times),
		TEST(every_action_has_its_verdict),
		TEST(logs),
		TEST(rates_are_limits_and_thresholds),
		TEST(rates_that_mean_nothing_are_errors),
		TEST(strategies_and_priorities_are_kept),
		TEST(rules_keep_their_place),
		TEST(names_have_a_length),
		TEST(odd_names_are_only_names),
		TEST(combinations_are_bounded),
		TEST(opaque_conditions_are_bounded),
		TEST(memory_is_bounded),
		TEST(an_empty_intent_is_an_empty_document),
		TEST(faults_are_all_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
