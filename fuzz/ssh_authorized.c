// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of keys that may come in, and as a pin. Whatever was read can be found again.
#include "io/authorized.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const roles[] = {"controller", "operator", NULL};
	struct arena arena cleanup(arena_fini);
	struct diags diags;
	struct io_authorized authorized;
	char pin[IO_SSH_FINGERPRINT];
	arena_init(&arena);
	diags_init(&diags, &arena);
	const char *text = arena_strndup(&arena, (const char *)data, size);
	struct io_authorized_text in = {.file = "keys", .text = text, .roles = roles};
	io_authorized_parse(&in, &arena, &diags, &authorized);
	for (size_t i = 0; i < authorized.key.len; i++) {
		const struct io_authorized_key *key = &authorized.key.at[i];
		assert(io_authorized_find(&authorized, key->name, key->fingerprint) == key);
		assert(io_ssh_pin_parse(key->fingerprint, &diags, pin));
	}
	(void)!io_ssh_pin_parse(text, &diags, pin);
	return 0;
}
