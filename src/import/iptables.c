// SPDX-License-Identifier: Apache-2.0
// iptables-save and ip6tables-save, line by line: tables, chains, rules; also what `iptables -S` lists. A line that cannot
// be one of these is an error; a rule that is one is always read (iptables_rule.c). The table `filter` is flattened; the
// others are read and counted.
#include "import/iptables.h"
#include "import/readers.h"
#include "base/diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define LINE_MOST 65536

static void printf_like(4, 5)
	fault(struct ipt_reader *r, enum diag_code code, const char *hint, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *text = arena_vprintf(r->arena, fmt, ap);
	va_end(ap);
	diag_add(
		r->diags,
		&(struct diag){.code = code, .file = r->input->file, .line = r->line, .hint = hint},
		"%s", text);
}

// --- tables and chains ---

static struct import_body *find_chain(struct ipt_reader *r, const char *name)
{
	uintptr_t at = (uintptr_t)map_get(&r->chains, name);
	return at ? &r->table->chain.at[at - 1] : NULL;
}

static const char *hook_of(const char *chain)
{
	static const char *const hooks[][2] = {{"INPUT", "input"},
					       {"FORWARD", "forward"},
					       {"OUTPUT", "output"},
					       {"PREROUTING", "prerouting"},
					       {"POSTROUTING", "postrouting"}};
	for (size_t i = 0; i < array_len(hooks); i++)
		if (!strcmp(hooks[i][0], chain))
			return hooks[i][1];
	return NULL;
}

static void open_table(struct ipt_reader *r, const char *name)
{
	r->table = arena_new(r->arena, struct import_table);
	*r->table = (struct import_table){.file = r->input->file,
					  .family = r->v6 ? "ip6" : "ip",
					  .name = name,
					  .filters = !strcmp(name, "filter")};
	u128 family = r->v6 ? 6 : 4;
	(void)!ir_clause_narrow(&r->table->sees, r->arena, IR_FAMILY,
				algebra_set_one(r->arena, family, family));
	r->table_line = r->line;
	r->chains = (struct map){.arena = r->arena};
	r->changeable.len = r->changed.len = 0;
	if (map_put(&r->tables, name, r->table))
		fault(r, DIAG_DUPLICATE, "give the output of one run of the tool",
		      "table %s stands twice in the file", name);
}

static void add_chain(struct ipt_reader *r, const char *name, const char *policy)
{
	const char *hook = policy ? hook_of(name) : NULL;
	struct import_body body = {.name = name, .hook = hook, .line = r->line};
	if (find_chain(r, name)) {
		fault(r, DIAG_DUPLICATE, "give the output of one run of the tool",
		      "chain %s is declared twice in one table", name);
		return;
	}
	if (policy && !hook) {
		fault(r, DIAG_VALUE, "only built-in chains have a policy; others have -",
		      "chain %s is not built in, but has the policy %s", name, policy);
		return;
	}
	if (policy) {
		bool accepts = !strcmp(policy, "ACCEPT");
		if (!accepts && strcmp(policy, "DROP") != 0)
			fault(r, DIAG_VALUE, "policies are ACCEPT and DROP",
			      "chain %s has the unknown policy %s", name, policy);
		body.policy = accepts ? IR_PASS : IR_DROP;
		body.policy_text = arena_printf(r->arena, ":%s %s", name, policy);
		if (!accepts && !r->table->filters)
			import_gap_add(r->result, r->arena,
				       arena_printf(r->arena,
						    "table %s drops packets (not analysed)",
						    r->table->name),
				       r->line);
	}
	vec_push(r->arena, &r->table->chain, body);
	(void)!map_put(&r->chains, name, (void *)(uintptr_t)r->table->chain.len);
}

// Two rules of a table with one text ask the same, unless another rule of the table may change the answer in between.
static void part_changeable(struct ipt_reader *r)
{
	for (size_t i = 0; i < r->changeable.len; i++)
		for (size_t k = 0; k < r->changed.len; k++)
			if (!strcmp(r->changeable.at[i].module, r->changed.at[k]))
				*r->changeable.at[i].value = r->changeable.at[i].place;
}

static void close_table(struct ipt_reader *r)
{
	part_changeable(r);
	if (r->diags->errors == r->errors_before)
		(void)!import_flatten(r->table, r->arena, r->diags, r->result);
	r->table = NULL;
}

// --- rules ---

static struct ir_opaque decider(const struct ipt_rule *rule, const char *verb)
{
	struct arena *arena = rule->reader->arena;
	const char **value = arena_new(arena, const char *);
	*value = arena_printf(arena, "%s %u: %s %s", rule->chain, rule->number, rule->asks, verb);
	return (struct ir_opaque){.kind = IR_OPAQUE_FOREIGN, .value = value, .len = 1};
}

