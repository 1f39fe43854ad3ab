/* JSON pointers and comparisons. A comparison keeps its pointer and its value as
 * jansson parsed it; evaluation allocates only for the sentence. */
#include "base/pointer.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#define SHOWN_BYTES 60 /* of a text in a sentence */

enum op {
	OP_PRESENT,
	OP_EQUAL,
	OP_UNEQUAL,
	OP_LESS,
	OP_LESS_EQUAL,
	OP_MORE,
	OP_MORE_EQUAL
};

static const struct {
	const char *text;
	enum op op;
} operators[] = {
    /* The longer first. */
    {"==", OP_EQUAL},
    {"=", OP_EQUAL},
    {"!=", OP_UNEQUAL},
    {"<=", OP_LESS_EQUAL},
    {"<", OP_LESS},
    {">=", OP_MORE_EQUAL},
    {">", OP_MORE},
};

static const char *const op_words[] = {
    [OP_PRESENT] = "",
    [OP_EQUAL] = "",
    [OP_UNEQUAL] = "!= ",
    [OP_LESS] = "< ",
    [OP_LESS_EQUAL] = "<= ",
    [OP_MORE] = "> ",
    [OP_MORE_EQUAL] = ">= ",
};

struct pointer {
	char *path;
	enum op op;
	json_t *value; /* NULL for OP_PRESENT */
};

/* The index that a token is, or -1: digits without leading zero. */
static long
token_index(const char *token, size_t length)
{
	long index = 0;
	size_t i;

	if (length == 0 || length > 9 || (length > 1 && token[0] == '0'))
		return -1;
	for (i = 0; i < length; i++) {
		if (token[i] < '0' || token[i] > '9')
			return -1;
		index = index * 10 + (token[i] - '0');
	}
	return index;
}

static json_t *
find_member(json_t *object, const char *token, size_t length)
{
	char *key = mem_strndup(token, length), *from, *to;
	json_t *member;

	for (from = to = key; *from != '\0'; to++) {
		*to = *from++;
		if (*to != '~')
			continue;
		*to = *from == '1' ? '/' : '~';
		if (*from == '0' || *from == '1')
			from++;
	}
	*to = '\0';
	member = json_object_get(object, key);
	free(key);
	return member;
}

json_t *
pointer_find(json_t *document, const char *pointer)
{
	json_t *node = document;
	size_t length;
	long index;

	if (*pointer != '\0' && *pointer != '/')
		return NULL;
	while (*pointer == '/' && node != NULL) {
		pointer++;
		length = strcspn(pointer, "/");
		if (json_is_object(node)) {
			node = find_member(node, pointer, length);
		} else {
			index = token_index(pointer, length);
			/* NULL too where node is no array. */
			node = index >= 0 ? json_array_get(node, index) : NULL;
		}
		pointer += length;
	}
	return node;
}

/* Takes the pointer at the text's beginning. -> where it ends, or NULL */
static const char *
parse_path(const char *text, char **path, char error[256])
{
	json_error_t parsed;
	json_t *quoted;
	const char *end, *tilde;

	if (*text == '"') {
		quoted =
		    json_loads(text, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &parsed);
		if (quoted == NULL) {
			snprintf(error, 256, "the quoted pointer does not end");
			return NULL;
		}
		*path = mem_strdup(json_string_value(quoted));
		json_decref(quoted);
		end = text + parsed.position;
	} else {
		for (end = text; *end != '\0' && !isspace((unsigned char)*end); end++)
			if (strchr("=<>", *end) != NULL ||
			    (end[0] == '!' && end[1] == '='))
				break;
		*path = mem_strndup(text, end - text);
	}
	if (**path != '/' && !(**path == '\0' && *text == '"')) {
		snprintf(error, 256,
		    "expected a JSON pointer that begins with /, as in %s",
		    "/status = \"ok\"");
		return NULL;
	}
	for (tilde = *path; (tilde = strchr(tilde, '~')) != NULL; tilde++) {
		if (tilde[1] == '0' || tilde[1] == '1')
			continue;
		snprintf(error, 256,
		    "a ~ in a JSON pointer is written ~0, and a / within "
		    "a name ~1");
		return NULL;
	}
	return end;
}

static const char *
parse_operator(const char *text, enum op *op)
{
	size_t i, length;

	for (i = 0; i < ARRAY_LENGTH(operators); i++) {
		length = strlen(operators[i].text);
		if (strncmp(text, operators[i].text, length) == 0) {
			*op = operators[i].op;
			return text + length;
		}
	}
	return NULL;
}

