/* SPDX-License-Identifier: MIT */

/* self: clocks, this process, this boot, and one pointer for each thread. */

#include "win32.h"

#include <stdlib.h>
#include <string.h>

/* RtlGenRandom under the name that advapi32 exports. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG size);

/* SYSTEM_TIMEOFDAY_INFORMATION, which no public header has in full. */
#define TIME_OF_DAY 3

struct time_of_day {
  int64_t boot_time;
  int64_t current_time;
  int64_t time_zone_bias;
  uint32_t time_zone_id;
  uint32_t reserved;
  uint64_t boot_time_bias;
  uint64_t sleep_time_bias;
};

/* KUSER_SHARED_DATA, the page that every process can read at this address. */
#define USER_SHARED_BOOT_ID ((const volatile ULONG*) (uintptr_t) 0x7ffe02c4)

static SRWLOCK process_lock = SRWLOCK_INIT;
static SRWLOCK thread_lock = SRWLOCK_INIT;
static volatile LONG thread_index = -1; /* of FlsAlloc; -1: none yet */
static void (*thread_at_exit)(void* value);
static BOOLEAN(NTAPI* process_ends)(void); /* NULL: cannot be asked */


/* Not GetTickCount64(): its ticks are up to 16 ms long, and a wait would end as
 * much too early. */
uint64_t uvshm__port_now_ms(void) {
  LARGE_INTEGER frequency;
  LARGE_INTEGER now;
  uint64_t second;
  uint64_t count;

  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&now);
  second = (uint64_t) frequency.QuadPart;
  count = (uint64_t) now.QuadPart;
  return count / second * 1000 + count % second * 1000 / second;
}


uint64_t uvshm__port_wall_ms(void) {
  FILETIME now;
  ULARGE_INTEGER ticks; /* 100 ns since 1601 */

  GetSystemTimeAsFileTime(&now);
  ticks.LowPart = now.dwLowDateTime;
  ticks.HighPart = now.dwHighDateTime;
  return (ticks.QuadPart - UINT64_C(116444736000000000)) / 10000;
}


/* Sleep() ends with a tick of the system, which may be a little early. */
void uvshm__port_sleep_ms(uint32_t ms) {
  uint64_t now = uvshm__port_now_ms();
  uint64_t end = now + ms;

  do Sleep(end > now && end - now < INFINITE ? (DWORD) (end - now) : 0);
  while ((now = uvshm__port_now_ms()) < end);
}


void uvshm__port_yield(void) {
  SwitchToThread();
}


int uvshm__port_random(void* bytes, size_t size) {
  unsigned char* at = bytes;

  while (size > 0) {
    ULONG count = size < 65536 ? (ULONG) size : 65536;

    if (!SystemFunction036(at, count)) return UV_EIO;
    at += count;
    size -= count;
  }
  return 0;
}


/* Windows has no boot id. What comes near:
 *
 *   A random number in a volatile registry key. In HKLM only administrators
 *   may make one. One in HKCU goes when the user logs off, because that unloads
 *   the hive: it would call a logoff a reboot. Not taken.
 *
 *   The time of the boot. BootTime moves when the clock is set; BootTime -
 *   BootTimeBias is the value from the start, the same for every process. It
 *   is exact to 100 ns, so it does not come twice. Taken.
 *
 *   KUSER_SHARED_DATA.BootId (Windows 10), a count of boots, 0 on Wine and
 *   older systems. It adds nothing within a boot and helps where a machine
 *   boots with a clock that always says the same. Taken as the other half.
 *
 * Fast Startup: shutting down then ends the user's processes and hibernates the
 * kernel; both numbers stay what they were. That is the right answer here. The
 * kernel did not restart, its objects still tell the dead from the living, and
 * the file of a `keep` object is as its last user left it: an hour of sleep,
 * not a reboot. A restart, or a loss of power, makes a new number.
 *
 * On Wine the boot is the start of the wineserver, with which all kernel
 * objects go. */
