/* Error codes to text. */
#include "base/err.h"

#include <string.h>

const char *
err_text(int code)
{
	switch (code) {
	case 0:
		return "success";
	case ERR_RANGE:
		return "value out of range";
	case ERR_SYNTAX:
		return "syntax error";
	case ERR_FULL:
		return "full";
	case ERR_NOT_FOUND:
		return "not found";
	case ERR_EXISTS:
		return "exists already";
	case ERR_CLOSED:
		return "shutting down";
	case ERR_DAMAGED:
		return "damaged";
	case ERR_LIBRARY:
		return "library error";
	}
	if (code < 0 && code > ERR_RANGE) {
		const char *text = strerrordesc_np(-code);
		if (text != NULL)
			return text;
	}
	return "unknown error";
}
