/*
 * Output of a Nagios plugin. The first line up to a bar is the text; behind the bar,
 * and behind the first bar of the lines that follow, to the end of all, stand items
 * 'label'=value[unit][;warn[;crit[;min[;max]]]], blank between them.
 */
#include "collectors/plugin.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define KI 1024.0
#define BLANKS " \t\r\n"

static const struct unit {
	const char *written, *unit;
	double factor;
} units[] = {
    {"s", "s", 1},
    {"ms", "s", 1e-3},
    {"us", "s", 1e-6},
    {"ns", "s", 1e-9},
    {"%", "1", 0.01},
    {"c", "c", 1},
    {"B", "bytes", 1},
    {"KB", "bytes", KI},
    {"kB", "bytes", KI},
    {"MB", "bytes", KI *KI},
    {"GB", "bytes", KI *KI *KI},
    {"TB", "bytes", KI *KI *KI *KI},
    {"PB", "bytes", KI *KI *KI *KI *KI},
    {"KiB", "bytes", KI},
    {"MiB", "bytes", KI *KI},
    {"GiB", "bytes", KI *KI *KI},
    {"TiB", "bytes", KI *KI *KI *KI},
    {"PiB", "bytes", KI *KI *KI *KI *KI},
};

/* How much of the text is a number: [-+]digits[.digits][e[-+]digits] */
static size_t
number_length(const char *text, size_t length)
{
	size_t i = 0, digits = 0, mark;

	if (i < length && (text[i] == '-' || text[i] == '+'))
		i++;
	for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
		digits++;
	if (i < length && text[i] == '.')
		for (i++; i < length && text[i] >= '0' && text[i] <= '9'; i++)
			digits++;
	if (digits == 0)
		return 0;
	mark = i;
	if (i < length && (text[i] == 'e' || text[i] == 'E')) {
		i++;
		if (i < length && (text[i] == '-' || text[i] == '+'))
			i++;
		for (digits = 0; i < length && text[i] >= '0' && text[i] <= '9'; i++)
			digits++;
		if (digits > 0)
			return i;
	}
	return mark;
}

/* All of the text. -> false: it is none */
static bool
number_of(const char *text, size_t length, double *out)
{
	char copy[64];

	if (length == 0 || length >= sizeof(copy) ||
	    number_length(text, length) != length)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	*out = strtod(copy + (copy[0] == '+'), NULL);
	return isfinite(*out);
}

bool
plugin_range_is(const char *text, size_t length)
{
	const char *colon;
	size_t start;
	double low, high;

	if (length > 0 && text[0] == '@') {
		text++;
		length--;
	}
	colon = length > 0 ? memchr(text, ':', length) : NULL;
	if (colon == NULL)
		return number_of(text, length, &high);
	start = (size_t)(colon - text);
	if (!(start == 1 && text[0] == '~') && !number_of(text, start, &low))
		return false;
	length -= start + 1;
	if (length == 0)
		return true;
	if (!number_of(colon + 1, length, &high))
		return false;
	return text[0] == '~' || low <= high;
}

/* The part up to the next semicolon; moves on behind it. */
static size_t
next_part(const char **at, const char *end, const char **part)
{
	const char *semicolon;

	*part = *at;
	semicolon = *at < end ? memchr(*at, ';', (size_t)(end - *at)) : NULL;
	*at = semicolon != NULL ? semicolon + 1 : end;
	return (size_t)((semicolon != NULL ? semicolon : end) - *part);
}

static const struct unit *
unit_of(const char *written)
{
	size_t i;

	for (i = 0; i < ARRAY_LENGTH(units); i++)
		if (strcmp(written, units[i].written) == 0)
			return &units[i];
	return NULL;
}

const char *
plugin_base_unit(const char *written)
{
	const struct unit *unit = unit_of(written);

	return unit != NULL ? unit->unit : NULL;
}

static bool
take_unit(const char *text, size_t length, struct plugin_datum *datum, double *factor)
{
	const struct unit *unit;

	*factor = 1;
	datum->unit[0] = '\0';
	if (length >= sizeof(datum->unit))
		return false;
	memcpy(datum->unit, text, length);
	datum->unit[length] = '\0';
	unit = unit_of(datum->unit);
	if (unit != NULL) {
		*factor = unit->factor;
		strlcpy(datum->unit, unit->unit, sizeof(datum->unit));
		return true;
	}
	text_clean(datum->unit);
	return strpbrk(datum->unit, "0123456789'\"=;?") == NULL;
}