int uvshm__port_boot_id(uint64_t id[2]) {
  typedef LONG(NTAPI * query_cb)(ULONG, PVOID, ULONG, PULONG);
  struct time_of_day times;
  query_cb query;

  query = (query_cb) (void (*)(void)) uvshm__win_function(
      L"ntdll.dll", "NtQuerySystemInformation");
  memset(&times, 0, sizeof(times));
  if (query == NULL || query(TIME_OF_DAY, &times, sizeof(times), NULL) < 0 ||
      times.boot_time == 0)
    return UV_ENOTSUP;
  id[0] = (uint64_t) times.boot_time - times.boot_time_bias;
  id[1] = *USER_SHARED_BOOT_ID;
  return 0;
}


uint32_t uvshm__port_pid(void) {
  return GetCurrentProcessId();
}


/* The file name of the program, without folder and `.exe`. */
void uvshm__port_program(char* text, size_t size) {
  wchar_t path[1024];
  wchar_t* name;
  size_t count;
  int got = 0;

  if (size == 0) return;
  text[0] = '\0';
  count = GetModuleFileNameW(NULL, path, 1024);
  if (count == 0 || count >= 1024) return;
  name = wcsrchr(path, L'\\');
  name = name != NULL ? name + 1 : path;
  count = wcslen(name);
  if (count > 4 && _wcsicmp(name + count - 4, L".exe") == 0) count -= 4;
  if (size > INT_MAX) size = INT_MAX;

  /* Cut at whole characters until it fits. */
  while (count > 0 && got <= 0) {
    if (count < size)
      got = WideCharToMultiByte(
          CP_UTF8, 0, name, (int) count, text, (int) size - 1, NULL, NULL);
    if (got <= 0) count--;
  }
  text[got > 0 ? got : 0] = '\0';
}


/* There is no fork, so it is always the same one. */
static const uvshm__a32_t lineage = {1};


uint32_t uvshm__port_lineage(void) {
  return uvshm__a32_load_relaxed(&lineage);
}


const uvshm__a32_t* uvshm__port_lineage_word(void) {
  return &lineage;
}


/* A process that exits has killed its other threads by now, wherever they were.
 * Their locks stay taken, so nothing is given back; the kernel does it.
 *
 * The system has a lock of its own while it calls this, which comes behind the
 * loader's. So nothing here may need the loader: neither this callback nor what
 * it calls looks up functions, and nobody does so who has the process lock. */
static VOID WINAPI on_thread_exit(PVOID value) {
  if (value == NULL || (process_ends != NULL && process_ends())) return;
  thread_at_exit(value);
}


/* The callback lies in our code, so the module must never be unloaded. */
static void pin_module(void) {
  HMODULE module;

  GetModuleHandleExW(
      GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
      (LPCWSTR) &process_lock, /* any address of ours */
      &module);
}


static int thread_index_make(void (*at_exit)(void* value)) {
  LONG index;

  AcquireSRWLockExclusive(&thread_lock);
  index = thread_index;
  if (index < 0) {
    DWORD made = FlsAlloc(on_thread_exit);

    if (made != FLS_OUT_OF_INDEXES) {
      pin_module();
      process_ends =
          (BOOLEAN(NTAPI*)(void))(void (*)(void)) uvshm__win_function(
              L"ntdll.dll", "RtlDllShutdownInProgress");
      thread_at_exit = at_exit;
      index = (LONG) made;
      InterlockedExchange(&thread_index, index);
    }
  }
  ReleaseSRWLockExclusive(&thread_lock);
  return index < 0 ? UV_ENOMEM : 0;
}


int uvshm__port_thread_set(void* value, void (*at_exit)(void* value)) {
  int err = 0;

  if (thread_index < 0) err = thread_index_make(at_exit);
  if (err == 0 && !FlsSetValue((DWORD) thread_index, value)) err = UV_ENOMEM;
  return err;
}


void* uvshm__port_thread_get(void) {
  LONG index = thread_index;

  return index < 0 ? NULL : FlsGetValue((DWORD) index);
}


void uvshm__port_process_lock(void) {
  AcquireSRWLockExclusive(&process_lock);
}


void uvshm__port_process_unlock(void) {
  ReleaseSRWLockExclusive(&process_lock);
}


uint64_t uvshm__port_page_size(void) {
  SYSTEM_INFO info;

  GetSystemInfo(&info);
  return info.dwPageSize;
}


uint64_t uvshm__port_alignment(void) {
  SYSTEM_INFO info;

  GetSystemInfo(&info);
  return info.dwAllocationGranularity;
}
