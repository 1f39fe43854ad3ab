/*
 * The copy is a fixed struct, the path, the bytes, written at once with a sum over
 * all, so that one that was itself interrupted is not believed; then there was no
 * update yet. Ending an update overwrites the first word.
 */
#include "store/rrdguard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/rrdhead.h"

#define NAME "update.undo"
#define IN_PROGRESS 0x6f646e75u
#define COPY_MAX (1 << 20)
#define ROOM 65536 /* a copy of ten data sources takes 12000 */
#define LOG_US (60 * CLOCK_SECOND)

struct copy {
	uint32_t state; /* IN_PROGRESS, or nothing */
	uint32_t path_length;
	uint64_t sum; /* of all that follows */
	uint64_t device, inode;
	uint64_t offset, length; /* of the bytes in the database */
};

struct rrdguard {
	int fd;
	struct buf copy; /* kept for its memory */
	struct log_limit limit;
};

static uint64_t
sum_of(const char *copy, size_t length)
{
	size_t from = offsetof(struct copy, device);

	return text_hash(copy + from, length - from, TEXT_HASH_SEED);
}

static int
write_back(const struct copy *copy, const char *path, const char *bytes)
{
	struct rrdhead head;
	struct stat st;
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		error = -errno;
	else if (st.st_dev != copy->device || st.st_ino != copy->inode)
		error = ERR_NOT_FOUND; /* replaced since: not what was being updated */
	else
		error = rrdhead_read(path, &head);
	if (error == 0 &&
	    (head.live_offset != copy->offset || head.live_length != copy->length))
		error = ERR_DAMAGED;
	if (error == 0 && pwrite(fd, bytes, copy->length, (off_t)copy->offset) !=
			      (ssize_t)copy->length)
		error = -EIO;
	close(fd);
	return error;
}

static void
put_back(const char *bytes, size_t length)
{
	struct copy copy;
	char *path;
	int error;

	if (length < sizeof(copy))
		return;
	memcpy(&copy, bytes, sizeof(copy));
	if (copy.state != IN_PROGRESS || copy.path_length > length - sizeof(copy) ||
	    copy.length > length - sizeof(copy) - copy.path_length)
		return;
	length = sizeof(copy) + copy.path_length + copy.length;
	if (copy.sum != sum_of(bytes, length))
		return;
	path = mem_strndup(bytes + sizeof(copy), copy.path_length);
	error = write_back(&copy, path, bytes + sizeof(copy) + copy.path_length);
	if (error == 0)
		log_info(
		    "%s: an update was interrupted: undone, to be done again", path);
	else
		log_error("%s: an interrupted update cannot be undone: %s", path,
		    err_text(error));
	free(path);
}

static int
clear(struct rrdguard *guard)
{
	static const uint32_t nothing;

	return pwrite(guard->fd, &nothing, sizeof(nothing), 0) == sizeof(nothing)
		   ? 0
		   : -EIO;
}

int
rrdguard_open(const char *folder, struct rrdguard **out)
{
	char *path = mem_printf("%s/" NAME, folder), *bytes;
	struct rrdguard *guard = mem_zalloc(sizeof(*guard));
	ssize_t n;
	int error;

	guard->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	error = guard->fd < 0 ? -errno : 0;
	free(path);
	if (error != 0) {
		free(guard);
		return error;
	}
	bytes = mem_alloc(COPY_MAX);
	n = pread(guard->fd, bytes, COPY_MAX, 0);
	if (n > 0)
		put_back(bytes, (size_t)n);
	free(bytes);
	if (n > 0)
		(void)clear(guard); /* else it is put back again: it does no harm */
	(void)posix_fallocate(
	    guard->fd, 0, ROOM); /* so that a full disk does not matter */
	*out = guard;
	return 0;
}

void
rrdguard_close(struct rrdguard *guard)
{
	if (guard == NULL)
		return;
	close(guard->fd);
	buf_free(&guard->copy);
	free(guard);
}

static int
take_copy(struct rrdguard *guard, const char *path, int fd)
{
	struct copy copy = {
	    .state = IN_PROGRESS, .path_length = (uint32_t)strlen(path)};
	struct buf *out = &guard->copy;
	struct rrdhead head;
	struct stat st;
	int error = rrdhead_read(path, &head);

	if (error != 0)
		return error;
	if (fstat(fd, &st) != 0)
		return -errno;
	copy.device = st.st_dev;
	copy.inode = st.st_ino;
	copy.offset = head.live_offset;
	copy.length = head.live_length;
	buf_clear(out);
	buf_add(out, &copy, sizeof(copy));
	buf_add(out, path, copy.path_length);
	buf_reserve(out, head.live_length);
	if (pread(fd, out->data + out->length, head.live_length,
		(off_t)head.live_offset) != (ssize_t)head.live_length)
		return -EIO;
	out->length += head.live_length;
	if (out->length > COPY_MAX)
		return ERR_RANGE;
	copy.sum = sum_of(out->data, out->length);
	memcpy(out->data, &copy, sizeof(copy));
	return 0;
}

int
rrdguard_begin(struct rrdguard *guard, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), error;
	unsigned long held;
	ssize_t n;

	if (fd < 0)
		return -errno;
	error = take_copy(guard, path, fd);
	close(fd);
	if (error != 0)
		return error;
	n = pwrite(guard->fd, guard->copy.data, guard->copy.length, 0);
	if (n == (ssize_t)guard->copy.length)
		return 0;
	/* Better a small risk than no update: the room was there when it was asked. */
	if (log_limited(&guard->limit, LOG_US, &held))
		log_error(NAME ": %s: updates are not safe from kill -9 (%lu more)",
		    err_text(n < 0 ? -errno : -ENOSPC), held);
	(void)clear(guard);
	return 0;
}

void
rrdguard_end(struct rrdguard *guard)
{
	if (clear(guard) != 0)
		log_error(NAME ": cannot be cleared");
}
