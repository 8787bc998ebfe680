/* SPDX-License-Identifier: MIT */

/* CRC-32C (Castagnoli), as iSCSI and ext4 use it. */

#ifndef UVSHM_TOOL_CHECKSUM_H_
#define UVSHM_TOOL_CHECKSUM_H_

#include <stddef.h>
#include <stdint.h>

/* The sum of all bytes so far and these; 0 to begin with. */
uint32_t checksum(uint32_t sum, const void* bytes, size_t size);

#endif /* UVSHM_TOOL_CHECKSUM_H_ */
