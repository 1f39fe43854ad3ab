/* Pending rows: arrays that double. */
#include "store/block.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FIRST_ROWS 16

struct block *
block_create(size_t width)
{
	struct block *block = mem_zalloc(sizeof(*block));

	block->width = width;
	return block;
}

void
block_destroy(struct block *block)
{
	if (block == NULL)
		return;
	free(block->times_s);
	free(block->values);
	free(block->parts);
	free(block);
}

static void
reserve(struct block *block, size_t rows)
{
	if (rows <= block->capacity)
		return;
	block->capacity = block->capacity > 0 ? 2 * block->capacity : FIRST_ROWS;
	if (block->capacity < rows)
		block->capacity = rows;
	block->times_s =
	    mem_resize(block->times_s, block->capacity, sizeof(*block->times_s));
	block->values = mem_resize(
	    block->values, block->capacity, block->width * sizeof(*block->values));
}

void
block_add_part(struct block *block, uint32_t generation, size_t rows)
{
	struct block_part *last = block->parts + block->part_count;

	if (block->part_count > 0 && last[-1].generation == generation) {
		last[-1].rows += rows;
		return;
	}
	block->parts =
	    mem_resize(block->parts, block->part_count + 1, sizeof(*block->parts));
	block->parts[block->part_count].generation = generation;
	block->parts[block->part_count].rows = rows;
	block->part_count++;
}

void
block_add(
    struct block *block, int64_t time_s, const double *values, uint32_t generation)
{
	reserve(block, block->count + 1);
	block->times_s[block->count] = time_s;
	memcpy(block->values + block->count * block->width, values,
	    block->width * sizeof(*values));
	block->count++;
	block_add_part(block, generation, 1);
}

struct block *
block_join(struct block *block, struct block *tail)
{
	size_t i;

	if (block == NULL || tail == NULL)
		return block != NULL ? block : tail;
	assert(block->width == tail->width);
	reserve(block, block->count + tail->count);
	memcpy(block->times_s + block->count, tail->times_s,
	    tail->count * sizeof(*tail->times_s));
	memcpy(block->values + block->count * block->width, tail->values,
	    tail->count * tail->width * sizeof(*tail->values));
	block->count += tail->count;
	for (i = 0; i < tail->part_count; i++)
		block_add_part(block, tail->parts[i].generation, tail->parts[i].rows);
	block_destroy(tail);
	return block;
}

size_t
block_row_bytes(size_t width)
{
	return sizeof(int64_t) + width * sizeof(double);
}
