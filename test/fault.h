/* SPDX-License-Identifier: MIT */

/* Calls of the operating system that fail when told to. The program is linked
 * with --wrap for every function in fault.cmake, so that the library's calls
 * come through fault.c; outside of an armed section nothing changes.
 *
 * A scenario is a function that sets something up, arms, does one thing,
 * disarms and cleans up. The driver runs it with the first call failing, then
 * the second, and so on until the thing is through without meeting the fault;
 * for every reason that the call in question may fail with. After each run
 * nothing may be left: no descriptor, no mapping, no name; and the next run
 * without a fault must succeed.
 *
 * Unlocking is never made to fail: it needs nothing.
 */

#ifndef UVSHM_TEST_FAULT_H_
#define UVSHM_TEST_FAULT_H_

/* Between these two, calls are counted and the planned one fails. */
void fault_arm(void);
void fault_disarm(void);

/* The function whose call was made to fail in this run, or NULL; and errno. */
const char* fault_function(void);
int fault_errno(void);

/* Runs `scenario` in all ways; it returns 0 or more, or a code. Asserts. */
void fault_drive(int (*scenario)(void));

/* The same, but one thing is done in several ways: every call of `function`
 * fails with `error`, beside the planned fault. NULL: no more. */
void fault_always(const char* function, int error);

#endif /* UVSHM_TEST_FAULT_H_ */
