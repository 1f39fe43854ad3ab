/*
 * Announcements. A window opens with the first change; when it closes, the changes that
 * found it full are told as a number. All of them are in the ledger.
 */
#include "watch/announce.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/loop.h"
#include "store/ledger.h"

#define ANNOUNCE_MAGIC 0x616e6e6f
#define LINES_MAX 20
#define WINDOW (10 * CLOCK_SECOND)
#define PAST (60 * CLOCK_SECOND) /* what is older is told with its time */

struct announce {
	MAGIC;
	struct loop_timer *window;
	unsigned told;
	unsigned long held;
};

static void
close_window(void *arg)
{
	struct announce *announce = arg;

	MAGIC_CHECK(announce, ANNOUNCE_MAGIC);
	if (announce->held > 0)
		log_info("and %lu more changes of verdict", announce->held);
	announce->told = 0;
	announce->held = 0;
}

struct announce *
announce_create(struct loop *loop)
{
	struct announce *announce = mem_zalloc(sizeof(*announce));

	MAGIC_SET(announce, ANNOUNCE_MAGIC);
	announce->window = loop_timer_create(loop, close_window, announce);
	return announce;
}

void
announce_destroy(struct announce *announce)
{
	if (announce == NULL)
		return;
	close_window(announce);
	loop_timer_destroy(announce->window);
	MAGIC_CLEAR(announce);
	free(announce);
}

static void
write_line(const char *site, const struct ledger_transition *row)
{
	char at[TEXT_TIME_SIZE];
	bool past = row->at_us < clock_wall_us() - PAST;

	log_info("%s/%s%s%s: %s -> %s%s%s%s%s%s%s", site, row->service,
	    row->check[0] != '\0' ? "/" : "", row->check, row->from, row->to,
	    past ? " at " : "", past ? text_time_format(row->at_us, at) : "",
	    row->class[0] != '\0' ? ": " : "", row->class,
	    row->message[0] != '\0' ? ": " : "", row->message);
}

void
announce_change(
    struct announce *announce, const char *site, const struct ledger_transition *row)
{
	if (announce == NULL || !log_wants(LOG_LEVEL_INFO))
		return;
	MAGIC_CHECK(announce, ANNOUNCE_MAGIC);
	if (announce->told == LINES_MAX) {
		announce->held++;
		return;
	}
	if (announce->told++ == 0)
		loop_timer_set(announce->window, WINDOW);
	write_line(site, row);
}
