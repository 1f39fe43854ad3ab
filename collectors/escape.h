/* Bytes written as text: "PING\r\n", "\x00\x01". */
#ifndef VT_COLLECTORS_ESCAPE_H
#define VT_COLLECTORS_ESCAPE_H

#include "base/buf.h"

/* Adds the bytes that text stands for. -> 0, or ERR_SYNTAX with what was expected */
int escape_read(const char *text, struct buf *out, char error[256]);

#endif
