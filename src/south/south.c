// SPDX-License-Identifier: Apache-2.0
// The thread and what crosses into it.
//
// The idea: sessions belong to the loop's thread alone. Whoever asks from another thread posts a call
// and sleeps until the loop has answered it; the client's time-out makes sure that it does.
#include "south/internal.h"
#include "base/buf.h"
#include "schema/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PARSERS 4u

static const char *const modules[] = {"bulwark-nsf", NULL};

struct south *south_new(const struct south_options *options, struct diags *diags)
{
	struct south *south = base_oom(calloc(1, sizeof(*south)));
	south->opt = *options;
	arena_init(&south->names);
	south->by_name.arena = &south->names;
	pthread_mutex_init(&south->parsers, NULL);
	pthread_cond_init(&south->parser_free, NULL);
	int rc = io_loop_new(&south->loop);
	if (rc)
		diag_error(diags, DIAG_IO, NULL, "raise the limit of open files",
			   "the kernel gives no descriptor: %s", strerror(-rc));
	south->schema = schema_open(NULL, modules, diags);
	south->parser_count = options->parsers ? options->parsers : PARSERS;
	south->parser = base_oom(calloc(south->parser_count, sizeof(*south->parser)));
	south->parser_used = base_oom(calloc(south->parser_count, sizeof(*south->parser_used)));
	for (unsigned i = 0; i < south->parser_count; i++)
		south->parser[i] = schema_open(NULL, modules, diags);
	if (!rc && !diags->errors && calls_open(south, diags))
		return south;
	south_free(south);
	return NULL;
}

// --- what is configured ---

static void free_peers(struct engine_peer *peers, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		free((char *)peers[i].name);
		free((char *)peers[i].address);
		free((char *)peers[i].ssh_user);
		base_texts_free(peers[i].host_keys);
	}
	free(peers);
}

static struct engine_peer *copy_peers(const struct engine_peer *peers, size_t len)
{
	struct engine_peer *copy = base_oom(calloc(len + 1, sizeof(*copy)));
	for (size_t i = 0; i < len; i++) {
		const char *address = peers[i].address, *user = peers[i].ssh_user;
		copy[i] = peers[i];
		copy[i].name = base_oom(strdup(peers[i].name));
		copy[i].address = address ? base_oom(strdup(address)) : NULL;
		copy[i].ssh_user = user ? base_oom(strdup(user)) : NULL;
		copy[i].host_keys = base_texts_copy(peers[i].host_keys);
	}
	return copy;
}

struct configuration {
	struct south *south;
	struct engine_peer *peers;
	size_t len;
};

static void use(void *context)
{
	struct configuration *c = context;
	session_configure(c->south, c->peers, c->len);
	free_peers(c->peers, c->len);
	free(c);
}

void south_configure(void *context, const struct engine_peer *peers, size_t len)
{
	struct south *south = context;
	if (!south->running) {
		free_peers(south->waiting, south->waiting_len);
		south->waiting = copy_peers(peers, len);
		south->waiting_len = len;
		return;
	}
	struct configuration *c = base_oom(calloc(1, sizeof(*c)));
	*c = (struct configuration){south, copy_peers(peers, len), len};
	io_post(south->loop, use, c);
}

// --- the thread ---

static void *run(void *context)
{
	struct south *south = context;
	session_configure(south, south->waiting, south->waiting_len);
	if (io_loop_run(south->loop))
		abort(); // epoll itself fails: nothing can be reached any more
	calls_close(south);
	session_free_all(south);
	return NULL;
}

bool south_start(struct south *south, struct engine *engine, struct diags *diags)
{
	south->engine = engine;
	south->running = true;
	if (pthread_create(&south->thread, NULL, run, south) == 0)
		return true;
	south->running = false;
	diag_error(diags, DIAG_IO, NULL, "raise the limit of threads of the controller's user",
		   "the kernel gives no more threads");
	return false;
}

static void stop(void *context)
{
	io_loop_stop(((struct south *)context)->loop);
}

void south_stop(struct south *south)
{
	if (!south->running)
		return;
	io_post(south->loop, stop, south);
	pthread_join(south->thread, NULL);
	south->running = false;
}

void south_free(struct south *south)
{
	if (!south)
		return;
	south_stop(south);
	calls_close(south);
	if (south->loop)
		io_loop_free(south->loop);
	schema_free(south->schema);
	for (unsigned i = 0; i < south->parser_count; i++)
		schema_free(south->parser[i]);
	free(south->parser);
	free(south->parser_used);
	free_peers(south->waiting, south->waiting_len);
	arena_fini(&south->names);
	pthread_mutex_destroy(&south->parsers);
	pthread_cond_destroy(&south->parser_free);
	free(south);
}

struct renewal {
	struct south *south;
	char *nsf;
};

static void renew(void *context)
{
	struct renewal *r = context;
	struct session *s = session_find(r->south, r->nsf);
	if (s)
		session_restart(s);
	free(r->nsf);
	free(r);
}

void south_renew(struct south *south, const char *nsf)
{
	struct renewal *r = base_oom(calloc(1, sizeof(*r)));
	*r = (struct renewal){south, base_oom(strdup(nsf))};
	io_post(south->loop, renew, r);
}

// --- calls ---

static void finish(struct call *call)
{
	pthread_mutex_lock(&call->mutex);
	call->done = true;
	pthread_cond_signal(&call->ended);
	pthread_mutex_unlock(&call->mutex);
}

// In the loop's thread. The caller sleeps, so that its diags and buffer are ours until `finish`.
static void answered(void *context, const struct netconf_result *result, const struct diags *errors)
{
	struct call *call = context;
	if (!result->ok && call->ok) {
		call->ok = false;
		for (size_t i = 0; i < errors->list.len; i++)
			diag_add(call->diags, &errors->list.at[i], "%s", errors->list.at[i].text);
	}
	if (result->ok && call->data)
		buf_add(call->data, result->data, result->len);
	if (--call->open == 0)
		finish(call);
}

static void fail(struct call *call, const char *why)
{
	diag_add(call->diags,
		 &(struct diag){.code = DIAG_UNREACHABLE,
				.nsf = call->nsf,
				.hint = "see that it runs and can be reached"},
		 "%s", why);
	finish(call);
}

static void start(void *context)
{
	struct call *call = context;
	struct session *s = session_find(call->south, call->nsf);
	if (!s || !s->open) {
		fail(call, "the NSF is not connected");
		return;
	}
	if (call->session && !call->take_session && *call->session && *call->session != s->id) {
		fail(call, "the session in which this began has ended");
		return;
	}
	if (call->take_session)
		*call->session = s->id;
	size_t n = call->rpcs; // behind the last answer the call is gone
	call->ok = true;
	call->open = n;
	for (size_t i = 0; i < n; i++)
		netconf_client_send(s->client,
				    &(struct netconf_call){.xml = call->rpc[i],
							   .timeout_ms = call->timeout_ms,
							   .fn = answered,
							   .context = call});
}

bool call_run(struct call *call)
{
	pthread_mutex_init(&call->mutex, NULL);
	pthread_cond_init(&call->ended, NULL);
	call->done = call->ok = false;
	io_post(call->south->loop, start, call);
	pthread_mutex_lock(&call->mutex);
	while (!call->done)
		pthread_cond_wait(&call->ended, &call->mutex);
	pthread_mutex_unlock(&call->mutex);
	pthread_mutex_destroy(&call->mutex);
	pthread_cond_destroy(&call->ended);
	return call->ok;
}
