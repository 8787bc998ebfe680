/* SPDX-License-Identifier: MIT */

/* The objects that a command line means: their names, what is known of them,
 * and how that is told. */

#ifndef UVSHM_TOOL_NAMES_H_
#define UVSHM_TOOL_NAMES_H_

#include "args.h"
#include "out.h"

#include <stddef.h>

#include <jansson.h>
#include <uvshm.h>

/* UVSHM_SYSTEM, UVSHM_FILE, UVSHM_MANAGED, UVSHM_REGION_FOREIGN, UVSHM_DIR, as
 * the options say. */
uint32_t names_flags(const struct args* args);

/* UVSHM_DIR when --dir was given, else 0; and `name` with the folder before it,
 * valid until the eighth call after. The two go together into a call. */
uint32_t names_where(void);
const char* names_at(const char* name);

/* 0, or EXIT_USAGE after saying that these do not go together. */
int names_check_flags(const struct args* args);

/* All names, sorted, where --dir says. *list is for free(). A UV_E code,
 * nothing said. */
int names_list(uint32_t flags, uvshm_name_info_t** list, size_t* count);

const char* names_kind(uvshm_kind_t kind);
const char* names_lifetime(uvshm_lifetime_t lifetime);

/* "ok", "held by pid 812 (spooler), 1 waiting", "stale: ..."; new memory. */
char* names_state(const uvshm_name_info_t* info);
enum out_style names_state_style(const uvshm_name_info_t* info);

/* "you" or the owner's name, escaped; new memory. */
char* names_owner(const uvshm_name_info_t* info);

/* Milliseconds since it was made; 0 when that is not known. */
uint64_t names_age(const uvshm_name_info_t* info);

/* A member of every list that --json prints. */
json_t* names_json(const uvshm_name_info_t* info);

/* A string for JSON, escaped when it is not UTF-8. */
json_t* json_text(const char* text);

/* A document that says "schema": 1. */
json_t* json_document(void);

/* To stdout; gives `document` back. */
void json_print(json_t* document);

#endif /* UVSHM_TOOL_NAMES_H_ */
