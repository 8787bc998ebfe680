/* SPDX-License-Identifier: MIT */

/* The words of the command line in UTF-8, as all names are. On POSIX they are
 * given so (posix/argv.c); on Windows main() gets them in the code page of the
 * user, which cannot hold all names, so they are asked for again
 * (win32/argv.c). CMake takes one of the two. */

#ifndef UVSHM_TOOL_ARGV_H_
#define UVSHM_TOOL_ARGV_H_

char** argv_utf8(int* argc, char** argv);

#endif /* UVSHM_TOOL_ARGV_H_ */
