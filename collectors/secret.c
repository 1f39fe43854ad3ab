/* Secrets in files. Whether a file changed is told by its inode, size and time. */
#include "collectors/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define SECRET_MAX 65536

struct secret {
	char *path;
	struct stat seen;
	char *text; /* NULL: not read yet, or not any more */
};

struct secret *
secret_create(const char *path)
{
	struct secret *secret = mem_zalloc(sizeof(*secret));

	secret->path = mem_strdup(path);
	return secret;
}

static void
forget(struct secret *secret)
{
	if (secret->text == NULL)
		return;
	explicit_bzero(secret->text, strlen(secret->text));
	free(secret->text);
	secret->text = NULL;
}

void
secret_destroy(struct secret *secret)
{
	if (secret == NULL)
		return;
	forget(secret);
	free(secret->path);
	free(secret);
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* -> NULL, or what is wrong with what was read; ends the text */
static const char *
finish(char *text, size_t length)
{
	const char *p;

	if (length > SECRET_MAX)
		return "it is over 64 KiB";
	text[length] = '\0';
	if (strlen(text) != length)
		return "it holds a NUL";
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		text[--length] = '\0';
	if (length == 0)
		return "it is empty";
	for (p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "it holds a control character, or a second line";
	return NULL;
}

static const char *
read_file(struct secret *secret, int fd)
{
	char *text = mem_alloc(SECRET_MAX + 2);
	const char *wrong;
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, text + length, SECRET_MAX + 1 - length)) > 0)
		length += n;
	wrong = n < 0 ? strerror(errno) : finish(text, length);
	if (wrong == NULL)
		secret->text = mem_strdup(text);
	explicit_bzero(text, SECRET_MAX + 2);
	free(text);
	return wrong;
}

const char *
secret_get(struct secret *secret, char error[256])
{
	const char *wrong = NULL;
	struct stat now;
	int fd;

	if (secret->text != NULL && stat(secret->path, &now) == 0 &&
	    is_same(&now, &secret->seen))
		return secret->text;
	forget(secret);
	/* NONBLOCK: a FIFO in its place must not hold the loop. */
	fd = open(secret->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		wrong = strerror(errno);
	} else {
		if (fstat(fd, &secret->seen) != 0)
			wrong = strerror(errno);
		else if (!S_ISREG(secret->seen.st_mode))
			wrong = "it is no regular file";
		else
			wrong = read_file(secret, fd);
		close(fd);
	}
	if (wrong != NULL)
		snprintf(error, 256, "cannot read the secret in %.150s: %s",
		    secret->path, wrong);
	return secret->text;
}
