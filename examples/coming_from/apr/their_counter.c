/* SPDX-License-Identifier: MIT */

/* their_counter.c */
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_shm.h>
#include <stdio.h>

int main(void) {
  apr_pool_t* pool;
  apr_file_t* lock;
  apr_shm_t* shm;
  long* count;

  apr_initialize();
  apr_pool_create(&pool, NULL);
  if (apr_file_open(&lock,
                    "their.lock",
                    APR_FOPEN_CREATE | APR_FOPEN_WRITE,
                    APR_FPROT_OS_DEFAULT,
                    pool) != APR_SUCCESS ||
      apr_file_lock(lock, APR_FLOCK_EXCLUSIVE) != APR_SUCCESS)
    return 1; /* no timeout, and of a death nobody is told */
  if (apr_shm_attach(&shm, "their.shm", pool) != APR_SUCCESS) {
    if (apr_shm_create(&shm, sizeof *count, "their.shm", pool) != APR_SUCCESS)
      return 1;
    *(long*) apr_shm_baseaddr_get(shm) = 0;
  }
  count = apr_shm_baseaddr_get(shm);
  printf("%ld\n", ++*count);
  apr_file_unlock(lock);
  return 0; /* without apr_terminate(), which would remove what we made */
}
