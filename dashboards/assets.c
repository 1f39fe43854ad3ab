/*
 * Finding an asset. The list is sorted by name and short: by name it is halved, by
 * path it is read through.
 */
#include "dashboards/assets.h"

#include <stdlib.h>
#include <string.h>

static int
compare_name(const void *name, const void *asset)
{
	return strcmp(name, ((const struct asset *)asset)->name);
}

const struct asset *
assets_find(const char *name)
{
	return bsearch(
	    name, assets_list, assets_count, sizeof(assets_list[0]), compare_name);
}

const struct asset *
assets_find_path(const char *path)
{
	size_t i;

	for (i = 0; i < assets_count; i++)
		if (assets_list[i].path != NULL &&
		    strcmp(assets_list[i].path, path) == 0)
			return &assets_list[i];
	return NULL;
}
