/*
 * Selection by partition (Hoare's), the pivot being the median of three. Values that
 * have been asked for before are partly in order, which costs nothing more.
 */
#include "store/quantile.h"

#include "base/mem.h"

static double
median_of_three(double a, double b, double c)
{
	if (a > b)
		return c > a ? a : c > b ? c : b;
	return c > b ? b : c > a ? c : a;
}

double
quantile_nearest(double *values, size_t n, unsigned per_mille)
{
	ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, wanted, i, j;

	assert(n > 0 && per_mille <= 1000);
	wanted = (ptrdiff_t)((n * per_mille + 999) / 1000) - 1;
	if (wanted < 0)
		wanted = 0;
	while (low < high) {
		double pivot = median_of_three(
		    values[low], values[low + (high - low) / 2], values[high]);
		i = low;
		j = high;
		while (i <= j) {
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i > j)
				break;
			double swap = values[i];
			values[i++] = values[j];
			values[j--] = swap;
		}
		if (wanted <= j)
			high = j;
		else if (wanted >= i)
			low = i;
		else
			break;
	}
	return values[wanted];
}
