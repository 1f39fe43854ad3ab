/*
 * store/rrdguard: what update.undo may hold at the start. The first byte chooses: the
 * rest is the file; or its fields are taken from there and its sum is right; or it is
 * of the one database that is there, whose head gets the bytes that follow.
 */
#include <assert.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "store/rrdfile.h"
#include "store/rrdguard.h"
#include "store/rrdhead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As rrdguard.c has it. */
struct copy {
	uint32_t state, path_length;
	uint64_t sum, device, inode, offset, length;
};
#define IN_PROGRESS 0x6f646e75u

static char folder[] = "/tmp/vetrina-undo-XXXXXX", database[64], undo[64];
static struct stat st;

static void
clean(void)
{
	unlink(database);
	unlink(undo);
	rmdir(folder);
}

static void
make(void)
{
	static const struct archive_source sources[] = {
	    {"up", "1", 0, 1, ""},
	    {"known", "1", 0, 1, ""},
	};
	const struct rrdfile_shape shape = {.step_s = 60,
	    .source_count = 2,
	    .sources = sources,
	    .retention = {.count = 1, .tiers = {{60000000, 600000000}}}};
	int error;

	if (database[0] != '\0' && access(database, F_OK) == 0)
		return;
	if (database[0] == '\0') {
		if (mkdtemp(folder) == NULL)
			abort();
		atexit(clean);
		snprintf(database, sizeof(database), "%s/a.rrd", folder);
		snprintf(undo, sizeof(undo), "%s/update.undo", folder);
	}
	error = rrdfile_create(database, &shape, 1767225600);
	assert(error == 0 && stat(database, &st) == 0);
}

static void
forge(struct buf *file, const uint8_t *data, size_t size, bool ours)
{
	struct copy copy = {.state = IN_PROGRESS};
	struct rrdhead head;
	size_t from = offsetof(struct copy, device);

	if (size >= 32) {
		memcpy(&copy.path_length, data, 4);
		copy.path_length %= 256;
		memcpy(&copy.offset, data + 4, 8);
		memcpy(&copy.length, data + 12, 4);
		copy.length %= 8192;
		data += 32;
		size -= 32;
	}
	copy.device = st.st_dev;
	copy.inode = st.st_ino;
	if (ours && rrdhead_read(database, &head) == 0) {
		copy.path_length = (uint32_t)strlen(database);
		copy.offset = head.live_offset;
		copy.length = head.live_length;
	}
	buf_add(file, &copy, sizeof(copy));
	if (ours)
		buf_add(file, database, copy.path_length);
	buf_add(file, data, size);
	while (file->length < sizeof(copy) + copy.path_length + copy.length)
		buf_add(file, "", 1);
	copy.sum = text_hash(file->data + from,
	    sizeof(copy) + copy.path_length + copy.length - from, TEXT_HASH_SEED);
	memcpy(file->data, &copy, sizeof(copy));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf file = BUF_INIT;
	struct rrdguard *guard;
	struct rrdhead head;
	struct stat after;
	int fd;

	if (size < 1 || size > 65536)
		return 0;
	make();
	if (data[0] % 3 == 0)
		buf_add(&file, data + 1, size - 1);
	else
		forge(&file, data + 1, size - 1, data[0] % 3 == 2);
	fd = open(undo, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert(fd >= 0 && write(fd, file.data, file.length) == (ssize_t)file.length);
	close(fd);
	if (rrdguard_open(folder, &guard) == 0)
		rrdguard_close(guard);
	/* Nothing but the bytes of the head may change. */
	assert(stat(database, &after) == 0 && after.st_size == st.st_size);
	if (rrdhead_read(database, &head) != 0)
		unlink(database); /* begin anew */
	buf_free(&file);
	return 0;
}
