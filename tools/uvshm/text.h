/* SPDX-License-Identifier: MIT */

/* Text for people: sizes, ages, names that may hold anything. */

#ifndef UVSHM_TOOL_TEXT_H_
#define UVSHM_TOOL_TEXT_H_

#include "out.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that is there, or the program ends with exit code 1. */
void* text_alloc(size_t size);
void* text_resize(void* memory, size_t size);
char* text_copy(const char* text);

/* printf into new memory, for free(). */
char* text_format(const char* format, ...) OUT_PRINTF(1, 2);
char* text_vformat(const char* format, va_list args);

/* `size` bytes of foreign text, safe for a terminal: control characters, bytes
 * that are not UTF-8 and characters that turn or hide their neighbours become
 * \xNN. A backslash stays, for the sake of paths on Windows: the result is for
 * eyes, not for taking apart again. New memory, for free(). */
char* text_escape_bytes(const void* bytes, size_t size);
char* text_escape(const char* text);

/* The bytes of the UTF-8 character at `text`, at most `size`, and its number in
 * *point; 0 when it is none. */
size_t text_character(const char* text, size_t size, uint32_t* point);

/* How many columns of a terminal it takes. Escaped text. */
int text_width(const char* text);

/* The first `width` columns of it, the last one "..." (one character) when
 * something was cut off. New memory. */
char* text_cut(const char* text, int width);

/* Does `name` match `pattern`, with *, ? and [a-z]? */
bool text_match(const char* pattern, const char* name);

/* 212K, 1.0G; with `exact` all digits. `text` has room for 24 bytes. */
#define TEXT_SIZE_ROOM 24
void text_size(char* text, uint64_t size, bool exact);

/* 5s, 12m, 3h, 2d: for a duration. Room as above. */
void text_age(char* text, uint64_t ms);

/* Bytes, decimal, as networks and disks are told: 1.8 GB. Room as above. */
void text_rate(char* text, double bytes);

/* 4096, 64K, 1.5G, 0x1000. K is 1024. false: it is none. */
bool text_parse_size(const char* text, uint64_t* size);
/* Decimal or 0x..., up to `max`. */
bool text_parse_number(const char* text, uint64_t max, uint64_t* number);
/* Permission bits, octal, up to 0777. */
bool text_parse_mode(const char* text, uint64_t* mode);
/* 5, 0.25 -> milliseconds. */
bool text_parse_seconds(const char* text, uint64_t* ms);

#endif /* UVSHM_TOOL_TEXT_H_ */
