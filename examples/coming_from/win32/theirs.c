/* SPDX-License-Identifier: MIT */

/* theirs.c */
#include <stdio.h>
#include <windows.h>

/* Adds one to a number that all runs of this program share, while they run. */
int main(void) {
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE,
                                      NULL,
                                      PAGE_READWRITE,
                                      0,
                                      sizeof(LONG),
                                      "Local\\coming-from");
  HANDLE lock = CreateMutexA(NULL, FALSE, "Local\\coming-from.lock");
  DWORD got;
  LONG* count;

  if (section == NULL || lock == NULL) return 1;
  count = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
  if (count == NULL) return 1;
  got = WaitForSingleObject(lock, 5000);
  if (got != WAIT_OBJECT_0 && got != WAIT_ABANDONED) return 1;
  if (got == WAIT_ABANDONED) puts("its owner died");
  printf("theirs: %ld\n", ++*count);
  fflush(stdout);
  ReleaseMutex(lock);
  getchar(); /* the number lives as long as somebody has it open */
  return 0;
}
