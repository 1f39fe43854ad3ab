/*
 * Timelines. All strips are walked at once, from one border of a row to the next;
 * stretches of equal state become one span. Each span knows the sums of all before
 * it, so that a period is the difference of two look-ups however long it is.
 */
#include "store/timeline.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/strip.h"

struct state {
	double up, down; /* fractions of the time */
	bool active;     /* there is somebody to ask */
};

struct span {
	int64_t from_s;
	struct state state;
	struct timeline_sum before; /* from the beginning to from_s */
};

struct timeline {
	size_t count, room;
	struct span *spans; /* each to the next one's beginning; the last has no end */
};

/* What one strip says of an instant, and until when. */
static struct state
look(const struct strip *strip, size_t *run_index, int64_t at_s, int64_t *next_s)
{
	struct state state = {0, 0, true};
	const struct strip_run *run;
	int64_t row;

	if (!strip->measured || at_s >= strip->until_s) {
		*next_s = INT64_MAX;
		state.active = false;
		return state;
	}
	if (at_s < strip->from_s) {
		*next_s = strip->from_s;
		state.active = false;
		return state;
	}
	while (*run_index < strip->run_count && strip->runs[*run_index].to_s <= at_s)
		++*run_index;
	*next_s = strip->until_s;
	if (*run_index == strip->run_count)
		return state;
	run = &strip->runs[*run_index];
	if (run->to_s < *next_s)
		*next_s = run->to_s;
	row = at_s - (run->first_s - run->step_s);
	if (at_s < run->from_s || row < 0 || run->count == 0) {
		int64_t begin_s = run->first_s - run->step_s;
		if (begin_s < run->from_s)
			begin_s = run->from_s;
		if (begin_s > at_s && begin_s < *next_s && run->count > 0)
			*next_s = begin_s;
		return state;
	}
	row /= run->step_s;
	if (row >= (int64_t)run->count)
		return state;
	if (run->first_s + row * run->step_s < *next_s)
		*next_s = run->first_s + row * run->step_s;
	if (run->known[row] > 0 && !isnan(run->up[row])) {
		state.up = run->known[row] * run->up[row];
		state.down = run->known[row] * (1 - run->up[row]);
	}
	return state;
}

static void
add(struct timeline_sum *sum, const struct state *state, int64_t seconds)
{
	if (!state->active)
		return;
	sum->up_s += state->up * seconds;
	sum->down_s += state->down * seconds;
	sum->passed_s += seconds;
}

static void
append(struct timeline *timeline, int64_t from_s, const struct state *state)
{
	struct span *last, *span;

	last = timeline->count > 0 ? &timeline->spans[timeline->count - 1] : NULL;
	if (last != NULL && last->state.up == state->up &&
	    last->state.down == state->down && last->state.active == state->active)
		return;
	if (timeline->count == timeline->room) {
		timeline->room = timeline->room > 0 ? 2 * timeline->room : 64;
		timeline->spans =
		    mem_resize(timeline->spans, timeline->room, sizeof(*span));
		last =
		    timeline->count > 0 ? &timeline->spans[timeline->count - 1] : NULL;
	}
	span = &timeline->spans[timeline->count++];
	span->from_s = from_s;
	span->state = *state;
	span->before = (struct timeline_sum){0};
	if (last != NULL) {
		span->before = last->before;
		add(&span->before, &last->state, from_s - last->from_s);
	}
}

struct timeline *
timeline_create(const struct strip *strips, size_t count, int64_t from_s, int64_t to_s)
{
	struct timeline *timeline = mem_zalloc(sizeof(*timeline));
	const struct state nothing = {0};
	size_t *run = mem_array(count + 1, sizeof(*run)), i;
	int64_t at_s = from_s;

	while (at_s < to_s) {
		struct state all = {.up = 1};
		int64_t end_s = to_s, next_s;
		for (i = 0; i < count; i++) {
			struct state one = look(&strips[i], &run[i], at_s, &next_s);
			if (next_s < end_s)
				end_s = next_s;
			if (!one.active)
				continue;
			all.active = true;
			all.up = fmin(all.up, one.up);
			all.down = fmax(all.down, one.down);
		}
		append(timeline, at_s, all.active ? &all : &nothing);
		at_s = end_s;
	}
	append(timeline, to_s, &nothing);
	free(run);
	return timeline;
}

void
timeline_destroy(struct timeline *timeline)
{
	if (timeline == NULL)
		return;
	free(timeline->spans);
	free(timeline);
}

/* The sums from the beginning to an instant. */
static struct timeline_sum
sum_to(const struct timeline *timeline, int64_t at_s)
{
	struct timeline_sum sum = {0};
	size_t low = 0, high = timeline->count, middle;

	while (low < high) { /* the last that begins before at_s */
		middle = low + (high - low) / 2;
		if (timeline->spans[middle].from_s < at_s)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return sum;
	sum = timeline->spans[low - 1].before;
	add(&sum, &timeline->spans[low - 1].state,
	    at_s - timeline->spans[low - 1].from_s);
	return sum;
}

void
timeline_sum(const struct timeline *timeline, int64_t from_s, int64_t to_s,
    struct timeline_sum *out)
{
	struct timeline_sum before = sum_to(timeline, from_s);

	*out = sum_to(timeline, to_s > from_s ? to_s : from_s);
	out->up_s -= before.up_s;
	out->down_s -= before.down_s;
	out->passed_s -= before.passed_s;
}
