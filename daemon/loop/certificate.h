/* The certificate that a server has shown. */
#ifndef VT_LOOP_CERTIFICATE_H
#define VT_LOOP_CERTIFICATE_H

#include <stdint.h>

/* ssl: OpenSSL's SSL. -> when its peer's certificate expires, in seconds since 1970;
 * 0: there is none, or it does not say */
int64_t certificate_expires_s(void *ssl);

#endif