static bool
take_value(const char *text, size_t length, struct plugin_datum *datum)
{
	size_t digits = number_length(text, length);
	double factor;

	datum->value = NAN;
	datum->unit[0] = '\0';
	if (length == 1 && text[0] == 'U')
		return true;
	if (digits == 0 || !number_of(text, digits, &datum->value) ||
	    !take_unit(text + digits, length - digits, datum, &factor))
		return false;
	datum->value *= factor;
	return isfinite(datum->value);
}

/* What stands behind the label's equals sign, to the next blank. */
static bool
take_item(const char *at, const char *end, struct plugin_datum *datum)
{
	const char *part;
	size_t length = next_part(&at, end, &part);
	int i;

	if (!take_value(part, length, datum))
		return false;
	for (i = 0; i < 2; i++) { /* warn and crit are the exit code's affair */
		length = next_part(&at, end, &part);
		if (length > 0 && !plugin_range_is(part, length))
			return false;
	}
	return true; /* its least and greatest follow, which nobody asks for */
}

/* A label, quoted or not; two quotes stand for one. -> behind its equals sign, or NULL
 */
static const char *
take_label(const char *at, const char *end, struct plugin_datum *datum, bool *fits)
{
	bool quoted = *at == '\'';
	size_t n = 0;

	for (at += quoted; at < end; at++) {
		if (quoted && *at == '\'') {
			if (at + 1 < end && at[1] == '\'') {
				at++;
			} else {
				at++;
				break;
			}
		} else if (!quoted && (*at == '=' || strchr(BLANKS, *at) != NULL)) {
			break; /* NUL is in BLANKS too */
		}
		if (n < sizeof(datum->label) - 1)
			datum->label[n] = *at;
		n++;
	}
	*fits = n > 0 && n < sizeof(datum->label);
	datum->label[*fits ? n : 0] = '\0';
	text_clean(datum->label); /* of half a character nothing may be left */
	*fits = datum->label[0] != '\0';
	return at < end && *at == '=' ? at + 1 : NULL;
}

static const char *
skip(const char *at, const char *end, bool blanks)
{
	while (at < end && (*at != '\0' && strchr(BLANKS, *at) != NULL) == blanks)
		at++;
	return at;
}

static void
parse_data(const char *at, const char *end, struct plugin_output *out)
{
	struct plugin_datum datum;
	const char *value, *stop;
	bool fits;

	while ((at = skip(at, end, true)) < end) {
		value = take_label(at, end, &datum, &fits);
		stop = skip(value != NULL ? value : at, end, false);
		if (value == NULL || !fits || out->count >= PLUGIN_DATA_MAX ||
		    !take_item(value, stop, &datum)) {
			out->dropped++;
		} else {
			out->data =
			    mem_resize(out->data, out->count + 1, sizeof(datum));
			out->data[out->count++] = datum;
		}
		at = stop;
	}
}

static void
take_text(const char *bytes, size_t length, char out[256])
{
	while (length > 0 && strchr(BLANKS, bytes[length - 1]) != NULL &&
	       bytes[length - 1] != '\0')
		length--;
	if (length > 255)
		length = 255;
	memcpy(out, bytes, length);
	out[length] = '\0';
	text_clean(out);
}

void
plugin_parse(const char *bytes, size_t length, struct plugin_output *out)
{
	const char *end, *line_end, *bar;

	memset(out, 0, sizeof(*out));
	if (length == 0)
		return;
	end = bytes + length;
	line_end = memchr(bytes, '\n', length);
	if (line_end == NULL)
		line_end = end;
	bar = memchr(bytes, '|', (size_t)(line_end - bytes));
	take_text(bytes, (size_t)((bar != NULL ? bar : line_end) - bytes), out->text);
	if (bar != NULL)
		parse_data(bar + 1, line_end, out);
	bar = line_end < end ? memchr(line_end, '|', (size_t)(end - line_end)) : NULL;
	if (bar != NULL)
		parse_data(bar + 1, end, out);
}

void
plugin_free(struct plugin_output *output)
{
	free(output->data);
	output->data = NULL;
	output->count = 0;
}

const struct plugin_datum *
plugin_find(const struct plugin_output *output, const char *label)
{
	size_t i;

	for (i = 0; i < output->count; i++)
		if (strcmp(output->data[i].label, label) == 0)
			return &output->data[i];
	return NULL;
}
