// SPDX-License-Identifier: Apache-2.0
// Flow logs on the command line: read in pieces, each flow put to one policy or to two, counted by the rules that decide.
#include "cli/flows.h"
#include "cli/question.h"
#include "cli/words.h"
#include "verify/flows.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define PIECE 65536
#define SCRATCH_MOST (1u << 20) // bytes of the interpreter's leftovers before they are thrown away
#define GROUPS_SHOWN 20

// One policy, or two, and what their decisions add up to.
struct judge {
	struct cli *cli;
	struct question *question;
	const struct source *a, *b; // b NULL: what the log recorded is the other side
	struct verify_prepared *prepared_a, *prepared_b;
	struct arena scratch;
	struct words_scope scope;
	bool each;                      // a line a flow
	json_t *list;                   // of flows, with --json
	struct verify_flow_tally other; // flows that fare otherwise
	struct verify_flow_tally all;   // by the decision of A
	uint64_t different;
	const char *file;
};

// Flows are of a known flow, so that no rule deciding is the default. Without preparation (over the budget) the interpreter
// goes through all rules.
static struct verify_flow_side decide(struct judge *j, const struct ir_ruleset *ruleset,
				      const struct verify_prepared *prepared,
				      const struct ir_packet *packet)
{
	struct ir_outcome outcome;
	if (prepared) {
		size_t i = verify_decides(prepared, packet);
		const struct ir_rule *rule = i == SIZE_MAX ? NULL : &ruleset->rule.at[i];
		return (struct verify_flow_side){rule ? rule->verdict : ruleset->default_action,
						 rule};
	}
	if (j->scratch.total > SCRATCH_MOST) {
		arena_fini(&j->scratch);
		arena_init(&j->scratch);
	}
	ir_eval(ruleset, packet, &j->scratch, &outcome);
	return (struct verify_flow_side){outcome.verdict, outcome.rule};
}

static bool passes(enum ir_verdict verdict)
{
	return verdict != IR_DROP && verdict != IR_REJECT;
}

// A log only says whether a flow passed, so that is what is compared with it. No verdict at all differs from nothing.
static bool differs(const struct judge *j, struct verify_flow_side a, struct verify_flow_side b)
{
	if (j->b)
		return a.verdict != b.verdict;
	return b.verdict != IR_NONE && a.verdict != IR_NONE &&
	       passes(a.verdict) != passes(b.verdict);
}

static void print_flow(struct judge *j, const struct verify_flow *flow, struct verify_flow_side a)
{
	buf_printf(&j->cli->out, "%s:%u  ", j->file, flow->line);
	words_packet_print(&j->scope, &flow->packet, &j->cli->out);
	buf_adds(&j->cli->out, "  ");
	words_decision(j->cli, a.verdict, a.rule, &j->a->ruleset);
	buf_addc(&j->cli->out, '\n');
	if (j->cli->out.len > PIECE)
		question_flush(j->question);
}

static void add_flow_json(struct judge *j, const struct verify_flow *flow,
			  struct verify_flow_side a)
{
	json_t *one = words_decision_json(a.verdict, a.rule);
	json_object_set_new(one, "record", json_integer(flow->line));
	json_object_set_new(one, "packet",
			    json_string(words_packet(j->cli, &j->scope, &flow->packet)));
	json_array_append_new(j->list, one);
}

static bool take_flow(void *user, const struct verify_flow *flow)
{
	struct judge *j = user;
	struct verify_flow_side a = decide(j, &j->a->ruleset, j->prepared_a, &flow->packet);
	struct verify_flow_side b = j->b ? decide(j, &j->b->ruleset, j->prepared_b, &flow->packet)
					 : (struct verify_flow_side){flow->action, NULL};
	// Without a policy to compare with, "b" is what was before: the record.
	if (!j->b)
		verify_flow_tally_add(&j->all, flow, a, (struct verify_flow_side){0});
	if (differs(j, a, b)) {
		verify_flow_tally_add(&j->other, flow, j->b ? a : b, j->b ? b : a);
		j->different++;
	}
	if (j->each && j->list)
		add_flow_json(j, flow, a);
	else if (j->each)
		print_flow(j, flow, a);
	return !atomic_load(&j->question->control.stop);
}

