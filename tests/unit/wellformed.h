/* Whether markup is well-formed: for the tests of what the web draws and renders. */
#ifndef VT_TESTS_WELLFORMED_H
#define VT_TESTS_WELLFORMED_H

#include <stdbool.h>

/* Whether text is well-formed: elements nest, attributes are quoted, no stray & or <.
 * html: void elements and attributes without a value are fine. Prints what is not. */
bool is_well_formed(const char *text, bool html);

#endif
