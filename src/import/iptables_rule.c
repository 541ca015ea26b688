// SPDX-License-Identifier: Apache-2.0
// One rule of iptables-save: basic options, matches, target, as words in turn. The one idea: a rule is a list of branches
// (any of them), a branch some clauses (any) and opaque conditions (all); each option narrows what is there, and an
// option that cannot be modelled adds an opaque condition with its text. So there is no rule that cannot be read.
#include "import/iptables.h"

#include <string.h>

#define CLAUSES_MOST 1024 // of one rule
#define BRANCHES_MOST 16

// --- narrowing ---

static bool narrow_clause(struct ipt_rule *rule, struct ir_clause *clause, enum ir_dim dim,
			  struct algebra_set set)
{
	return ir_clause_narrow(clause, rule->reader->arena, dim, set) &&
	       !import_clause_impossible(clause);
}

void import_ipt_narrow(struct ipt_rule *rule, enum ir_dim dim, struct algebra_set set, bool negated)
{
	if (negated)
		set = import_set_others(rule->reader->arena, dim, set);
	for (size_t b = 0; b < rule->branch.len; b++) {
		struct ipt_branch *branch = &rule->branch.at[b];
		size_t kept = 0;
		for (size_t i = 0; i < branch->clause.len; i++) {
			struct ir_clause clause = branch->clause.at[i];
			if (narrow_clause(rule, &clause, dim, set))
				branch->clause.at[kept++] = clause;
		}
		branch->clause.len = kept;
	}
}

static void cross(struct ipt_rule *rule, struct ipt_branch *branch,
		  const struct ir_clause *alternative, size_t alternatives)
{
	struct arena *arena = rule->reader->arena;
	struct ipt_branch made = {.opaque.at = branch->opaque.at, .opaque.len = branch->opaque.len};
	made.opaque.cap = branch->opaque.cap;
	for (size_t i = 0; i < branch->clause.len; i++)
		for (size_t k = 0; k < alternatives; k++) {
			struct ir_clause both = branch->clause.at[i];
			if (ir_clause_and(&both, arena, &alternative[k]) &&
			    !import_clause_impossible(&both))
				vec_push(arena, &made.clause, both);
		}
	*branch = made;
}

bool import_ipt_either(struct ipt_rule *rule, const struct ir_clause *alternative,
		       size_t alternatives)
{
	for (size_t b = 0; b < rule->branch.len; b++)
		if (rule->branch.at[b].clause.len * alternatives > CLAUSES_MOST)
			return false;
	for (size_t b = 0; b < rule->branch.len; b++)
		cross(rule, &rule->branch.at[b], alternative, alternatives);
	return true;
}

// --- opaque conditions ---

void import_ipt_gap(struct ipt_rule *rule, const char *what)
{
	for (size_t i = 0; i < rule->gap.len; i++)
		if (!strcmp(rule->gap.at[i], what))
			return;
	vec_push(rule->reader->arena, &rule->gap, what);
}

// What the module finds differs from one look to the next: two rules with the same words ask two things.
static bool is_counting(const char *module)
{
	static const char *const names[] = {"limit",     "hashlimit", "recent",    "connlimit",
					    "quota",     "quota2",    "statistic", "connbytes",
					    "rateest",   "random",    "nth",       "psd",
					    "condition", "dstlimit",  "fuzzy"};
	for (size_t i = 0; i < array_len(names); i++)
		if (!strcmp(names[i], module))
			return true;
	return false;
}

static struct ir_opaque make_opaque(struct ipt_rule *rule, const char *module, const char *text,
				    bool negated)
{
	struct ipt_reader *r = rule->reader;
	const char **value = arena_new(r->arena, const char *);
	const char *place = arena_printf(r->arena, "%s %u: %s", rule->chain, rule->number, text);
	*value = is_counting(module) ? place : text;
	if (!is_counting(module) && (!strcmp(module, "mark") || !strcmp(module, "connmark") ||
				     !strcmp(module, "set") || !strcmp(module, "connlabel")))
		vec_push(r->arena, &r->changeable, (struct ipt_changeable){module, place, value});
	return (struct ir_opaque){
		.kind = IR_OPAQUE_FOREIGN, .value = value, .len = 1, .negated = negated};
}

void import_ipt_opaque(struct ipt_rule *rule, const char *module, const char *text, bool negated)
{
	struct arena *arena = rule->reader->arena;
	struct ir_opaque opaque = make_opaque(rule, module, text, negated);
	for (size_t b = 0; b < rule->branch.len; b++)
		vec_push(arena, &rule->branch.at[b].opaque, opaque);
	import_ipt_gap(rule, *module ? arena_printf(arena, "-m %s", module) : text);
}

