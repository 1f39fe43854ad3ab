/* A collector with an option of every type, and files to load: for the tests of conf/. */
#ifndef VT_TESTS_CONF_SAMPLE_H
#define VT_TESTS_CONF_SAMPLE_H

#include "unit.h"

#include "conf/conf.h"

struct sample {
	char *url;
	bool flag;
	int64_t count;
	double ratio;
	int64_t wait_us, size;
	char *note;
	int mode;
	char *file, *key_file, *pattern;
	struct conf_strings names;
	struct conf_text label;
	struct conf_statuses status;
	struct conf_retention keep;
	struct {
		int64_t deep;
		char *word;
	} inner;
};

extern const struct option sample_table[];
extern const struct conf_collector collectors[]; /* sample, plain */

/* The heads of files that have a site, a service, a check, a sample in it. */
#define SITE \
	"sites:\n" \
	"  borgo:\n" \
	"    name: Borgo\n" \
	"    url: https://borgo.example\n" \
	"    languages: [it, en]\n" \
	"    timezone: Europe/Rome\n"
#define SERVICE SITE "    services:\n      anagrafe:\n"
#define CHECKS SERVICE "        checks:\n"
#define CHECK CHECKS "          portale:\n"
#define SAMPLE CHECK "            sample:\n              url: https://borgo.example/x\n"

void write_file(const char *name, const char *text);
/* text NULL: the file of before. */
struct conf *load_text(const char *text, bool check_system, struct conf_load *load);
struct conf *load_good(const char *text); /* fails the test if it is not */
void forget(struct conf_load *load, struct conf *conf);
const char *text_of(const struct buf *buf);

/* Of a group of tests: into a new folder, and away with it. */
int make_folder(void **state);
int remove_folder(void **state);

#endif
