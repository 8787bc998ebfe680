/* SPDX-License-Identifier: MIT */

/* The memory of other programs, for `uvshm ls --foreign` and `uvshm doctor`. */

#ifndef UVSHM_TOOL_LS_FOREIGN_H_
#define UVSHM_TOOL_LS_FOREIGN_H_

#include "args.h"

#include <stddef.h>
#include <stdint.h>

#include <uvshm.h>

int ls_foreign(const struct args* args);

/* All of it. *list is for free(). A UV_E code, nothing said. */
int foreign_list(uint32_t flags, uvshm_foreign_info_t** list, size_t* count);

/* The process that has another object which had this name before; 0: nobody
 * that can be seen. */
uint32_t foreign_ousted(const char* name);

#endif /* UVSHM_TOOL_LS_FOREIGN_H_ */
