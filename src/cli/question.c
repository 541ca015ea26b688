// SPDX-License-Identifier: Apache-2.0
// Questions that may take long. One thread beside the engine waits for Ctrl-C, and writes the progress line; the engine only
// ever sees a flag. Ctrl-C comes through a descriptor, so that no handler is needed; a second one ends the program.
#include "cli/question.h"
#include "base/deadline.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_AFTER 1000 // milliseconds
#define PROGRESS_EVERY 200

struct question_watch {
	struct question *question;
	const char *doing;
	pthread_t thread;
	pthread_mutex_t terminal; // who writes to it
	sigset_t before;          // the signal mask
	int interrupt, over;      // descriptors: Ctrl-C came; the question has ended
	int64_t since;
	bool progress, shown; // a line is wanted; it is there
};

static int64_t milliseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// --- options ---

static bool read_time(struct cli *cli, const char *name, int64_t *out)
{
	const char *text = cli_option_value(cli, name, 0);
	if (!text || !cli_takes(cli->command, name) || ir_time_parse(text, out))
		return true;
	diag_error(&cli->diags, DIAG_VALUE, NULL,
		   "give date and time with a zone, such as 2026-03-11T09:00:00Z",
		   "--%s %s is not a time", name, text);
	return false;
}

static bool read_span(struct question *q)
{
	struct cli *cli = q->cli;
	if (!read_time(cli, "from", &q->options.from))
		return false;
	if (cli_has(cli, "from") && !cli_has(cli, "until"))
		q->options.until = q->options.from + VERIFY_YEARS * 366 * (int64_t)86400;
	if (!read_time(cli, "until", &q->options.until))
		return false;
	if (q->options.from < q->options.until)
		return true;
	diag_error(&cli->diags, DIAG_VALUE, NULL, "give a later time as --until",
		   "there is no time between --from and --until");
	return false;
}

bool question_init(struct question *q, struct cli *cli)
{
	uint64_t threads, megabytes;
	const char *where = cli_option_value(cli, "where", 0);
	*q = (struct question){.cli = cli, .options = verify_options_default(time(NULL))};
	q->options.control = &q->control;
	if (!read_span(q) || !cli_number(cli, "timeout", 1000000, 0, &q->timeout) ||
	    !cli_number(cli, "memory", 1u << 20, 0, &megabytes) ||
	    !cli_number(cli, "threads", 1024, 0, &threads))
		return false;
	q->options.memory = (size_t)megabytes << 20;
	q->options.threads = (unsigned)threads;
	if (!where)
		return true;
	q->options.where = &q->where;
	return ir_clause_parse(where, "--where", &cli->arena, &cli->diags, &q->where, NULL);
}

bool question_only_versions(struct question *q, unsigned versions, const char *who,
			    struct verify_notes *notes)
{
	struct cli *cli = q->cli;
	u128 family = versions == 1 ? 4 : 6;
	if (versions == 3)
		return true;
	if (!ir_clause_narrow(&q->where, &cli->arena, IR_FAMILY,
			      algebra_set_one(&cli->arena, family, family))) {
		diag_error(&cli->diags, DIAG_EMPTY, NULL, "leave out --where, or widen it",
			   "--where leaves no IPv%d packet, and %s sees no others", (int)family,
			   who);
		return false;
	}
	q->options.where = &q->where;
	vec_push(&cli->arena, &notes->list,
		 arena_printf(&cli->arena, "only about IPv%d: %s sees nothing else", (int)family,
			      who));
	return true;
}

// --- while it runs ---

static void clear_line(struct question_watch *w)
{
	if (w->shown)
		fputs("\r\033[K", stderr);
	w->shown = false;
}

static void show_line(struct question_watch *w)
{
	uint64_t done = atomic_load(&w->question->control.done),
		 total = atomic_load(&w->question->control.total);
	unsigned seconds = (unsigned)((milliseconds() - w->since) / 1000);
	pthread_mutex_lock(&w->terminal);
	w->shown = true;
	if (total)
		fprintf(stderr, "\r\033[K%s: %u %%, %u s (Ctrl-C stops it)", w->doing,
			(unsigned)(done < total ? 100 * done / total : 99), seconds);
	else
		fprintf(stderr, "\r\033[K%s: %u s (Ctrl-C stops it)", w->doing, seconds);
	fflush(stderr);
	pthread_mutex_unlock(&w->terminal);
}

