/* Text to values and back, without locale. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

static const struct unit {
	const char *name;
	int64_t scale;
} durations[] =
    {
	{"y", 365 * 86400 * CLOCK_SECOND},
	{"d", 86400 * CLOCK_SECOND},
	{"h", 3600 * CLOCK_SECOND},
	{"m", 60 * CLOCK_SECOND},
	{"s", CLOCK_SECOND},
	{"ms", 1000},
	{"us", 1},
},
  sizes[] = {
      {"T", INT64_C(1) << 40},
      {"G", 1 << 30},
      {"M", 1 << 20},
      {"K", 1 << 10},
      {"", 1},
};

static int
scaled(const char *text, const struct unit *units, size_t count, int64_t max,
    int64_t *value)
{
	const char *p = text;
	uint64_t n = 0;
	size_t i;

	if (!isdigit((unsigned char)*p))
		return ERR_SYNTAX;
	for (; isdigit((unsigned char)*p); p++) {
		if (n > (uint64_t)max)
			return ERR_RANGE;
		n = n * 10 + (*p - '0');
	}
	for (i = 0; i < count; i++) {
		if (strcmp(p, units[i].name) != 0)
			continue;
		if (n > (uint64_t)(max / units[i].scale))
			return ERR_RANGE;
		*value = n * units[i].scale;
		return 0;
	}
	if (n == 0 && *p == '\0') {
		*value = 0;
		return 0;
	}
	return ERR_SYNTAX;
}

int
text_duration(const char *text, int64_t *us)
{
	return scaled(text, durations, ARRAY_LENGTH(durations),
	    INT64_C(100) * 365 * 86400 * CLOCK_SECOND, us);
}

int
text_size(const char *text, int64_t *bytes)
{
	return scaled(text, sizes, ARRAY_LENGTH(sizes), INT64_C(1) << 50, bytes);
}

int
text_integer(const char *text, int64_t *value)
{
	char *end;
	long long n;

	if (!isdigit((unsigned char)text[0]) &&
	    !(text[0] == '-' && isdigit((unsigned char)text[1])))
		return ERR_SYNTAX;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (*end != '\0')
		return ERR_SYNTAX;
	if (errno == ERANGE)
		return ERR_RANGE;
	*value = n;
	return 0;
}

int
text_double(const char *text, double *value)
{
	char *end;
	double n;

	/* No leading space, no hexadecimal, no inf or nan: strtod takes all. */
	if (text[strspn(text, "+-0123456789.eE")] != '\0' || text[0] == '\0')
		return ERR_SYNTAX;
	n = strtod(text, &end);
	if (*end != '\0' || end == text)
		return ERR_SYNTAX;
	if (!isfinite(n))
		return ERR_RANGE;
	*value = n;
	return 0;
}

static const char *
unscaled(
    int64_t value, const struct unit *units, size_t count, const char *zero, char *out)
{
	size_t i;

	for (i = 0; i < count && value != 0; i++) {
		if (value % units[i].scale != 0)
			continue;
		snprintf(out, TEXT_DURATION_SIZE, "%lld%s",
		    (long long)(value / units[i].scale), units[i].name);
		return out;
	}
	snprintf(out, TEXT_DURATION_SIZE, "%s", zero);
	return out;
}

const char *
text_duration_format(int64_t us, char out[TEXT_DURATION_SIZE])
{
	return unscaled(us, durations, ARRAY_LENGTH(durations), "0s", out);
}

const char *
text_size_format(int64_t bytes, char out[TEXT_DURATION_SIZE])
{
	return unscaled(bytes, sizes, ARRAY_LENGTH(sizes), "0", out);
}

const char *
text_size_round(int64_t bytes, char out[TEXT_DURATION_SIZE])
{
	static const char *const names[] = {"B", "kB", "MB", "GB", "TB"};
	double value = bytes;
	size_t i = 0;

	while (value >= 1000 && i + 1 < ARRAY_LENGTH(names)) {
		value /= 1000;
		i++;
	}
	snprintf(
	    out, TEXT_DURATION_SIZE, i == 0 ? "%.0f %s" : "%.1f %s", value, names[i]);
	return out;
}

const char *
text_double_format(double value, char out[TEXT_DURATION_SIZE])
{
	int digits;

	if (isnan(value)) {
		snprintf(out, TEXT_DURATION_SIZE, "NaN");
		return out;
	}
	for (digits = 15; digits < 17; digits++) {
		snprintf(out, TEXT_DURATION_SIZE, "%.*g", digits, value);
		if (strtod(out, NULL) == value)
			return out;
	}
	snprintf(out, TEXT_DURATION_SIZE, "%.17g", value);
	return out;
}

const char *
text_time_format(int64_t wall_us, char out[TEXT_TIME_SIZE])
{
	int64_t seconds = wall_us / CLOCK_SECOND - (wall_us % CLOCK_SECOND < 0);
	time_t t = seconds;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	strftime(out, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}

uint64_t
text_hash(const void *data, size_t length, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t hash = seed;

	while (length-- > 0)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}

bool
text_is_identifier(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= 63 && text[n] == '\0' && text[0] != '_' && text[0] != '-';
}

bool
text_is_utf8(const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + length;

	while (p < end) {
		uint32_t point, least;
		int more;

		if (*p < 0x80) {
			p++;
			continue;
		}
		if (*p >= 0xc2 && *p <= 0xdf)
			more = 1, point = *p & 0x1f, least = 0x80;
		else if (*p >= 0xe0 && *p <= 0xef)
			more = 2, point = *p & 0x0f, least = 0x800;
		else if (*p >= 0xf0 && *p <= 0xf4)
			more = 3, point = *p & 0x07, least = 0x10000;
		else
			return false;
		if (end - p <= more)
			return false;
		for (p++; more > 0; more--, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			point = point << 6 | (*p & 0x3f);
		}
		if (point < least || point > 0x10ffff ||
		    (point >= 0xd800 && point <= 0xdfff))
			return false;
	}
	return true;
}

/* All that is left is a lead byte and too few of what should follow. */
static bool
is_cut_off(const char *text, size_t left)
{
	size_t i;

	for (i = 1; i < left; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return false;
	return left < 4 && (unsigned char)text[0] >= 0xc2;
}

void
text_clean(char *text)
{
	size_t left = strlen(text), length;

	while (left > 0) {
		length = 1;
		while (length < 4 && length < left && !text_is_utf8(text, length))
			length++;
		if (!text_is_utf8(text, length)) {
			if (is_cut_off(text, left))
				break;
			length = 1;
			*text = '?';
		} else if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			*text = '?';
		}
		text += length;
		left -= length;
	}
	*text = '\0';
}

void
text_clean_lines(char *text)
{
	char *line = text, *end;
	size_t length;
	bool more;

	do {
		end = strchrnul(line, '\n');
		more = *end == '\n';
		*end = '\0';
		text_clean(line);
		for (length = strlen(line); line + length < end; length++)
			line[length] = '?'; /* of a character that was cut off */
		if (more)
			*end = '\n';
		line = end + 1;
	} while (more);
}

static size_t
distance(const char *a, const char *b)
{
	size_t row[65], n = strlen(b), i, j;

	if (n > 64 || strlen(a) > 64)
		return SIZE_MAX;
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= n; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

const char *
text_nearest(const char *text, const char *const *candidates, size_t count)
{
	size_t best = 3, i;
	const char *found = NULL;

	for (i = 0; i < count; i++) {
		size_t d = distance(text, candidates[i]);
		if (d < best && d * 2 < strlen(text) + 1) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}
