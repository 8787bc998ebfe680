/* SPDX-License-Identifier: MIT */

/* One line that changes, on stderr, where somebody sees it:
 *
 *   1.8 GB  3.1 GB/s  [##########     ] 64 %  ETA 12s
 */

#ifndef UVSHM_TOOL_PROGRESS_H_
#define UVSHM_TOOL_PROGRESS_H_

#include <stdint.h>

/* `total` 0: not known. `started_ns` is of uv_hrtime(). */
void progress_show(uint64_t done, uint64_t total, uint64_t started_ns);

/* Take the line away again. */
void progress_clear(void);

#endif /* UVSHM_TOOL_PROGRESS_H_ */
