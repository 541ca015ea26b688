// SPDX-License-Identifier: Apache-2.0
#include "backend/nft/test_fixture.h"

#include <stdlib.h>

struct test_fixture *test_fixture_new(const struct backend_nft_options *options)
{
	struct test_fixture *f = base_oom(calloc(1, sizeof(*f)));
	arena_init(&f->arena);
	diags_init(&f->diags, &f->arena);
	test_net_open(&f->net);
	if (backend_nft_open(options, &f->diags, &f->nft))
		exit(77);
	return f;
}

void test_fixture_free(struct test_fixture *f)
{
	backend_nft_close(f->nft);
	test_net_close(&f->net);
	arena_fini(&f->arena);
	free(f);
}
