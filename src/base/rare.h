/* SPDX-License-Identifier: MIT */

/* UVSHM__RARE marks the long way of a function whose usual way is a few
 * instructions. Merged into it by the compiler, the long way would have the
 * short one save and restore registers that only the long one needs. */

#ifndef UVSHM_BASE_RARE_H_
#define UVSHM_BASE_RARE_H_

#if (defined(_MSC_VER) && !defined(__clang__)) || defined(UVSHM__MSVC_RULES)
# define UVSHM__RARE __declspec(noinline)
#else
# define UVSHM__RARE __attribute__((cold, noinline))
#endif

#endif /* UVSHM_BASE_RARE_H_ */
