// SPDX-License-Identifier: Apache-2.0
// `bulwark compile --to nft --explain`: the form, part by part, with its size and cost.
#include "cli/explain.h"

#include <jansson.h>
#include <string.h>

#define LEAF_MOST 100000u
#define BUDGET_MOST 1000u

// --- what is asked for ---

static const struct {
	const char *name;
	enum backend_nft_form form;
} forms[] = {{"auto", BACKEND_NFT_AUTO},
	     {"linear", BACKEND_NFT_LINEAR},
	     {"hash", BACKEND_NFT_HASH},
	     {"tree", BACKEND_NFT_TREE},
	     {"mixed", BACKEND_NFT_MIXED}};

static bool find_form(struct cli *cli, enum backend_nft_form otherwise, enum backend_nft_form *out)
{
	const char *name = cli_option_value(cli, "form", 0);
	*out = otherwise;
	for (size_t i = 0; name && i < array_len(forms); i++)
		if (!strcmp(forms[i].name, name)) {
			*out = forms[i].form;
			return true;
		}
	if (!name)
		return true;
	diag_error(&cli->diags, DIAG_VALUE, NULL, "give auto, linear, hash, tree or mixed",
		   "--form %s: there is no such form", name);
	return false;
}

bool explain_shape(struct cli *cli, enum backend_nft_form otherwise, struct backend_nft_shape *out)
{
	struct backend_nft_shape shape = {.form = otherwise};
	uint64_t leaf, budget;
	if (!find_form(cli, otherwise, &shape.form) ||
	    !cli_number(cli, "leaf", LEAF_MOST, 0, &leaf) ||
	    !cli_number(cli, "budget", BUDGET_MOST, 0, &budget))
		return false;
	shape.leaf_most = (unsigned)leaf;
	shape.budget_x10 = (unsigned)budget * 10;
	*out = shape;
	return true;
}

// --- as JSON ---

static json_t *number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *size_json(const struct backend_nft_size *size)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:i}", "kernel-rules",
			 number(size->kernel_rules), "chains", number(size->chains), "maps",
			 number(size->maps), "elements", number(size->elements), "boxes",
			 number(size->boxes), "depth", (int)size->depth);
}

static json_t *cost_json(const struct backend_nft_cost *cost)
{
	return json_pack("{s:o, s:o}", "mean-ns", number(cost->mean_ns), "worst-ns",
			 number(cost->worst_ns));
}

static json_t *parts_json(const struct backend_nft_explanation *e)
{
	json_t *list = json_array();
	for (size_t i = 0; i < e->part.len; i++) {
		const struct backend_nft_part *part = &e->part.at[i];
		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:o, s:o}", "form",
						      part->form, "listed", number(part->listed),
						      "size", size_json(&part->size), "passed-ns",
						      number(part->passed_ns), "worst-ns",
						      number(part->worst_ns)));
	}
	return list;
}

static json_t *weighed_json(const struct backend_nft_explanation *e)
{
	json_t *list = json_array();
	for (size_t i = 0; i < e->weighed.len; i++)
		json_array_append_new(list, json_pack("{s:s, s:o}", "form", e->weighed.at[i].form,
						      "cost", cost_json(&e->weighed.at[i].cost)));
	return list;
}

static json_t *explanation_json(const struct cli *cli, const struct backend_nft_explanation *e)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:o}", "form", e->form,
			 "rules", number(e->rules), "size", size_json(&e->size), "cost",
			 cost_json(&e->cost), "linear", "size", size_json(&e->linear_size), "cost",
			 cost_json(&e->linear_cost), "weighed", weighed_json(e), "parts",
			 parts_json(e), "diags", cli_diags_json(&cli->diags));
}

// --- as a table ---

static void put_size(struct buf *out, const struct backend_nft_size *size)
{
	buf_printf(out, "%9zu %7zu %6zu %9zu %6zu %5u", size->kernel_rules, size->chains,
		   size->maps, size->elements, size->boxes, size->depth);
}

static void put_parts(struct cli *cli, const struct backend_nft_explanation *e)
{
	struct buf *out = &cli->out;
	buf_printf(out, "%s%-8s %6s %9s %7s %6s %9s %6s %5s %10s %10s%s\n",
		   cli_colour(cli, CLI_DIM), "part", "listed", "in kernel", "chains", "maps",
		   "elements", "boxes", "depth", "passed ns", "worst ns",
		   cli_colour(cli, CLI_PLAIN));
	for (size_t i = 0; i < e->part.len; i++) {
		const struct backend_nft_part *part = &e->part.at[i];
		buf_printf(out, "%2zu %s%-5s%s %6zu ", i + 1, cli_colour(cli, CLI_CYAN), part->form,
			   cli_colour(cli, CLI_PLAIN), part->listed);
		put_size(out, &part->size);
		buf_printf(out, " %10llu %10llu\n", (unsigned long long)part->passed_ns,
			   (unsigned long long)part->worst_ns);
	}
	buf_printf(out, "%s%-8s %6zu ", cli_colour(cli, CLI_BOLD), "all",
		   e->linear_size.kernel_rules);
	put_size(out, &e->size);
	buf_printf(out, "%s\n", cli_colour(cli, CLI_PLAIN));
}

static void put_cost(struct cli *cli, const char *what, const struct backend_nft_cost *cost)
{
	buf_printf(&cli->out, "%-12s %s%9llu ns%s for a rule's packets, %s%9llu ns%s at worst\n",
		   what, cli_colour(cli, CLI_BOLD), (unsigned long long)cost->mean_ns,
		   cli_colour(cli, CLI_PLAIN), cli_colour(cli, CLI_BOLD),
		   (unsigned long long)cost->worst_ns, cli_colour(cli, CLI_PLAIN));
}

static void put_explanation(struct cli *cli, const struct backend_nft_explanation *e)
{
	buf_printf(&cli->out, "%s%zu rule%s, enforced as: %s%s\n\n", cli_colour(cli, CLI_BOLD),
		   e->rules, e->rules == 1 ? "" : "s", e->form, cli_colour(cli, CLI_PLAIN));
	put_parts(cli, e);
	buf_adds(&cli->out, "\nExpected cost of a packet, beyond forwarding it:\n");
	put_cost(cli, "this form", &e->cost);
	if (!e->weighed.len)
		put_cost(cli, "linear", &e->linear_cost);
	for (size_t i = 0; i < e->weighed.len; i++)
		put_cost(cli, e->weighed.at[i].form, &e->weighed.at[i].cost);
}

bool explain_say(struct cli *cli, const struct ir_ruleset *lowered,
		 const struct backend_nft_options *options)
{
	struct backend_nft_explanation explanation;
	if (!backend_nft_explain(lowered, options, &cli->diags, &cli->arena, &explanation))
		return false;
	cli_report(cli);
	if (!cli_answer(cli, explanation_json(cli, &explanation)))
		put_explanation(cli, &explanation);
	return true;
}
