/* SPDX-License-Identifier: MIT */

/* The program at the other end on Windows: it knows nothing of uvshm, and calls
 * what such programs have called since Windows NT. Told what to do line by line
 * on its standard input; answers each with a line.
 *
 *   win32-peer --role=make NAME     makes the mutex NAME (CreateMutex)
 *   win32-peer --role=open NAME     it must be there (OpenMutex)
 *
 *   lock, try       what WaitForSingleObject() says: 0, 128 (abandoned), 258
 *   unlock          1, or 0 when Windows refuses
 *   thread          a thread takes it and ends: as lock
 *   memory NAME     opens the section NAME, or makes it with 4096 bytes
 *   count N         adds N to its first 32 bits, under the mutex
 *   bye             ends
 */

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 20000

static HANDLE mutex;
static volatile LONG* memory;


static DWORD WINAPI take(void* arg) {
  (void) arg;
  return WaitForSingleObject(mutex, PATIENCE_MS);
}


static DWORD in_thread(void) {
  HANDLE thread = CreateThread(NULL, 0, take, NULL, 0, NULL);
  DWORD code = 999;

  if (thread == NULL) return code;
  WaitForSingleObject(thread, INFINITE);
  GetExitCodeThread(thread, &code);
  CloseHandle(thread);
  return code;
}


static int attach(const char* name) {
  HANDLE section = OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, name);

  if (section == NULL)
    section = CreateFileMappingA(
        INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, name);
  if (section == NULL) return 0;
  memory = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
  return memory != NULL;
}


/* Not an atomic addition, so that without the lock some would be lost. */
static long count(long times) {
  long done = 0;

  if (memory == NULL) return -1;
  for (; done < times; done++) {
    LONG value;

    if (WaitForSingleObject(mutex, PATIENCE_MS) != WAIT_OBJECT_0) break;
    value = *memory;
    if (done % 8 == 0) SwitchToThread();
    *memory = value + 1;
    ReleaseMutex(mutex);
  }
  return done;
}


static int obey(char* line) {
  line[strcspn(line, "\r\n")] = '\0';
  if (strcmp(line, "lock") == 0)
    printf("%lu\n", WaitForSingleObject(mutex, PATIENCE_MS));
  else if (strcmp(line, "try") == 0)
    printf("%lu\n", WaitForSingleObject(mutex, 0));
  else if (strcmp(line, "unlock") == 0)
    printf("%d\n", ReleaseMutex(mutex) != 0);
  else if (strcmp(line, "thread") == 0)
    printf("%lu\n", in_thread());
  else if (strncmp(line, "memory ", 7) == 0)
    printf("%d\n", attach(line + 7));
  else if (strncmp(line, "count ", 6) == 0)
    printf("%ld\n", count(atol(line + 6)));
  else
    return 0;
  fflush(stdout);
  return 1;
}


int main(int argc, char** argv) {
  char line[400];

  if (argc < 3) return 2;
  if (strcmp(argv[1], "--role=make") == 0)
    mutex = CreateMutexA(NULL, FALSE, argv[2]);
  else
    mutex = OpenMutexA(SYNCHRONIZE | MUTEX_MODIFY_STATE, FALSE, argv[2]);
  if (mutex == NULL) {
    printf("error %lu\n", GetLastError());
    return 1;
  }
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof(line), stdin) != NULL)
    if (!obey(line)) break;
  return 0;
}
