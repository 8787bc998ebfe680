/* SPDX-License-Identifier: MIT */

/* Read before every file that scripts/msvc-check.sh compiles: takes in the
 * system's headers (mingw's, which need gcc's words) and then takes away what
 * Visual C++ does not have, so that using it is an error.
 */

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"

#include <stddef.h>
#undef __MINGW_IMPORT
#define __MINGW_IMPORT extern __declspec(dllimport)
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <io.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <wchar.h>

#include <winsock2.h>
#include <windows.h>
#include <winioctl.h>
#include <winternl.h>
#include <aclapi.h>
#include <sddl.h>

#include <intrin.h>
#include <uv.h>
#if __has_include(<jansson.h>) /* the tool's */
# include <jansson.h>
#endif

#undef strcasecmp
#undef strncasecmp
#undef alloca
#undef __attribute__
#undef __forceinline
#undef __inline

/* Words of the compiler. */
#pragma GCC poison __attribute__ __attribute typeof __typeof __typeof__
#pragma GCC poison __extension__ __asm __asm__ asm
#pragma GCC poison __int128 __int128_t __uint128_t _Atomic _Complex

/* Its functions. */
#pragma GCC poison __atomic_load_n __atomic_store_n __atomic_load
#pragma GCC poison __atomic_store __atomic_exchange_n
#pragma GCC poison __atomic_compare_exchange_n __atomic_fetch_add
#pragma GCC poison __atomic_fetch_sub __atomic_fetch_or __atomic_fetch_and
#pragma GCC poison __atomic_add_fetch __atomic_thread_fence
#pragma GCC poison __atomic_signal_fence
#pragma GCC poison __sync_fetch_and_add __sync_synchronize
#pragma GCC poison __sync_bool_compare_and_swap __sync_val_compare_and_swap
#pragma GCC poison __sync_lock_test_and_set
#pragma GCC poison __builtin_expect __builtin_unreachable __builtin_trap
#pragma GCC poison __builtin_clz __builtin_clzll __builtin_ctz __builtin_ctzll
#pragma GCC poison __builtin_popcount __builtin_popcountll
#pragma GCC poison __builtin_add_overflow __builtin_mul_overflow
#pragma GCC poison __builtin_memcpy __builtin_ia32_pause
#pragma GCC poison __builtin_bswap32 __builtin_bswap64

/* POSIX that mingw has and Visual C++ has not. */
#pragma GCC poison pthread_mutex_t pthread_create usleep sleep
#pragma GCC poison strcasecmp strncasecmp strndup clock_gettime gettimeofday
#pragma GCC poison ftruncate alloca

#undef __GNUC__
#undef __GNUC_MINOR__
#undef __clang__
#undef __MINGW32__
#undef __MINGW64__
#undef __MINGW64_VERSION_MAJOR
#undef __MINGW_PRINTF_FORMAT
#define __STDC_NO_ATOMICS__ 1
#define __STDC_NO_THREADS__ 1
#define __STDC_NO_VLA__ 1

#pragma clang diagnostic pop
