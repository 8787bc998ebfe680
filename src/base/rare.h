/* SPDX-License-Identifier: MIT */

/* UVSHM__RARE marks the long way of a function whose usual way is a few
 * instructions. Merged into it by the compiler, the long way would have the
 * short one save and restore registers that only the long one needs.
 * UVSHM__APART is the same for a long way that is not rare. Rare is also what
 * happens once to an object, such as its opening, in a file that is compiled
 * for speed (cmake/uvshm-library.cmake): it is compiled for size.
 *
 * UVSHM__USUAL marks a function that is part of such a usual way and called
 * from more places than one, so that compilers would leave it out of line.
 *
 * UVSHM__AT_LINE marks a function that begins at a cache line, because its few
 * instructions take a sixth longer when they lie badly.
 *
 * UVSHM__PREFETCH(address) brings a cache line nearer that is read soon,
 * UVSHM__PREFETCH_WRITE() one that is written soon: it takes the line away from
 * all other processors. */

#ifndef UVSHM_BASE_RARE_H_
#define UVSHM_BASE_RARE_H_

#if (defined(_MSC_VER) && !defined(__clang__)) || defined(UVSHM__MSVC_RULES)
# define UVSHM__RARE __declspec(noinline)
# define UVSHM__APART __declspec(noinline)
# define UVSHM__USUAL inline
# define UVSHM__AT_LINE
# define UVSHM__PREFETCH(address) ((void) (address))
# define UVSHM__PREFETCH_WRITE(address) ((void) (address))
#else
# define UVSHM__RARE __attribute__((cold, noinline))
# define UVSHM__APART __attribute__((noinline))
# define UVSHM__USUAL inline __attribute__((always_inline))
# define UVSHM__AT_LINE __attribute__((aligned(64)))
# define UVSHM__PREFETCH(address) __builtin_prefetch(address)
# if defined(__x86_64__)
/* Compilers take the plain prefetch, which fetches for reading, when they are
 * not told of a newer processor. Those that do not know it do nothing. */
#  define UVSHM__PREFETCH_WRITE(address)                                       \
   __asm__("prefetchw %0" : : "m"(*(const char*) (address)))
# else
#  define UVSHM__PREFETCH_WRITE(address) __builtin_prefetch(address, 1)
# endif
#endif

#endif /* UVSHM_BASE_RARE_H_ */
