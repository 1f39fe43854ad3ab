/* loop/certificate: what is told of a certificate in DER, whoever made it. */
#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "loop/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *at = data;
	char text[CERTIFICATE_TEXT];
	X509 *x509 = d2i_X509(NULL, &at, (long)size);

	if (x509 != NULL) {
		certificate_subject(x509, text);
		assert(text_is_utf8(text, strlen(text)));
		certificate_names(x509, text);
		assert(text_is_utf8(text, strlen(text)));
		(void)certificate_begins_s(x509);
		(void)certificate_ends_s(x509);
		X509_free(x509);
	}
	ERR_clear_error();
	return 0;
}