static const char *
skip_blanks(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

static int
parse_value(struct pointer *pointer, const char *text, char error[256])
{
	json_error_t parsed;

	if (*text == '\0') {
		snprintf(error, 256, "expected a value after the comparison");
		return ERR_SYNTAX;
	}
	pointer->value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &parsed);
	if (pointer->value == NULL || json_is_object(pointer->value) ||
	    json_is_array(pointer->value)) {
		snprintf(error, 256,
		    "%.80s is no value: expected \"text\" in double quotes, a "
		    "number, true, false or null",
		    text);
		return ERR_SYNTAX;
	}
	if (pointer->op >= OP_LESS && !json_is_number(pointer->value)) {
		snprintf(error, 256, "%sneeds a number, not %.80s",
		    op_words[pointer->op], text);
		return ERR_SYNTAX;
	}
	return 0;
}

struct pointer *
pointer_parse(const char *text, char error[256])
{
	struct pointer *pointer = mem_zalloc(sizeof(*pointer));
	const char *rest;

	text = skip_blanks(text);
	rest = parse_path(text, &pointer->path, error);
	if (rest == NULL)
		goto fail;
	rest = skip_blanks(rest);
	if (*rest == '\0')
		return pointer;
	text = rest;
	rest = parse_operator(text, &pointer->op);
	if (rest == NULL) {
		snprintf(
		    error, 256, "expected =, !=, <, <=, > or >= before %.80s", text);
		goto fail;
	}
	if (parse_value(pointer, skip_blanks(rest), error) == 0)
		return pointer;
fail:
	pointer_free(pointer);
	return NULL;
}

void
pointer_free(struct pointer *pointer)
{
	if (pointer == NULL)
		return;
	free(pointer->path);
	json_decref(pointer->value);
	free(pointer);
}

static void
show(const json_t *value, char out[SHOWN_BYTES * 8])
{
	size_t length = json_string_length(value);
	const char *text = json_string_value(value);
	json_t *cut = NULL;
	char *dump;

	if (json_is_object(value) || json_is_array(value)) {
		snprintf(out, SHOWN_BYTES * 8, "%s",
		    json_is_object(value) ? "an object" : "an array");
		return;
	}
	if (json_is_real(value)) {
		text_double_format(json_real_value(value), out);
		return;
	}
	if (text != NULL && length > SHOWN_BYTES) {
		for (length = SHOWN_BYTES;
		     ((unsigned char)text[length] & 0xc0) == 0x80;)
			length--;
		cut = json_stringn(text, length);
	}
	dump = json_dumps(cut != NULL ? cut : value, JSON_ENCODE_ANY);
	snprintf(out, SHOWN_BYTES * 8, "%s%s", dump != NULL ? dump : "?",
	    cut != NULL ? "..." : "");
	free(dump);
	json_decref(cut);
}

/* -1, 0, 1 as strcmp; exact between integers. */
static int
compare_numbers(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b)) {
		json_int_t x = json_integer_value(a), y = json_integer_value(b);
		return (x > y) - (x < y);
	} else {
		double x = json_number_value(a), y = json_number_value(b);
		return (x > y) - (x < y);
	}
}

static bool
equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return compare_numbers(a, b) == 0;
	return json_equal(a, b);
}

static bool
holds(const struct pointer *pointer, const json_t *found)
{
	switch (pointer->op) {
	case OP_PRESENT:
		return true;
	case OP_EQUAL:
		return equal(found, pointer->value);
	case OP_UNEQUAL:
		return !equal(found, pointer->value);
	case OP_LESS:
		return compare_numbers(found, pointer->value) < 0;
	case OP_LESS_EQUAL:
		return compare_numbers(found, pointer->value) <= 0;
	case OP_MORE:
		return compare_numbers(found, pointer->value) > 0;
	case OP_MORE_EQUAL:
		return compare_numbers(found, pointer->value) >= 0;
	}
	return false;
}

int
pointer_test(const struct pointer *pointer, json_t *document, char sentence[256])
{
	json_t *found = pointer_find(document, pointer->path);
	char is[SHOWN_BYTES * 8], wanted[SHOWN_BYTES * 8] = "";
	bool ordered = pointer->op >= OP_LESS, number = json_is_number(found);

	if (found != NULL && (number || !ordered) && holds(pointer, found)) {
		sentence[0] = '\0';
		return 1;
	}
	if (pointer->value != NULL)
		show(pointer->value, wanted);
	if (found != NULL)
		show(found, is);
	else
		snprintf(is, sizeof(is), "missing");
	snprintf(sentence, 256, "%.80s is %.70s%s%s%s%.70s",
	    *pointer->path != '\0' ? pointer->path : "the document", is,
	    pointer->op != OP_PRESENT ? ", expected " : "",
	    found != NULL && ordered && !number ? "a number " : "",
	    op_words[pointer->op], wanted);
	if (found == NULL)
		return ERR_NOT_FOUND;
	return ordered && !number ? ERR_RANGE : 0;
}
