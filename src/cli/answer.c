// SPDX-License-Identifier: Apache-2.0
// Small helpers for answers of the controller.
#include "cli/answer.h"

#include <jansson.h>
#include <stdlib.h>

const char *answer_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

uint64_t answer_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (json_is_string(value))
		return strtoull(json_string_value(value), NULL, 10);
	return (uint64_t)json_integer_value(value);
}

bool answer_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const json_t *answer_only(const json_t *answer)
{
	const json_t *value = json_object_iter_value(json_object_iter((json_t *)answer));
	return json_is_array(value) ? json_array_get(value, 0) : value;
}

json_t *answer_call(struct cli *cli, const char *operation, json_t *input, int *status_out)
{
	struct client *client = cli_controller(cli);
	json_t *output;
	if (client && client_call(client, operation, input, &cli->diags, &output)) {
		*status_out = CLI_YES;
		return output;
	}
	if (!client)
		json_decref(input);
	*status_out = cli_fail(cli);
	return NULL;
}

void answer_time(const char *text, struct buf *out)
{
	for (size_t i = 0; text[i] && i < 19; i++)
		buf_addc(out, text[i] == 'T' ? ' ' : text[i]);
}

const char *answer_mark(const struct cli *cli, bool good)
{
	return arena_printf((struct arena *)&cli->arena, "%s%s%s",
			    cli_colour(cli, good ? CLI_GREEN : CLI_RED), good ? "✓" : "✗",
			    cli_colour(cli, CLI_PLAIN));
}
