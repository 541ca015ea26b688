// SPDX-License-Identifier: Apache-2.0
// The answer for people: a matrix of who reaches whom with what, then pair by pair who decides, what blocks, and where ways
// and domains disagree.
#include "cli/reach_say.h"

#include <stdio.h>
#include <string.h>

#define MATRIX_WIDTH 120
#define CELL_ITEMS 3
#define CELL_MOST 36
#define LIST_ITEMS 6
#define BLOCKERS_SHOWN 6

// --- widths ---

// Columns on a terminal: all characters here are one wide.
static size_t width_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void put_padded(struct buf *out, const char *text, size_t width)
{
	buf_adds(out, text);
	for (size_t n = width_of(text); n < width; n++)
		buf_addc(out, ' ');
}

// Not wider than a cell.
static const char *cell_text(const struct reach_answer *a, const struct verify_pair *pair)
{
	const char *text = reach_pair_text(a, pair, CELL_ITEMS);
	for (size_t items = CELL_ITEMS; items > 1 && width_of(text) > CELL_MOST; items--)
		text = reach_pair_text(a, pair, items - 1);
	return text;
}

static const char *colour_of(const struct reach_answer *a, const struct verify_pair *pair)
{
	if (pair->together)
		return cli_colour(a->cli, CLI_DIM);
	if (pair->none)
		return cli_colour(a->cli, CLI_RED);
	return cli_colour(a->cli, pair->all ? CLI_GREEN : CLI_YELLOW);
}

// --- the matrix ---

static const struct verify_pair *pair_at(const struct reach_answer *a, size_t from, size_t to)
{
	return &a->reach->pair.at[from * a->question->tos + to];
}

static size_t *column_widths(const struct reach_answer *a, size_t *total_out)
{
	const struct verify_reach_question *q = a->question;
	size_t *width = arena_array(&a->cli->arena, size_t, q->tos + 1);
	*total_out = 0;
	for (size_t i = 0; i < q->froms; i++)
		if (width_of(q->from[i].name) > width[0])
			width[0] = width_of(q->from[i].name);
	for (size_t k = 0; k < q->tos; k++) {
		width[k + 1] = width_of(q->to[k].name);
		for (size_t i = 0; i < q->froms; i++) {
			size_t w = width_of(cell_text(a, pair_at(a, i, k)));
			if (w > width[k + 1])
				width[k + 1] = w;
		}
		*total_out += width[k + 1] + 3;
	}
	*total_out += width[0];
	return width;
}

static void put_cell(const struct reach_answer *a, const struct verify_pair *pair, size_t width)
{
	buf_printf(&a->cli->out, "   %s", colour_of(a, pair));
	put_padded(&a->cli->out, cell_text(a, pair), width);
	buf_adds(&a->cli->out, cli_colour(a->cli, CLI_PLAIN));
}

static void end_line(struct buf *out)
{
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	buf_addc(out, '\n');
}

static void put_matrix(const struct reach_answer *a, const size_t *width)
{
	const struct verify_reach_question *q = a->question;
	struct buf *out = &a->cli->out;
	const char *bold = cli_colour(a->cli, CLI_BOLD), *normal = cli_colour(a->cli, CLI_PLAIN);
	put_padded(out, "", width[0]);
	for (size_t k = 0; k < q->tos; k++) {
		buf_printf(out, " → %s", bold);
		put_padded(out, q->to[k].name, width[k + 1]);
		buf_adds(out, normal);
	}
	end_line(out);
	for (size_t i = 0; i < q->froms; i++) {
		buf_adds(out, bold);
		put_padded(out, q->from[i].name, width[0]);
		buf_adds(out, normal);
		for (size_t k = 0; k < q->tos; k++)
			put_cell(a, pair_at(a, i, k), width[k + 1]);
		end_line(out);
	}
}

static const char *pair_title(const struct reach_answer *a, const struct verify_pair *pair)
{
	return arena_printf(&a->cli->arena, "%s → %s", a->question->from[pair->from].name,
			    a->question->to[pair->to].name);
}

