/*
 * store/rrdhead: the head of a round-robin database, whatever the file holds. What is
 * said to be sound must be so: every row that an archive can hold lies in the file.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/rrdhead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct rrdhead *head, size_t size)
{
	const struct rrdhead_archive *archive;
	int64_t oldest_s;
	size_t at, i;

	assert(head->size <= size && head->live_offset + head->live_length <= size);
	assert(head->source_count >= 1 && head->archive_count >= 1);
	for (i = 0; i < head->source_count; i++)
		assert(strlen(head->sources[i].name) >= 1 &&
		       rrdhead_source(head, head->sources[i].name) <= (int)i);
	for (i = 0; i < head->archive_count; i++) {
		archive = &head->archives[i];
		(void)rrdhead_serves(archive, ARCHIVE_MIN);
		oldest_s = archive->newest_s - (archive->rows - 1) * archive->step_s;
		at = rrdhead_row(head, archive, archive->newest_s);
		assert(at + head->source_count * sizeof(double) <= size);
		at = rrdhead_row(head, archive, oldest_s);
		assert(at + head->source_count * sizeof(double) <= size);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rrdhead head;
	char path[32];
	int fd;

	if (size > 65536)
		return 0;
	fd = memfd_create("head", MFD_CLOEXEC);
	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rrdhead_read(path, &head) == 0)
		check(&head, size);
	close(fd);
	return 0;
}
