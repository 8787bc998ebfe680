/* SPDX-License-Identifier: MIT */

/* A process in a pid namespace of its own, where a system has such a thing and
 * lets us (Linux, as root). */

#ifndef UVSHM_TEST_NAMESPACE_H_
#define UVSHM_TEST_NAMESPACE_H_

/* 1: it can be had. */
int test_namespace_can(void);

/* Go on as process 1 of a new pid namespace, which dies with the caller:
 * returns 0 there, or -1 if it cannot be had. The caller itself does not
 * return; it ends with the exit code of the other. */
int test_namespace_enter(void);

/* 1: so can a container. */
int test_container_can(void);

/* The same as process 1 of something like a container: a pid namespace and a
 * tmpfs of its own, new and empty, as /dev/shm; `options` are the tmpfs's
 * ("size=64m"). NULL: /dev/shm stays. */
int test_container_enter(const char* options);

#endif /* UVSHM_TEST_NAMESPACE_H_ */