static bool read_pieces(struct judge *j, int fd, struct verify_flows *flows)
{
	char piece[PIECE];
	ssize_t got;
	while ((got = read(fd, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			diag_add(&j->cli->diags,
				 &(struct diag){.code = DIAG_IO,
						.file = j->file,
						.hint = "check that it is a file"},
				 "the flow log cannot be read: %s", strerror(errno));
			return false;
		}
		if (!verify_flows_feed(flows, piece, (size_t)got))
			break;
		atomic_fetch_add(&j->question->control.done, (uint64_t)got);
	}
	return true;
}

static bool read_log(struct judge *j, struct verify_flow_count *count)
{
	j->file = cli_option_value(j->cli, "flows", 0);
	int fd = strcmp(j->file, "-") ? open(j->file, O_RDONLY | O_CLOEXEC)
				      : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	struct verify_flow_log log = {.file = j->file,
				      .now = j->question->options.from,
				      .diags = &j->cli->diags,
				      .found = take_flow,
				      .user = j};
	if (fd < 0) {
		diag_add(&j->cli->diags,
			 &(struct diag){.code = DIAG_IO,
					.file = j->file,
					.hint = "check the name and the permissions"},
			 "the flow log cannot be read: %s", strerror(errno));
		return false;
	}
	atomic_store(&j->question->control.done, 0);
	atomic_store(&j->question->control.total, 0);
	off_t size = lseek(fd, 0, SEEK_END);
	if (size > 0) {
		(void)lseek(fd, 0, SEEK_SET);
		atomic_store(&j->question->control.total, (uint64_t)size);
	}
	struct verify_flows *flows = verify_flows_new(&log);
	bool good = read_pieces(j, fd, flows);
	good &= verify_flows_end(flows, count);
	verify_flows_free(flows);
	close(fd);
	return good && !j->cli->diags.errors;
}

// --- what the log cannot say ---

static void note_headers(struct judge *j, const struct ir_ruleset *ruleset, uint64_t has,
			 struct verify_notes *notes)
{
	uint64_t missing = 0;
	size_t rules = 0;
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		uint64_t here = 0;
		for (size_t k = 0; k < rule->clauses; k++)
			for (size_t c = 0; c < rule->clause[k].len; c++) {
				enum ir_dim dim = rule->clause[k].cond[c].dim;
				if (ir_dim_info[dim].kind == IR_KIND_PACKET && !(has >> dim & 1))
					here |= (uint64_t)1 << dim;
			}
		rules += here != 0;
		missing |= here;
	}
	if (!missing)
		return;
	struct buf text;
	buf_init(&text);
	for (unsigned i = 0; i < IR_DIMS; i++)
		if (missing >> i & 1)
			buf_printf(&text, "%s%s", text.len ? ", " : "", ir_dim_info[i].key);
	vec_push(&j->cli->arena, &notes->list,
		 arena_printf(
			 &j->cli->arena,
			 "the log does not say %s: conditions on it match none of its flows (%s)",
			 text.data, words_count(j->cli, rules, "rule", "rules")));
	buf_fini(&text);
}

static void note_opaques(struct judge *j, const struct ir_ruleset *ruleset,
			 struct verify_notes *notes)
{
	size_t opaque = 0, rates = 0;
	for (size_t i = 0; i < ruleset->rule.len; i++) {
		const struct ir_rule *rule = &ruleset->rule.at[i];
		opaque += rule->opaques > 0;
		rates += ir_rule_has_rate_condition(rule);
	}
	if (opaque)
		vec_push(&j->cli->arena, &notes->list,
			 arena_printf(
				 &j->cli->arena,
				 "conditions that are not about headers are taken not to hold (%s)",
				 words_count(j->cli, opaque, "rule", "rules")));
	if (rates)
		vec_push(&j->cli->arena, &notes->list,
			 arena_printf(&j->cli->arena, "rates are taken not to be exceeded (%s)",
				      words_count(j->cli, rates, "rule", "rules")));
}

static void make_notes(struct judge *j, const struct verify_flow_count *count,
		       struct verify_notes *notes)
{
	for (int side = 0; side < (j->b ? 2 : 1); side++) {
		const struct ir_ruleset *ruleset = side ? &j->b->ruleset : &j->a->ruleset;
		note_headers(j, ruleset, count->has, notes);
		note_opaques(j, ruleset, notes);
	}
	if (count->replies)
		vec_push(&j->cli->arena, &notes->list,
			 arena_printf(&j->cli->arena, "%s: judged together",
				      words_count(j->cli, count->replies,
						  "record answers a flow before it",
						  "records answer flows before them")));
	if (count->faults)
		vec_push(&j->cli->arena, &notes->list,
			 arena_printf(&j->cli->arena, "%s could not be read",
				      words_count(j->cli, count->faults, "record", "records")));
	if (count->skipped)
		vec_push(&j->cli->arena, &notes->list,
			 arena_printf(&j->cli->arena, "%s no addresses",
				      words_count(j->cli, count->skipped, "record has",
						  "records have")));
}