static void take_interrupt(struct question_watch *w)
{
	struct signalfd_siginfo info;
	sigset_t set;
	if (read(w->interrupt, &info, sizeof(info)) != sizeof(info))
		return;
	w->question->interrupted = true;
	atomic_store(&w->question->control.stop, true);
	// The next one ends the program, as one is used to.
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void *watch(void *user)
{
	struct question_watch *w = user;
	struct pollfd fds[2] = {{.fd = w->over, .events = POLLIN},
				{.fd = w->interrupt, .events = POLLIN}};
	int wait = w->progress ? PROGRESS_AFTER : -1;
	for (;;) {
		int ready = poll(fds, 2, wait);
		if (fds[0].revents)
			return NULL;
		if (fds[1].revents) {
			take_interrupt(w);
			fds[1].fd = -1;
			fds[1].revents = 0;
		}
		if (ready == 0) {
			show_line(w);
			wait = PROGRESS_EVERY;
		}
	}
}

void question_begin(struct question *q, const char *doing)
{
	struct question_watch *w = base_oom(calloc(1, sizeof(*w)));
	const char *term = getenv("TERM");
	sigset_t interrupt;
	*w = (struct question_watch){.question = q,
				     .doing = doing,
				     .since = milliseconds(),
				     .progress = isatty(STDERR_FILENO) &&
						 !(term && !strcmp(term, "dumb"))};
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	pthread_mutex_init(&w->terminal, NULL);
	// Blocked in every thread that begins after this; the descriptor gets it.
	pthread_sigmask(SIG_BLOCK, &interrupt, &w->before);
	w->interrupt = signalfd(-1, &interrupt, SFD_CLOEXEC);
	w->over = eventfd(0, EFD_CLOEXEC);
	if (w->interrupt < 0 || w->over < 0 || pthread_create(&w->thread, NULL, watch, w)) {
		// Without the watch the question runs all the same, and Ctrl-C does what it always does.
		pthread_sigmask(SIG_SETMASK, &w->before, NULL);
		base_close(&w->interrupt);
		base_close(&w->over);
		pthread_mutex_destroy(&w->terminal);
		free(w);
		w = NULL;
	}
	q->watch = w;
	q->deadline = deadline_new(&q->control.stop, q->timeout * 1000);
}

void question_end(struct question *q)
{
	struct question_watch *w = q->watch;
	uint64_t one = 1;
	deadline_free(q->deadline);
	q->deadline = NULL;
	q->watch = NULL;
	if (!w)
		return;
	if (write(w->over, &one, sizeof(one)) == sizeof(one))
		pthread_join(w->thread, NULL);
	clear_line(w);
	pthread_sigmask(SIG_SETMASK, &w->before, NULL);
	close(w->interrupt);
	close(w->over);
	pthread_mutex_destroy(&w->terminal);
	free(w);
}

void question_flush(struct question *q)
{
	if (q->watch)
		pthread_mutex_lock(&q->watch->terminal);
	if (q->watch)
		clear_line(q->watch);
	cli_flush(q->cli);
	if (q->watch)
		pthread_mutex_unlock(&q->watch->terminal);
}

// --- how it ended ---

const char *question_status_name(enum verify_status status)
{
	switch (status) {
	case VERIFY_DONE:
		return "done";
	case VERIFY_STOPPED:
		return "stopped";
	case VERIFY_OVER_BUDGET:
		return "over-budget";
	}
	return "done";
}

void question_say_unfinished(const struct question *q, enum verify_status status)
{
	struct cli *cli = q->cli;
	uint64_t done = atomic_load(&q->control.done), total = atomic_load(&q->control.total);
	const char *far = !total || done >= total ? ""
						  : arena_printf(&cli->arena, " after %llu of %llu",
								 (unsigned long long)done,
								 (unsigned long long)total);
	if (status == VERIFY_DONE)
		return;
	buf_printf(&cli->out, "%s!%s did not finish: ", cli_colour(cli, CLI_YELLOW),
		   cli_colour(cli, CLI_PLAIN));
	if (status == VERIFY_OVER_BUDGET)
		buf_printf(
			&cli->out,
			"it does not fit (--memory %zu), or has too many different conditions for "
			"one question",
			(q->options.memory ? q->options.memory : VERIFY_MEMORY) >> 20);
	else if (q->interrupted)
		buf_printf(&cli->out, "interrupted%s", far);
	else
		buf_printf(&cli->out, "the time is over%s (--timeout %llu)", far,
			   (unsigned long long)q->timeout);
	buf_adds(&cli->out,
		 "; what was found until then is true, what else there is, is not known\n");
}

int question_exit(enum verify_status status, int otherwise)
{
	return status == VERIFY_DONE ? otherwise : CLI_BUDGET;
}