bool import_ipt_or_opaque(struct ipt_rule *rule, enum ir_dim dim, struct algebra_set set,
			  const char *text)
{
	struct arena *arena = rule->reader->arena;
	size_t branches = rule->branch.len;
	if (branches * 2 > BRANCHES_MOST)
		return false;
	struct ir_opaque opaque = make_opaque(rule, rule->module, text, false);
	struct ipt_rule with = *rule;
	with.branch.at = arena_array(arena, struct ipt_branch, branches);
	for (size_t b = 0; b < branches; b++) {
		struct ipt_branch *branch = &with.branch.at[b];
		*branch = (struct ipt_branch){0};
		for (size_t i = 0; i < rule->branch.at[b].clause.len; i++)
			vec_push(arena, &branch->clause, rule->branch.at[b].clause.at[i]);
		for (size_t i = 0; i < rule->branch.at[b].opaque.len; i++)
			vec_push(arena, &branch->opaque, rule->branch.at[b].opaque.at[i]);
		vec_push(arena, &branch->opaque, opaque);
	}
	import_ipt_narrow(&with, dim, set, true);
	import_ipt_narrow(rule, dim, set, false);
	for (size_t b = 0; b < branches; b++)
		vec_push(arena, &rule->branch, with.branch.at[b]);
	import_ipt_gap(rule, arena_printf(arena, "-m %s", rule->module));
	return true;
}

// --- basic options ---

// From MATCH on nothing can be negated.
enum basic {
	NO_BASIC,
	SOURCE,
	DESTINATION,
	IN,
	OUT,
	PROTOCOL,
	FRAGMENT,
	MATCH,
	JUMP,
	GOTO,
	COUNTERS,
	IPV4,
	IPV6
};

static enum basic basic_of(const struct ipt_word *word)
{
	static const struct {
		const char *name;
		enum basic basic;
	} names[] = {{"-s", SOURCE},
		     {"--source", SOURCE},
		     {"--src", SOURCE},
		     {"-d", DESTINATION},
		     {"--destination", DESTINATION},
		     {"--dst", DESTINATION},
		     {"-i", IN},
		     {"--in-interface", IN},
		     {"-o", OUT},
		     {"--out-interface", OUT},
		     {"-p", PROTOCOL},
		     {"--protocol", PROTOCOL},
		     {"--proto", PROTOCOL},
		     {"-f", FRAGMENT},
		     {"--fragment", FRAGMENT},
		     {"--fragments", FRAGMENT},
		     {"-m", MATCH},
		     {"--match", MATCH},
		     {"-j", JUMP},
		     {"--jump", JUMP},
		     {"-g", GOTO},
		     {"--goto", GOTO},
		     {"-c", COUNTERS},
		     {"--set-counters", COUNTERS},
		     {"-4", IPV4},
		     {"--ipv4", IPV4},
		     {"-6", IPV6},
		     {"--ipv6", IPV6}};
	for (size_t i = 0; !word->quoted && i < array_len(names); i++)
		if (!strcmp(names[i].name, word->text))
			return names[i].basic;
	return NO_BASIC;
}

static bool is_not(const struct ipt_rule *rule, size_t i)
{
	return i < rule->words.list.len && !rule->words.list.at[i].quoted &&
	       !strcmp(rule->words.list.at[i].text, "!");
}

static bool read_protocol(struct ipt_rule *rule, const char *value, bool negated)
{
	uint8_t protocol;
	if (!import_ipt_protocol(value, &protocol))
		return false;
	if (!protocol) { // every protocol
		import_ipt_narrow(rule, IR_PROTO, algebra_set_one(rule->reader->arena, 0, 255),
				  negated);
		return true;
	}
	if (!negated)
		rule->protocol = protocol;
	import_ipt_narrow(rule, IR_PROTO, algebra_set_one(rule->reader->arena, protocol, protocol),
			  negated);
	return true;
}

static bool read_value(struct ipt_rule *rule, enum basic basic, const char *value, bool negated)
{
	bool v6 = rule->reader->v6, link = basic == IN || basic == OUT;
	struct algebra_set set;
	enum ir_dim dim = basic == IN       ? IR_IN
			  : basic == OUT    ? IR_OUT
			  : basic == SOURCE ? (v6 ? IR_SRC6 : IR_SRC4)
					    : (v6 ? IR_DST6 : IR_DST4);
	if (basic == PROTOCOL)
		return read_protocol(rule, value, negated);
	if (link ? !import_ipt_interface(value, rule->reader->arena, &set)
		 : !import_ipt_addresses(value, v6, rule->reader->arena, &set))
		return false;
	import_ipt_narrow(rule, dim, set, negated);
	return true;
}

