/*
 * The assets compiled in: they can be found, their names are sorted, their public
 * paths unlike, and the style names the fonts as they are served.
 */
#include "unit.h"

#include <string.h>

#include "dashboards/assets.h"

static void
finds_by_name_and_path(void **state)
{
	const struct asset *style = assets_find("style.css");

	assert_non_null(style);
	assert_non_null(style->path);
	assert_ptr_equal(assets_find_path(style->path), style);
	assert_string_equal(style->type, "text/css; charset=utf-8");
	assert_null(assets_find("style"));
	assert_null(assets_find(""));
	assert_null(assets_find_path("/assets/style.css"));
	assert_null(assets_find_path(""));
}

static void
is_sorted_and_whole(void **state)
{
	const struct asset *asset;
	size_t i;

	assert_true(assets_count > 8);
	for (i = 0; i < assets_count; i++) {
		asset = &assets_list[i];
		assert_ptr_equal(assets_find(asset->name), asset);
		assert_true(i == 0 || strcmp(assets_list[i - 1].name, asset->name) < 0);
		assert_true(asset->length > 0);
		assert_int_equal(asset->data[asset->length], '\0');
		assert_true(asset->gzip == NULL || asset->gzip_length < asset->length);
		assert_true(
		    asset->brotli == NULL || asset->brotli_length < asset->length);
		if (asset->path == NULL)
			continue;
		assert_true(strncmp(asset->path, "/assets/", 8) == 0);
		assert_ptr_equal(assets_find_path(asset->path), asset);
	}
}

/* The bytes survived the way through a C literal: gzip's and woff2's first and the
 * text's last are where they belong. */
static void
holds_the_bytes(void **state)
{
	const struct asset *style = assets_find("style.css");
	const struct asset *font = assets_find("titillium-400.woff2");
	const struct asset *icon = assets_find("favicon.svg");
	const char *base;

	assert_memory_equal(style->gzip, "\x1f\x8b\x08", 3);
	assert_memory_equal(font->data, "wOF2", 4);
	assert_null(font->gzip);
	assert_non_null(
	    strstr((const char *)style->data, "--bootstrap-italia-version"));
	base = strrchr(font->path, '/') + 1;
	assert_non_null(strstr((const char *)style->data, base));
	assert_memory_equal(icon->data + icon->length - 7, "</svg>\n", 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_by_name_and_path),
	    cmocka_unit_test(is_sorted_and_whole),
	    cmocka_unit_test(holds_the_bytes),
	};

	return cmocka_run_group_tests_name("assets", tests, NULL, NULL);
}
