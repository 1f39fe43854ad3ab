/* The sample collector. */
#include "conf_sample.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define AT(field) .offset = offsetof(struct sample, field)
static const char *const modes[] = {"get", "post", "delete", NULL};
static const char *const waits[] = {"never", NULL};
static const struct option inner_table[] = {
    {.name = "deep",
	.type = OPTION_INTEGER,
	AT(inner.deep),
	.fallback = "7",
	.text = "A number within"},
    {.name = "word",
	.type = OPTION_STRING,
	AT(inner.word),
	.max = 5,
	.example = "hello",
	.text = "A word within"},
    OPTION_END,
};
const struct option sample_table[] = {
    {.name = "url",
	.type = OPTION_URL,
	AT(url),
	.required = true,
	.example = "https://www.example.it/",
	.text = "What is measured"},
    {.name = "flag",
	.type = OPTION_BOOL,
	AT(flag),
	.fallback = "true",
	.text = "A flag"},
    {.name = "count",
	.type = OPTION_INTEGER,
	AT(count),
	.fallback = "3",
	.min = 1,
	.max = 10,
	.text = "A count"},
    {.name = "ratio",
	.type = OPTION_NUMBER,
	AT(ratio),
	.fallback = "0.25",
	.max = 1,
	.text = "A ratio"},
    {.name = "wait",
	.type = OPTION_DURATION,
	AT(wait_us),
	.fallback = "never",
	.max = 60e6,
	.choices = waits,
	.text = "A wait"},
    {.name = "size",
	.type = OPTION_SIZE,
	AT(size),
	.fallback = "1M",
	.min = 1024,
	.max = 1 << 30,
	.text = "A size"},
    {.name = "note", .type = OPTION_STRING, AT(note), .max = 40, .text = "A note"},
    {.name = "mode",
	.type = OPTION_CHOICE,
	AT(mode),
	.fallback = "get",
	.choices = modes,
	.text = "A choice"},
    {.name = "file", .type = OPTION_PATH, AT(file), .text = "A file"},
    {.name = "key_file", .type = OPTION_SECRET_FILE, AT(key_file), .text = "A secret"},
    {.name = "pattern",
	.type = OPTION_REGEX,
	AT(pattern),
	.example = "'^a\\d+'",
	.text = "A pattern. It has two sentences"},
    {.name = "names",
	.type = OPTION_STRINGS,
	AT(names),
	.fallback = "[a, \"b: c\"]",
	.text = "Names"},
    {.name = "label", .type = OPTION_TEXT, AT(label), .text = "A text"},
    {.name = "status",
	.type = OPTION_STATUSES,
	AT(status),
	.fallback = "200-299",
	.text = "Statuses"},
    {.name = "keep",
	.type = OPTION_RETENTION,
	AT(keep),
	.fallback = "[1m:1d]",
	.text = "Tiers"},
    {.name = "inner", .type = OPTION_GROUP, .group = inner_table, .text = "A group"},
    OPTION_END,
};

static void
sample_check(const void *options, conf_complain *complain, void *arg)
{
	const struct sample *sample = options;
	char text[256];

	if (sample->mode == 1 && sample->note == NULL)
		complain(arg, "note", "mode", "is missing, expected text to post");
	if (sample->mode == 2 && sample->url != NULL) {
		snprintf(text, sizeof(text), "deletes %s, expected \"get\" or \"post\"",
		    sample->url);
		complain(arg, "mode", "url", text);
	}
}

static const struct option plain_table[] = {OPTION_END};
const struct conf_collector collectors[] = {
    {.name = "sample",
	.text = "Measures an example",
	.options = sample_table,
	.size = sizeof(struct sample),
	.sources = 7,
	.shorthand = "url",
	.check = sample_check},
    {.name = "plain",
	.text = "Measures nothing",
	.options = plain_table,
	.size = 1,
	.sources = 1},
    {.name = NULL},
};

void
write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

struct conf *
load_text(const char *text, bool check_system, struct conf_load *load)
{
	memset(load, 0, sizeof(*load));
	load->file = "v.yaml";
	load->collectors = collectors;
	load->check_system = check_system;
	if (text != NULL)
		write_file("v.yaml", text);
	return conf_load(load);
}

void
forget(struct conf_load *load, struct conf *conf)
{
	buf_free(&load->errors);
	buf_free(&load->warnings);
	conf_free(conf);
}

struct conf *
load_good(const char *text)
{
	struct conf_load load;
	struct conf *conf = load_text(text, false, &load);

	if (conf == NULL)
		fail_msg("%s", load.errors.data);
	assert_int_equal(load.error_count, 0);
	assert_int_equal(load.errors.length, 0);
	forget(&load, NULL);
	return conf;
}

const char *
text_of(const struct buf *buf)
{
	return buf->length > 0 ? buf->data : "";
}

int
make_folder(void **state)
{
	static char folder[] = "/tmp/confXXXXXX";

	*state = folder;
	return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

int
remove_folder(void **state)
{
	char *command = mem_printf("rm -rf '%s'", (char *)*state);
	int code = system(command);

	free(command);
	return code;
}
