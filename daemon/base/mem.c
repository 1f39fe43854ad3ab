/* Allocation: out of memory ends the process here and nowhere else. */
#include "base/mem.h"

#include <link.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BIG (256 << 10)

static void *
checked(void *pointer)
{
	if (pointer == NULL) {
		fputs("<2>out of memory\n", stderr);
		abort();
	}
	return pointer;
}

void *
mem_alloc(size_t size)
{
	return checked(malloc(size > 0 ? size : 1));
}

void *
mem_zalloc(size_t size)
{
	return checked(calloc(1, size > 0 ? size : 1));
}

void *
mem_array(size_t count, size_t size)
{
	return checked(calloc(count > 0 ? count : 1, size));
}

void *
mem_resize(void *old, size_t count, size_t size)
{
	return checked(reallocarray(old, count > 0 ? count : 1, size));
}

char *
mem_strdup(const char *text)
{
	return text != NULL ? checked(strdup(text)) : NULL;
}

char *
mem_strndup(const char *text, size_t length)
{
	/* Not strndup(): the sanitizers want its text terminated, which ours need not
	 * be. */
	size_t n = strnlen(text, length);
	char *copy = mem_alloc(n + 1);

	memcpy(copy, text, n);
	copy[n] = '\0';
	return copy;
}

char *
mem_vprintf(const char *format, va_list ap)
{
	char *text;

	return checked(vasprintf(&text, format, ap) < 0 ? NULL : text);
}

char *
mem_printf(const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = mem_vprintf(format, ap);
	va_end(ap);
	return text;
}

void *
mem_dup(const void *data, size_t size)
{
	return memcpy(mem_alloc(size), data, size);
}

/* Set at all, the bound no longer grows with what is freed. */
void
mem_set_up(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, BIG);
}

/* Segments that nobody may write hold what their file holds: to drop their pages
 * loses nothing. Relocated tables lie in segments that could be written. */
static int
release_segments(struct dl_phdr_info *object, size_t size, void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from, to;
	const ElfW(Phdr) * segment;
	int i;

	for (i = 0; i < object->dlpi_phnum; i++) {
		segment = &object->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0)
			continue;
		from = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
		to = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void
mem_release_start(void)
{
	(void)dl_iterate_phdr(release_segments, NULL);
}