static size_t read_fragment(struct ipt_rule *rule, size_t i, bool negated)
{
	if (rule->reader->v6)
		import_ipt_opaque(rule, "", "-f", negated);
	else
		import_ipt_narrow(rule, IR_FRAGOFF, algebra_set_one(rule->reader->arena, 0, 0),
				  !negated);
	return i + 1;
}

// An option with one value, and `!` before or (as old versions print it) behind it. The index behind it.
static size_t read_basic(struct ipt_rule *rule, size_t i, enum basic basic, bool negated)
{
	size_t option = i++;
	if (is_not(rule, i)) {
		negated = !negated;
		i++;
	}
	if (i >= rule->words.list.len) {
		import_ipt_opaque(rule, "", import_ipt_join(rule, option, option + 1), negated);
		return i;
	}
	const char *value = rule->words.list.at[i].text;
	if (!read_value(rule, basic, value, negated)) {
		const char *name = rule->words.list.at[option].text;
		import_ipt_opaque(rule, "", arena_printf(rule->reader->arena, "%s %s", name, value),
				  negated);
	}
	return i + 1;
}

// --- matches ---

// Where the words of a module end: at the next basic option. Values of options that are known to take some are skipped.
static size_t module_end(const struct ipt_rule *rule, size_t i)
{
	size_t words = rule->words.list.len;
	while (i < words) {
		const struct ipt_word *word = &rule->words.list.at[i];
		size_t option = i + is_not(rule, i);
		if (option >= words || basic_of(&rule->words.list.at[option]) != NO_BASIC)
			return i;
		bool text = !strcmp(word->text, "--comment") || !strcmp(word->text, "--string");
		int values = import_ipt_option_words(rule->module, word->text);
		if (word->quoted || values < 0)
			values = text && !word->quoted;
		i += 1 + (values && is_not(rule, i + 1));
		i += (size_t)values < words - i ? (size_t)values : words - i;
	}
	return words;
}

static const char *module_of_protocol(int protocol)
{
	switch (protocol) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 33:
		return "dccp";
	case 58:
		return "icmp6";
	case 132:
		return "sctp";
	case 136:
		return "udplite";
	default:
		return "";
	}
}

static size_t read_module(struct ipt_rule *rule, size_t from)
{
	size_t to = module_end(rule, from);
	import_ipt_module_read(rule, from, to);
	return to;
}

// --- the rule ---

// For rules of a file for both programs: -4 in ip6tables' eyes is a rule that is not there.
static void read_version(struct ipt_rule *rule, bool v6)
{
	if (v6 != rule->reader->v6)
		import_ipt_narrow(rule, IR_PROTO, (struct algebra_set){0}, false);
}

static size_t read_stray(struct ipt_rule *rule, size_t i)
{
	import_ipt_opaque(rule, "", rule->words.list.at[i].text, false);
	return i + 1;
}

static size_t read_option(struct ipt_rule *rule, size_t i, bool negated)
{
	size_t words = rule->words.list.len;
	enum basic basic = basic_of(&rule->words.list.at[i]);
	if (negated && basic >= MATCH)
		import_ipt_opaque(rule, "", "!", false);
	switch (basic) {
	case MATCH:
		rule->module = i + 1 < words ? rule->words.list.at[i + 1].text : "";
		return read_module(rule, i + 2 < words ? i + 2 : words);
	case JUMP:
	case GOTO:
		import_ipt_target_read(rule, i + 1, basic == GOTO);
		return words;
	case COUNTERS:
		return i + 3 < words ? i + 3 : words;
	case FRAGMENT:
		return read_fragment(rule, i, negated);
	case IPV4:
	case IPV6:
		read_version(rule, basic == IPV6);
		return i + 1;
	case NO_BASIC:
		if (is_not(rule, i)) // nothing follows that it could negate
			return read_stray(rule, i);
		rule->module = module_of_protocol(rule->protocol);
		return read_module(rule, i - negated);
	case SOURCE:
	case DESTINATION:
	case IN:
	case OUT:
	case PROTOCOL:
	default:
		return read_basic(rule, i, basic, negated);
	}
}

void import_ipt_rule_read(struct ipt_rule *rule, size_t from)
{
	struct ipt_branch all = {0};
	struct arena *arena = rule->reader->arena;
	rule->protocol = -1;
	rule->module = "";
	vec_push(arena, &all.clause, (struct ir_clause){0});
	vec_push(arena, &rule->branch, all);
	for (size_t i = from; i < rule->words.list.len;) {
		bool negated = is_not(rule, i) && i + 1 < rule->words.list.len;
		i = read_option(rule, i + negated, negated);
	}
}
