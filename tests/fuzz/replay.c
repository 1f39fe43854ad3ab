/*
 * Feeds a fuzzer every file of the folders (or files) named: how make check replays
 * the seeds where there is no libFuzzer. Arguments that begin with - are libFuzzer's
 * and ignored.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
feed_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct buf buf = BUF_INIT;
	uint8_t *exact;
	char data[4096];
	size_t n;

	if (file == NULL) {
		perror(path);
		return -1;
	}
	while ((n = fread(data, 1, sizeof(data), file)) > 0)
		buf_add(&buf, data, n);
	fclose(file);
	/* Exactly as large, so that the sanitizer sees the first byte beyond. */
	exact = mem_alloc(buf.length > 0 ? buf.length : 1);
	if (buf.length > 0)
		memcpy(exact, buf.data, buf.length);
	LLVMFuzzerTestOneInput(exact, buf.length);
	free(exact);
	buf_free(&buf);
	return 1;
}

static int
feed(const char *path)
{
	struct stat st;
	struct dirent *entry;
	DIR *dir;
	int count = 0, n;
	char *inner;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return feed_file(path);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	while (count >= 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		inner = mem_printf("%s/%s", path, entry->d_name);
		n = feed_file(inner);
		count = n < 0 ? n : count + n;
		free(inner);
	}
	closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	int i, n, count = 0;

	for (i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			continue;
		n = feed(argv[i]);
		if (n < 0)
			return 1;
		count += n;
	}
	printf("%s: %d inputs\n", argv[0], count);
	return count > 0 ? 0 : 1;
}