static void push_asking(struct ipt_rule *rule, struct import_body *body, struct import_rule made,
			const char *verb, enum ir_verdict verdict)
{
	struct arena *arena = rule->reader->arena;
	struct ir_opaque *list = arena_array(arena, struct ir_opaque, made.opaques + 1);
	if (made.opaques)
		memcpy(list, made.opaque, made.opaques * sizeof(*list));
	list[made.opaques] = decider(rule, verb);
	made.opaque = list;
	made.opaques++;
	made.target = IMPORT_VERDICT;
	made.verdict = verdict;
	vec_push(arena, &body->rule, made);
}

static void push_branch(struct ipt_rule *rule, struct import_body *body,
			const struct ipt_branch *branch)
{
	struct import_rule made = {.clause = branch->clause.at,
				   .clauses = branch->clause.len,
				   .opaque = branch->opaque.at,
				   .opaques = branch->opaque.len,
				   .target = rule->target,
				   .verdict = rule->verdict,
				   .log = rule->log,
				   .to = rule->to,
				   .number = rule->number,
				   .line = rule->reader->line,
				   .text = rule->text};
	if (!rule->asks) {
		vec_push(rule->reader->arena, &body->rule, made);
		return;
	}
	push_asking(rule, body, made, "accepts", IR_PASS);
	if (rule->may_continue) {
		push_asking(rule, body, made, "drops", IR_DROP);
		return;
	}
	made.target = IMPORT_VERDICT;
	made.verdict = IR_DROP;
	vec_push(rule->reader->arena, &body->rule, made);
}

static void count_gaps(struct ipt_rule *rule)
{
	struct ipt_reader *r = rule->reader;
	bool decided = rule->target == IMPORT_VERDICT && rule->verdict != IR_PASS;
	bool drops = decided || (rule->asks && !rule->may_continue);
	for (size_t i = 0; r->table->filters && i < rule->gap.len; i++)
		import_gap_add(r->result, r->arena, rule->gap.at[i], r->line);
	if (r->table->filters)
		return;
	import_gap_add(r->result, r->arena, arena_printf(r->arena, "table %s", r->table->name),
		       r->line);
	if (drops)
		import_gap_add(r->result, r->arena,
			       arena_printf(r->arena, "table %s drops packets (not analysed)",
					    r->table->name),
			       r->line);
}

static void add_rule(struct ipt_reader *r, struct import_body *body, struct ipt_rule *rule)
{
	rule->number = body->rule.len ? body->rule.at[body->rule.len - 1].number + 1 : 1;
	import_ipt_rule_read(rule, 2);
	count_gaps(rule);
	for (size_t b = 0; b < rule->branch.len; b++)
		push_branch(rule, body, &rule->branch.at[b]);
	if (r->result->source_rules + body->rule.len > IR_RULES_MOST)
		fault(r, DIAG_LIMIT, "import fewer rules at a time", "more than %u rules",
		      IR_RULES_MOST);
}

// A built-in chain that a file for iptables-restore does not declare keeps the policy that it had.
static struct import_body *builtin_chain(struct ipt_reader *r, const char *name)
{
	if (!hook_of(name))
		return NULL;
	diag_add(r->diags,
		 &(struct diag){.severity = DIAG_WARNING,
				.code = DIAG_MISSING,
				.file = r->input->file,
				.line = r->line,
				.hint = "give the whole output of iptables-save"},
		 "chain %s is not declared; its policy is taken to be ACCEPT", name);
	add_chain(r, name, "ACCEPT");
	return find_chain(r, name);
}

static void read_rule(struct ipt_reader *r, const struct ipt_words *words, const char *text)
{
	struct ipt_rule rule = {.reader = r, .words = *words, .text = text};
	if (words->list.len < 2) {
		fault(r, DIAG_SYNTAX, "write -A CHAIN and the rule", "-A without a chain");
		return;
	}
	rule.chain = words->list.at[1].text;
	struct import_body *body = find_chain(r, rule.chain);
	if (!body)
		body = builtin_chain(r, rule.chain);
	if (!body) {
		fault(r, DIAG_REFERENCE, "declare it with a line :CHAIN - [0:0]",
		      "there is no chain %s in table %s", rule.chain, r->table->name);
		return;
	}
	add_rule(r, body, &rule);
}

// --- lines ---

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

// The next line without blanks, tabs and CR at its ends.
static bool next_line(struct ipt_reader *r, const char **at_out, const char **end_out)
{
	if (r->at >= r->input->len)
		return false;
	const char *at = r->input->data + r->at, *limit = r->input->data + r->input->len;
	const char *newline = memchr(at, '\n', (size_t)(limit - at));
	const char *end = newline ? newline : limit;
	r->at = (size_t)(end - r->input->data) + (newline != NULL);
	r->line++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	*at_out = skip_blanks(at, end);
	*end_out = end;
	return true;
}