// --- printing ---

static const char *amount(struct cli *cli, const struct verify_flow_group *group)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	size_t unit = 0;
	uint64_t tenths = group->bytes > UINT64_MAX / 10 ? UINT64_MAX : group->bytes * 10;
	for (; tenths >= 10000 && unit + 1 < array_len(units); unit++)
		tenths /= 1000;
	const char *text = words_count(cli, group->flows, "flow", "flows");
	if (group->packets)
		text = arena_printf(&cli->arena, "%s, %s", text,
				    words_count(cli, group->packets, "packet", "packets"));
	if (!group->bytes)
		return text;
	return unit ? arena_printf(&cli->arena, "%s, %llu.%llu %s", text,
				   (unsigned long long)(tenths / 10),
				   (unsigned long long)(tenths % 10), units[unit])
		    : arena_printf(&cli->arena, "%s, %llu B", text,
				   (unsigned long long)group->bytes);
}

static size_t shown(const struct judge *j, const struct verify_flow_tally *tally)
{
	return cli_has(j->cli, "all") || tally->group.len <= GROUPS_SHOWN ? tally->group.len
									  : GROUPS_SHOWN;
}

static void print_rest(struct judge *j, const struct verify_flow_tally *tally)
{
	if (shown(j, tally) < tally->group.len)
		buf_printf(&j->cli->out, "… %zu more (--all)\n",
			   tally->group.len - shown(j, tally));
}

static void print_all(struct judge *j)
{
	struct buf *out = &j->cli->out;
	for (size_t i = 0; i < shown(j, &j->all); i++) {
		const struct verify_flow_group *group = &j->all.group.at[i];
		buf_adds(out, "  ");
		words_decision(j->cli, group->a.verdict, group->a.rule, &j->a->ruleset);
		buf_printf(out, ": %s\n", amount(j->cli, group));
	}
	print_rest(j, &j->all);
}

static void print_side(struct judge *j, const char *title, const struct source *source,
		       struct verify_flow_side side)
{
	buf_printf(&j->cli->out, "   %s: ", title);
	if (source)
		words_decision(j->cli, side.verdict, side.rule, &source->ruleset);
	else
		words_verdict(j->cli, side.verdict);
	buf_addc(&j->cli->out, '\n');
}

static void print_different(struct judge *j)
{
	struct cli *cli = j->cli;
	for (size_t i = 0; i < shown(j, &j->other); i++) {
		const struct verify_flow_group *group = &j->other.group.at[i];
		buf_printf(&cli->out, "\n%s%zu.%s ", cli_colour(cli, CLI_BOLD), i + 1,
			   cli_colour(cli, CLI_PLAIN));
		words_verdict(cli, group->a.verdict);
		buf_adds(&cli->out, " → ");
		words_verdict(cli, group->b.verdict);
		buf_printf(&cli->out, ": %s\n", amount(cli, group));
		print_side(j, j->b ? "A" : "recorded", j->b ? j->a : NULL, group->a);
		print_side(j, j->b ? "B" : "decided", j->b ? j->b : j->a, group->b);
		buf_printf(&cli->out, "   %se.g. %s (%s:%u)%s\n", cli_colour(cli, CLI_DIM),
			   words_packet(cli, &j->scope, &group->example.packet), j->file,
			   group->example.line, cli_colour(cli, CLI_PLAIN));
	}
	print_rest(j, &j->other);
}

static void print_summary(struct judge *j, const struct verify_flow_count *count)
{
	struct cli *cli = j->cli;
	bool good = !j->different;
	const char *flows = words_count(cli, count->flows, "flow", "flows");
	if (!j->b && !count->actions) {
		buf_printf(&cli->out, "%s\n", flows);
		return;
	}
	buf_printf(&cli->out, "%s%s%s ", cli_colour(cli, good ? CLI_GREEN : CLI_RED),
		   good ? "✓" : "✗", cli_colour(cli, CLI_PLAIN));
	if (good)
		buf_printf(&cli->out, "%s: %s\n", flows,
			   j->b ? "none would fare otherwise" : "all fare as recorded");
	else
		buf_printf(&cli->out, "%s of %s %s\n", words_number(cli, j->different), flows,
			   j->b ? "would fare otherwise" : "would fare otherwise than recorded");
}