// When a matrix would be too wide: a line for each pair.
static void put_pairs(const struct reach_answer *a)
{
	size_t width = 0;
	for (size_t i = 0; i < a->reach->pair.len; i++) {
		size_t w = width_of(pair_title(a, &a->reach->pair.at[i]));
		width = w > width ? w : width;
	}
	for (size_t i = 0; i < a->reach->pair.len; i++) {
		const struct verify_pair *pair = &a->reach->pair.at[i];
		if (pair->together)
			continue;
		put_padded(&a->cli->out, pair_title(a, pair), width);
		buf_printf(&a->cli->out, "   %s%s%s\n", colour_of(a, pair),
			   reach_pair_text(a, pair, LIST_ITEMS), cli_colour(a->cli, CLI_PLAIN));
	}
}

static void put_legend(const struct reach_answer *a)
{
	bool some = false, lost = false;
	for (size_t i = 0; i < a->reach->pair.len; i++)
		for (size_t k = 0; k < a->reach->pair.at[i].open.len; k++) {
			const struct verify_service *s = &a->reach->pair.at[i].open.at[k];
			some |= !s->every_host || !s->every_way;
			lost |= s->replies == VERIFY_REPLIES_LOST;
		}
	const char *dim = cli_colour(a->cli, CLI_DIM), *normal = cli_colour(a->cli, CLI_PLAIN);
	if (some)
		buf_printf(&a->cli->out, "%s* for some addresses or on some ways only%s\n", dim,
			   normal);
	if (lost)
		buf_printf(&a->cli->out, "%s! replies are dropped%s\n", dim, normal);
}

// --- details ---

static void put_step(const struct reach_answer *a, const struct verify_step *step)
{
	if (a->network->nsf.len > 1)
		buf_printf(&a->cli->out, "%s ", a->network->nsf.at[step->nsf].name);
	if (step->rule)
		words_rule(a->cli, step->rule);
	else
		buf_adds(&a->cli->out, "by default");
}

static void put_packet(const struct reach_answer *a, const struct ir_packet *packet)
{
	buf_printf(&a->cli->out, "      %s%s%s\n", cli_colour(a->cli, CLI_DIM),
		   words_packet(a->cli, &a->scope, packet), cli_colour(a->cli, CLI_PLAIN));
}

static void put_walk(const struct reach_answer *a, const struct verify_walk *walk)
{
	for (size_t i = 0; i < walk->steps; i++) {
		buf_adds(&a->cli->out, i ? ", " : "");
		put_step(a, &walk->step[i]);
	}
}

static void put_limits(const struct reach_answer *a, const struct verify_service *service)
{
	struct buf *out = &a->cli->out;
	const char *yellow = cli_colour(a->cli, CLI_YELLOW),
		   *normal = cli_colour(a->cli, CLI_PLAIN);
	if (!service->every_host)
		buf_printf(out, "      %sfor some addresses only%s\n", yellow, normal);
	if (!service->every_way)
		buf_printf(out, "      %snot on every way%s\n", yellow, normal);
	if (service->replies == VERIFY_REPLIES_PASS)
		return;
	buf_printf(out, "      %sreplies %sare dropped%s", yellow,
		   service->replies == VERIFY_REPLIES_LOST ? "" : "to some source ports ", normal);
	if (service->walk && service->walk->reply_lost) {
		buf_adds(out, ": ");
		put_step(a, &service->walk->lost);
	}
	buf_addc(out, '\n');
}

static void put_service(const struct reach_answer *a, const struct verify_pair *pair,
			const struct verify_service *service)
{
	struct buf *out = &a->cli->out;
	buf_printf(out, "  %s✓%s %s", cli_colour(a->cli, CLI_GREEN), cli_colour(a->cli, CLI_PLAIN),
		   reach_service_text(a, pair, service));
	if (service->walk) {
		buf_adds(out, ": ");
		put_walk(a, service->walk);
	}
	buf_addc(out, '\n');
	put_limits(a, service);
	if (service->walk)
		put_packet(a, service->walk->packet);
}

