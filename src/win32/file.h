/* SPDX-License-Identifier: MIT */

/* What the files about files share: port_file.c (one file), port_keep.c (the
 * folder of those that uvshm keeps), port_grow.c (the bytes). */

#ifndef UVSHM_WIN32_FILE_H_
#define UVSHM_WIN32_FILE_H_

#include "win32.h"

int uvshm__win_file_resize(HANDLE file, uint64_t size);

/* Write zeros over [from, to), so that it takes room on the disk from now on.
 * On an error the room is given back. */
int uvshm__win_file_zero(HANDLE file, uint64_t from, uint64_t to);

/* Delete files that match `mask` (a path with wildcards), end in .new or .gone,
 * and are open nowhere. */
void uvshm__win_sweep(const wchar_t* mask);

#endif /* UVSHM_WIN32_FILE_H_ */
