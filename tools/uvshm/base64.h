/* SPDX-License-Identifier: MIT */

/* Bytes as letters, for JSON and the command line (RFC 4648, with padding). */

#ifndef UVSHM_TOOL_BASE64_H_
#define UVSHM_TOOL_BASE64_H_

#include <stdbool.h>
#include <stddef.h>

/* New memory, for free(). */
char* base64_encode(const void* bytes, size_t size);

/* Into new memory, for free(); also without the padding. false: it is none. */
bool base64_decode(const char* text, void** bytes, size_t* size);

#endif /* UVSHM_TOOL_BASE64_H_ */