static void put_blockers(const struct reach_answer *a, const struct verify_pair *pair)
{
	struct buf *out = &a->cli->out;
	for (size_t i = 0; i < pair->blocker.len && i < BLOCKERS_SHOWN; i++) {
		const struct verify_blocker *b = &pair->blocker.at[i];
		buf_printf(out, "  %s✗%s blocked: ", cli_colour(a->cli, CLI_RED),
			   cli_colour(a->cli, CLI_PLAIN));
		put_step(a, &b->step);
		buf_printf(out, " (%s)\n",
			   b->step.verdict == IR_NONE ? "nothing decides"
						      : ir_verdict_name[b->step.verdict]);
		put_packet(a, b->walk->packet);
	}
	if (pair->blocker.len > BLOCKERS_SHOWN)
		buf_printf(out, "  … %zu%s more rules block (--json lists them)\n",
			   pair->blocker.len - BLOCKERS_SHOWN, pair->blocker_more ? "+" : "");
}

static void put_uneven(const struct reach_answer *a, const struct verify_pair *pair)
{
	struct buf *out = &a->cli->out;
	for (size_t i = 0; i < pair->uneven.len; i++) {
		const struct verify_walk *open = pair->uneven.at[i].passes,
					 *shut = pair->uneven.at[i].blocked;
		buf_printf(out, "  %s≠%s passes by %s, blocked by ", cli_colour(a->cli, CLI_YELLOW),
			   cli_colour(a->cli, CLI_PLAIN), reach_way_text(a, open->way));
		put_step(a, &shut->step[shut->steps - 1]);
		buf_printf(out, " on the way %s\n", reach_way_text(a, shut->way));
		put_packet(a, open->packet);
	}
}

static void put_detail(const struct reach_answer *a, const struct verify_pair *pair)
{
	struct buf *out = &a->cli->out;
	if (pair->together)
		return;
	buf_printf(out, "\n%s%s%s", cli_colour(a->cli, CLI_BOLD), pair_title(a, pair),
		   cli_colour(a->cli, CLI_PLAIN));
	for (size_t i = 0; i < pair->way.len && a->network->nsf.len > 1; i++)
		buf_printf(out, "%s%s", i ? " | " : "   by ", reach_way_text(a, &pair->way.at[i]));
	buf_adds(out, pair->way.len ? "\n" : "   no way leads there\n");
	for (size_t i = 0; i < pair->open.len; i++)
		put_service(a, pair, &pair->open.at[i]);
	if (pair->open_more)
		buf_adds(out, "  … more passes than is listed; ask with --service\n");
	put_blockers(a, pair);
	put_uneven(a, pair);
}

static void put_contradictions(const struct reach_answer *a)
{
	struct buf *out = &a->cli->out;
	if (a->reach->contradiction.len)
		buf_printf(out, "\n%sDomains that contradict each other%s\n",
			   cli_colour(a->cli, CLI_BOLD), cli_colour(a->cli, CLI_PLAIN));
	for (size_t i = 0; i < a->reach->contradiction.len; i++) {
		const struct verify_contradiction *c = &a->reach->contradiction.at[i];
		buf_printf(out, "  %s⚡%s %s passes by ", cli_colour(a->cli, CLI_RED),
			   cli_colour(a->cli, CLI_PLAIN), a->network->nsf.at[c->passes.nsf].domain);
		put_step(a, &c->passes);
		buf_printf(out, ", %s drops by ", a->network->nsf.at[c->drops.nsf].domain);
		put_step(a, &c->drops);
		buf_addc(out, '\n');
		put_packet(a, c->packet);
	}
	if (a->reach->contradictions_more)
		buf_adds(out, "  … there are more\n");
}

void reach_say_words(const struct reach_answer *a)
{
	size_t total, *width = column_widths(a, &total);
	if (a->reach->pair.len > 1 && total <= MATRIX_WIDTH)
		put_matrix(a, width);
	else
		put_pairs(a);
	put_legend(a);
	for (size_t i = 0; i < a->reach->pair.len; i++)
		put_detail(a, &a->reach->pair.at[i]);
	put_contradictions(a);
}
