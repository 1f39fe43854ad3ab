/* store/quantile: against what sorting says. */
#include "unit.h"

#include "base/mem.h"
#include "store/quantile.h"

#define assert_same(a, b) assert_true((a) == (b))

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
quantiles_are_nearest_rank(void **state)
{
	static const unsigned wanted[] = {0, 1, 500, 950, 990, 999, 1000};
	double values[500], sorted[500];
	unsigned seed = 1;
	size_t n, i, j, rank;

	for (i = 0; i < 20; i++)
		values[i] = 20 - (double)i;
	assert_same(quantile_nearest(values, 20, 500), 10);
	assert_same(quantile_nearest(values, 20, 950), 19);
	assert_same(quantile_nearest(values, 20, 990), 20);
	values[0] = 7;
	assert_same(quantile_nearest(values, 1, 500), 7);
	for (n = 1; n <= 500; n += 7) {
		for (i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			values[i] = sorted[i] = (seed >> 16) % (n % 3 == 0 ? 5 : 10000);
		}
		qsort(sorted, n, sizeof(*sorted), compare);
		for (j = 0; j < ARRAY_LENGTH(wanted); j++) {
			rank = (n * wanted[j] + 999) / 1000;
			assert_same(quantile_nearest(values, n, wanted[j]),
			    sorted[rank > 0 ? rank - 1 : 0]);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(quantiles_are_nearest_rank),
	};

	return cmocka_run_group_tests_name("quantile", tests, NULL, NULL);
}
