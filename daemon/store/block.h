/*
 * Rows of one series that wait for their round-robin database: times, values, and of
 * which generations of the journal they are. Times and values may be read by another
 * thread while the parts are changed here.
 */
#ifndef VT_STORE_BLOCK_H
#define VT_STORE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

struct block_part {
	uint32_t generation;
	size_t rows; /* so many rows in a row */
};

struct block {
	size_t count, width; /* rows, values in a row */
	int64_t *times_s;
	double *values;
	size_t part_count;
	struct block_part *parts;
	size_t capacity; /* rows */
};

struct block *block_create(size_t width);
void block_destroy(struct block *block);
void block_add(struct block *block, int64_t time_s, const double *values, uint32_t generation);
/* Counts rows, the last ones, as of this generation: for block_add() and to mend. */
void block_add_part(struct block *block, uint32_t generation, size_t rows);
/* Adds the rows of tail after those of block and destroys tail; either may be NULL.
 * -> what holds both. */
struct block *block_join(struct block *block, struct block *tail);
/* Memory that a row of this width counts for. */
size_t block_row_bytes(size_t width);

#endif