static void read_chain(struct ipt_reader *r, const struct ipt_words *words)
{
	const char *name = words->list.at[0].text + 1;
	const char *policy = words->list.len > 1 ? words->list.at[1].text : NULL;
	if (!*name || !policy) {
		fault(r, DIAG_SYNTAX, "write :CHAIN POLICY, the policy of your own chains is -",
		      "a chain without name or policy");
		return;
	}
	add_chain(r, name, strcmp(policy, "-") != 0 ? policy : NULL);
}

static void close_by_commit(struct ipt_reader *r)
{
	if (r->listing)
		fault(r, DIAG_SYNTAX, "give the whole output of iptables-save",
		      "COMMIT without a table");
	else
		close_table(r);
}

// -P, -N and -A; `iptables -S` prints them without a table.
static void read_command(struct ipt_reader *r, const struct ipt_words *words, const char *text)
{
	const char *command = words->list.at[0].text;
	size_t len = words->list.len;
	if (!strcmp(command, "-A") || !strcmp(command, "--append"))
		read_rule(r, words, text);
	else if ((!strcmp(command, "-N") || !strcmp(command, "--new-chain")) && len == 2)
		add_chain(r, words->list.at[1].text, NULL);
	else if ((!strcmp(command, "-P") || !strcmp(command, "--policy")) && len >= 3)
		add_chain(r, words->list.at[1].text, words->list.at[2].text);
	else
		fault(r, DIAG_SYNTAX,
		      "load it with iptables-restore and give the output of iptables-save",
		      "not a line that iptables-save prints: %.60s", text);
}

static void read_outside(struct ipt_reader *r, const struct ipt_words *words, const char *text)
{
	const char *first = words->list.at[0].text;
	if (first[0] == '*' && first[1]) {
		open_table(r, first + 1);
	} else if (first[0] == '-' && !r->tables.len) {
		open_table(r, "filter");
		r->listing = true;
		read_command(r, words, text);
	} else {
		fault(r, DIAG_SYNTAX, "a table begins with a line like *filter",
		      "a line outside of a table: %.60s", text);
	}
}

static void read_words(struct ipt_reader *r, const struct ipt_words *words, const char *text)
{
	const char *first = words->list.at[0].text;
	if (!r->table)
		read_outside(r, words, text);
	else if (!strcmp(first, "COMMIT"))
		close_by_commit(r);
	else if (first[0] == ':')
		read_chain(r, words);
	else if (first[0] == '*')
		fault(r, DIAG_SYNTAX, "give the whole output of iptables-save",
		      "table %s has no COMMIT line", r->table->name);
	else
		read_command(r, words, text);
}

// [packets:bytes] before a rule, as iptables-save -c prints them.
static const char *skip_counters(const char *at, const char *end)
{
	const char *close = *at == '[' ? memchr(at, ']', (size_t)(end - at)) : NULL;
	return close ? skip_blanks(close + 1, end) : at;
}

static void read_line(struct ipt_reader *r, const char *at, const char *end)
{
	struct ipt_words words = {0};
	if (at == end || *at == '#')
		return;
	if (end - at > LINE_MOST) {
		fault(r, DIAG_LIMIT, "give the output of iptables-save",
		      "a line longer than 65536 bytes");
		return;
	}
	if (memchr(at, '\0', (size_t)(end - at))) {
		fault(r, DIAG_SYNTAX, "give the output of iptables-save, as text",
		      "a byte that text does not have");
		return;
	}
	at = skip_counters(at, end);
	if (!import_ipt_split(at, (size_t)(end - at), r->arena, &words)) {
		fault(r, DIAG_SYNTAX, "give the whole output of iptables-save",
		      "a quote that is not closed");
		return;
	}
	if (words.list.len)
		read_words(r, &words, arena_strndup(r->arena, at, (size_t)(end - at)));
}

bool import_iptables_read(const struct import_input *input, struct arena *arena,
			  struct diags *diags, struct import_result *out)
{
	const char *at, *end;
	struct ipt_reader r = {.input = input,
			       .v6 = input->format == IMPORT_IP6TABLES,
			       .arena = arena,
			       .diags = diags,
			       .errors_before = diags->errors,
			       .result = out,
			       .tables.arena = arena};
	while (next_line(&r, &at, &end))
		read_line(&r, at, end);
	if (r.table && !r.listing)
		fault(&r, DIAG_SYNTAX, "give the whole output of iptables-save",
		      "the file is cut off: table %s has no COMMIT line", r.table->name);
	else if (r.table)
		close_table(&r);
	if (!r.tables.len)
		fault(&r, DIAG_SYNTAX, "a table begins with a line like *filter",
		      "there is no table in this file");
	return diags->errors == r.errors_before;
}