// --- JSON ---

static json_t *group_json(struct judge *j, const struct verify_flow_group *group, bool both)
{
	json_t *value = json_pack("{s:I, s:I, s:I}", "flows", (json_int_t)group->flows, "packets",
				  (json_int_t)group->packets, "bytes", (json_int_t)group->bytes);
	json_object_set_new(value,
			    both && !j->b ? "recorded"
			    : both        ? "a"
					  : "decided",
			    both && !j->b ? json_string(ir_verdict_name[group->a.verdict])
					  : words_decision_json(group->a.verdict, group->a.rule));
	if (both)
		json_object_set_new(value, j->b ? "b" : "decided",
				    words_decision_json(group->b.verdict, group->b.rule));
	json_object_set_new(value, "packet",
			    json_string(words_packet(j->cli, &j->scope, &group->example.packet)));
	json_object_set_new(value, "record", json_integer(group->example.line));
	return value;
}

static json_t *answer_json(struct judge *j, const struct verify_flow_count *count,
			   const struct verify_notes *notes, enum verify_status status)
{
	json_t *all = json_array(), *other = json_array();
	for (size_t i = 0; i < j->all.group.len; i++)
		json_array_append_new(all, group_json(j, &j->all.group.at[i], false));
	for (size_t i = 0; i < j->other.group.len; i++)
		json_array_append_new(other, group_json(j, &j->other.group.at[i], true));
	json_t *value = json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "status", question_status_name(status),
		"flows", (json_int_t)count->flows, "different", (json_int_t)j->different, "answers",
		(json_int_t)count->replies, "skipped", (json_int_t)count->skipped, "faults",
		(json_int_t)count->faults, "changes", other, "notes", words_notes_json(notes));
	if (j->b)
		json_decref(all);
	else
		json_object_set_new(value, "by-rule", all);
	if (j->list)
		json_object_set(value, "list", j->list);
	json_object_set_new(value, "diags", cli_diags_json(&j->cli->diags));
	return value;
}

static bool ask(struct judge *j, struct verify_flow_count *count)
{
	const struct verify_options *options = &j->question->options;
	question_begin(j->question, "reading flows");
	j->prepared_a = verify_prepare(&j->a->ruleset, options);
	j->prepared_b = j->b ? verify_prepare(&j->b->ruleset, options) : NULL;
	bool good = read_log(j, count);
	question_end(j->question);
	verify_prepared_free(j->prepared_a);
	verify_prepared_free(j->prepared_b);
	return good;
}

static int judge_log(struct judge *j)
{
	struct cli *cli = j->cli;
	struct verify_flow_count count;
	struct verify_notes notes = {0};
	if (!ask(j, &count))
		return cli_fail(cli);
	enum verify_status status =
		atomic_load(&j->question->control.stop) ? VERIFY_STOPPED : VERIFY_DONE;
	make_notes(j, &count, &notes);
	verify_flow_tally_sort(&j->all);
	verify_flow_tally_sort(&j->other);
	cli_report(cli);
	if (!cli_answer(cli, answer_json(j, &count, &notes, status))) {
		if (!j->b && !j->each)
			print_all(j);
		print_summary(j, &count);
		print_different(j);
		words_notes(cli, &notes);
		question_say_unfinished(j->question, status);
	}
	return question_exit(status, j->different ? CLI_NO : CLI_YES);
}

static int judge_flows(struct judge *j)
{
	arena_init(&j->scratch);
	j->other.arena = j->all.arena = &j->cli->arena;
	j->each = !j->b && cli_has(j->cli, "all");
	j->list = j->each && j->cli->json ? json_array() : NULL;
	words_scope_add(&j->scope, &j->a->ruleset);
	if (j->b)
		words_scope_add(&j->scope, &j->b->ruleset);
	int status = judge_log(j);
	json_decref(j->list);
	arena_fini(&j->scratch);
	return status;
}

int flows_query(struct cli *cli, struct question *question, const struct source *source)
{
	struct judge judge = {.cli = cli, .question = question, .a = source};
	return judge_flows(&judge);
}

int flows_diff(struct cli *cli, struct question *question, const struct source *a,
	       const struct source *b)
{
	struct judge judge = {.cli = cli, .question = question, .a = a, .b = b};
	return judge_flows(&judge);
}
