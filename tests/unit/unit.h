/* What every unit test includes: cmocka in the order that it wants. */
#ifndef VT_TESTS_UNIT_H
#define VT_TESTS_UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#endif
