/* Files of the journal: all calls that may block. */
#include "store/journalfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define NAME JOURNALFILE_NAME
#define NAME_SIZE 32
#define NUMBER_MAX (UINT32_MAX / 2)
#define FILE_MAX (INT64_C(1) << 30)

static void
name_of(uint32_t number, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, NAME ".%u", number);
}

char *
journalfile_path(const char *path, uint32_t number)
{
	return mem_printf("%s/" NAME ".%u", path, number);
}

int64_t
journalfile_size(int folder, uint32_t number)
{
	char name[NAME_SIZE];
	struct stat st;

	name_of(number, name);
	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : 0;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void
add_number(uint32_t **numbers, size_t *count, uint32_t number)
{
	*numbers = mem_resize(*numbers, *count + 1, sizeof(**numbers));
	(*numbers)[(*count)++] = number;
}

static bool
is_regular(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode);
}

static int
find_numbers(int folder, uint32_t **numbers, size_t *count)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	char name[NAME_SIZE];
	int64_t number;

	if (entries == NULL) {
		int error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	while ((entry = readdir(entries)) != NULL) {
		if (strncmp(entry->d_name, NAME ".", sizeof(NAME)) != 0 ||
		    text_integer(entry->d_name + sizeof(NAME), &number) != 0 ||
		    number < 1 || number >= NUMBER_MAX)
			continue;
		name_of((uint32_t)number, name); /* only as we write it */
		if (strcmp(entry->d_name, name) == 0 && is_regular(folder, name))
			add_number(numbers, count, (uint32_t)number);
	}
	closedir(entries);
	if (*count > 0)
		qsort(*numbers, *count, sizeof(**numbers), by_number);
	return 0;
}

/* The last run's pending.log becomes the newest of the older ones. */
static int
number_last(int folder, uint32_t **numbers, size_t *count)
{
	int fd = openat(folder, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int error;
	uint32_t newest = *count > 0 ? (*numbers)[*count - 1] : 0, number = 0;
	char head[RECORD_HEAD_SIZE];

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!is_regular(folder, NAME)) {
		close(fd);
		log_error(NAME ": is not a file");
		return ERR_DAMAGED;
	}
	if (pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head))
		number = record_generation(head, sizeof(head));
	close(fd);
	if (number <= newest || number >= NUMBER_MAX)
		number = newest + 1;
	error = journalfile_rename(folder, number);
	if (error == 0)
		add_number(numbers, count, number);
	return error;
}

static int
open_folder(const char *path)
{
	char *copy = mem_strdup(path), *slash;
	int folder, error;

	for (slash = strchr(copy + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, 0750); /* the open below tells */
		*slash = '/';
	}
	free(copy);
	(void)mkdir(path, 0750);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	if (flock(folder, LOCK_EX | LOCK_NB) == 0)
		return folder;
	error = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(folder);
	return error;
}

int
journalfile_open(const char *path, int *folder, uint32_t **numbers, size_t *count)
{
	int fd = open_folder(path), error;

	*numbers = NULL;
	*count = 0;
	if (fd < 0)
		return fd;
	error = find_numbers(fd, numbers, count);
	if (error == 0)
		error = number_last(fd, numbers, count);
	if (error == 0) {
		*folder = fd;
		return 0;
	}
	free(*numbers);
	*numbers = NULL;
	close(fd);
	return error;
}

static int
write_all(struct journalfile_commit *commit, const struct buf *bytes)
{
	size_t done = 0;
	ssize_t n;

	while (done < bytes->length) {
		n = pwrite(commit->fd, bytes->data + done, bytes->length - done,
		    commit->length + (int64_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		done += (size_t)n;
	}
	commit->length += (int64_t)done;
	return 0;
}

static int
make_file(struct journalfile_commit *commit)
{
	struct buf head = BUF_INIT;
	int error;

	if (commit->previous != 0) {
		error = journalfile_rename(commit->folder, commit->previous);
		if (error != 0 && error != -ENOENT)
			return error;
		commit->renamed = true;
	}
	commit->length = 0;
	commit->fd = openat(commit->folder, NAME,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	if (commit->fd < 0)
		return -errno;
	/* Where the file system cannot tell, the write will. */
	if (commit->reserve > 0 &&
	    fallocate(commit->fd, FALLOC_FL_KEEP_SIZE, 0, commit->reserve) != 0 &&
	    (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
		return -errno;
	record_add_head(&head, commit->generation);
	error = write_all(commit, &head);
	buf_free(&head);
	if (error == 0 && fsync(commit->folder) != 0)
		error = -errno;
	return error;
}

void
journalfile_commit(struct journalfile_commit *commit)
{
	bool made = commit->fd < 0;
	int64_t good = commit->length;

	commit->error = made ? make_file(commit) : 0;
	if (commit->error == 0)
		commit->error = write_all(commit, &commit->bytes);
	if (commit->error == 0 && (commit->sync || made) && fdatasync(commit->fd) != 0)
		commit->error = -errno;
	if (commit->error == 0 || commit->fd < 0)
		return;
	/* Should this fail too, the replay finds a torn tail. */
	if (made)
		(void)unlinkat(commit->folder, NAME, 0);
	else if (ftruncate(commit->fd, good) != 0)
		commit->length = good;
	close(commit->fd);
	commit->fd = -1;
}

int
journalfile_rename(int folder, uint32_t number)
{
	char name[NAME_SIZE];

	name_of(number, name);
	return renameat(folder, NAME, folder, name) == 0 ? 0 : -errno;
}

int
journalfile_remove(int folder, const uint32_t *numbers, size_t count)
{
	char name[NAME_SIZE];
	int error = 0;
	size_t i;

	if (syncfs(folder) != 0)
		return -errno;
	for (i = count; i-- > 0;) {
		name_of(numbers[i], name);
		if (unlinkat(folder, name, 0) != 0 && errno != ENOENT)
			error = -errno;
	}
	return error;
}

int
journalfile_read(
    const char *path, const struct record_reader *reader, struct record_stats *stats)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), error = 0;
	struct stat st;
	size_t size, have = 0;
	char *bytes;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return ERR_DAMAGED;
	}
	size = (size_t)(st.st_size < FILE_MAX ? st.st_size : FILE_MAX);
	bytes = mem_alloc(size);
	while (have < size && n > 0) {
		n = pread(fd, bytes + have, size - have, (off_t)have);
		if (n < 0)
			error = -errno;
		else
			have += (size_t)n;
	}
	close(fd);
	record_read(bytes, have, reader, stats);
	free(bytes);
	return error;
}
