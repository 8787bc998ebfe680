/* SPDX-License-Identifier: MIT */

/* The wrapped calls, each with the reasons that it may fail for, and the driver
 * that goes through them; see fault.h. */

#include "fault.h"

#if defined(__linux__)

# include <dirent.h>
# include <errno.h>
# include <fcntl.h>
# include <setjmp.h>
# include <stdarg.h>
# include <stddef.h>
# include <stdint.h>
# include <stdio.h>
# include <string.h>

# include <cmocka.h>
# include <uv.h>

/* musl has some of these as macros. */
# undef open64
# undef fcntl64
# undef mmap64
# undef fallocate64
# undef ftruncate64
# undef pwrite64
# undef pread64
# undef fstat64
# undef lstat64
# undef fstatfs64
# undef readdir64
# undef fopen64

# define REASONS 6
# define CALLS_LIMIT 5000

static struct {
  int armed;
  int call;   /* the one that fails, from 1 */
  int reason; /* which of its reasons, from 0 */
  int calls;  /* so far */
  int more;   /* the call has more reasons than this one */
  int error;
  const char* function;        /* that failed */
  const char* always_function; /* fails every time */
  int always_error;
} plan;


void fault_arm(void) {
  plan.armed = 1;
}


void fault_disarm(void) {
  plan.armed = 0;
}


const char* fault_function(void) {
  return plan.function;
}


int fault_errno(void) {
  return plan.error;
}


void fault_always(const char* function, int error) {
  plan.always_function = function;
  plan.always_error = error;
}


/* Does this call fail? Then errno is set. */
static int fails(const char* function, const int* reasons) {
  if (!plan.armed) return 0;
  if (plan.always_function != NULL &&
      strcmp(plan.always_function, function) == 0) {
    errno = plan.always_error;
    return 1;
  }
  if (++plan.calls != plan.call) return 0;
  plan.function = function;
  plan.error = reasons[plan.reason];
  plan.more = plan.reason + 1 < REASONS && reasons[plan.reason + 1] != 0;
  errno = plan.error;
  return 1;
}

/* ---- the wrapped calls --------------------------------------------------- */

/* Lists of reasons, ended by 0. */
# define REASONS_LIST(name, ...) static const int name[REASONS] = {__VA_ARGS__}

REASONS_LIST(cannot_open, EMFILE, ENFILE, ENOMEM, EACCES, EINTR);
REASONS_LIST(cannot_list, EMFILE, ENOMEM, EACCES);
REASONS_LIST(cannot_lock, ENOLCK, EAGAIN, EINTR, EACCES, ENOMEM);
REASONS_LIST(cannot_ask, ENOLCK, EINTR);
REASONS_LIST(cannot_map, ENOMEM, EPERM, EAGAIN);
REASONS_LIST(cannot_allocate, ENOSPC, EINTR, EIO, EFBIG, EOPNOTSUPP);
REASONS_LIST(cannot_write, ENOSPC, EINTR, EIO, EFBIG, EDQUOT);
REASONS_LIST(cannot_read, EIO, EINTR);
REASONS_LIST(cannot_stat, ENOMEM, EACCES);
REASONS_LIST(cannot_link, EEXIST, ENOSPC, EMLINK, EPERM);
REASONS_LIST(cannot_unlink, EACCES, EBUSY, EROFS);
REASONS_LIST(cannot_advise, ENOMEM, EINVAL);
REASONS_LIST(cannot_pin, ENOMEM, EAGAIN, EPERM);
REASONS_LIST(cannot_get, ENOSPC, ENOMEM, EACCES);
REASONS_LIST(cannot_attach, ENOMEM, EACCES, EIDRM);
REASONS_LIST(no_memory, ENOMEM);
REASONS_LIST(no_descriptor, EMFILE, ENFILE, ENOMEM);
REASONS_LIST(no_device, EIO);
REASONS_LIST(no_right, EPERM);
REASONS_LIST(no_call, ENOSYS);

# define WRAP_LINKED(type, name, parameters, linked)                           \
  extern type __real_##name parameters linked;                                 \
  type __wrap_##name parameters;                                               \
  type __wrap_##name parameters

# define STRONG
# define WRAP(type, name, parameters)                                          \
  WRAP_LINKED(type, name, parameters, STRONG)

/* A libc may lack some of the names with 64, which nothing calls then. */
# define WRAP_64(type, name, parameters)                                       \
  WRAP_LINKED(type, name, parameters, __attribute__((weak)))

# define WRAP_CALL_AS(wrap, type, name, parameters, arguments, failure, why)   \
  wrap(type, name, parameters) {                                               \
   if (fails(#name, why)) return failure;                                      \
   return __real_##name arguments;                                             \
  }

# define WRAP_CALL(type, name, parameters, arguments, failure, why)            \
  WRAP_CALL_AS(WRAP, type, name, parameters, arguments, failure, why)

/* The names with and without 64 are the same call. */
# define WRAP_BOTH(type, name, parameters, arguments, failure, why)            \
  WRAP_CALL_AS(WRAP, type, name, parameters, arguments, failure, why)          \
  WRAP_CALL_AS(WRAP_64, type, name##64, parameters, arguments, failure, why)

typedef long long offset_t;

# define WRAP_OPEN(wrap, name)                                                 \
  wrap(int, name, (const char* path, int flags, ...)) {                        \
   va_list args;                                                               \
   unsigned mode;                                                              \
   va_start(args, flags);                                                      \
   mode = va_arg(args, unsigned);                                              \
   va_end(args);                                                               \
   if (fails("open", cannot_open)) return -1;                                  \
   return __real_##name(path, flags, mode);                                    \
  }

WRAP_OPEN(WRAP, open)
WRAP_OPEN(WRAP_64, open64)


static const int* reasons_of_fcntl(int command, const struct flock* lock) {
  switch (command) {
    case F_SETLK:
# ifdef F_OFD_SETLK
    case F_OFD_SETLK:
# endif
      if (lock->l_type == F_UNLCK) return NULL;
      return cannot_lock;
    case F_GETLK:
# ifdef F_OFD_GETLK
    case F_OFD_GETLK:
# endif
      return cannot_ask;
    case F_DUPFD_CLOEXEC:
      return no_descriptor;
    default:
      return no_right;
  }
}


# define WRAP_FCNTL(wrap, name)                                                \
  wrap(int, name, (int fd, int command, ...)) {                                \
   const int* reasons;                                                         \
   va_list args;                                                               \
   void* arg;                                                                  \
   va_start(args, command);                                                    \
   arg = va_arg(args, void*);                                                  \
   va_end(args);                                                               \
   reasons = reasons_of_fcntl(command, arg);                                   \
   if (reasons != NULL && fails("fcntl", reasons)) return -1;                  \
   return __real_##name(fd, command, arg);                                     \
  }

WRAP_FCNTL(WRAP, fcntl)
WRAP_FCNTL(WRAP_64, fcntl64)

WRAP_BOTH(void*,
          mmap,
          (void* at, size_t size, int prot, int flags, int fd, offset_t from),
          (at, size, prot, flags, fd, from),
          (void*) -1,
          cannot_map)
WRAP_BOTH(int,
          fallocate,
          (int fd, int mode, offset_t from, offset_t size),
          (fd, mode, from, size),
          -1,
          cannot_allocate)
WRAP_BOTH(int, ftruncate, (int fd, offset_t size), (fd, size), -1, no_device)
WRAP_BOTH(ssize_t,
          pwrite,
          (int fd, const void* bytes, size_t size, offset_t at),
          (fd, bytes, size, at),
          -1,
          cannot_write)
WRAP_BOTH(ssize_t,
          pread,
          (int fd, void* bytes, size_t size, offset_t at),
          (fd, bytes, size, at),
          -1,
          cannot_read)
WRAP_BOTH(int, fstat, (int fd, void* st), (fd, st), -1, cannot_stat)
WRAP_BOTH(int, lstat, (const char* path, void* st), (path, st), -1, cannot_stat)
WRAP_BOTH(int, fstatfs, (int fd, void* fs), (fd, fs), -1, no_device)
WRAP_BOTH(void*, readdir, (void* folder), (folder), NULL, no_device)
WRAP_BOTH(void*,
          fopen,
          (const char* path, const char* mode),
          (path, mode),
          NULL,
          no_descriptor)
WRAP_CALL(void*, opendir, (const char* path), (path), NULL, cannot_list)
WRAP_CALL(int,
          linkat,
          (int a, const char* from, int b, const char* to, int flags),
          (a, from, b, to, flags),
          -1,
          cannot_link)
WRAP_CALL(
    int, link, (const char* from, const char* to), (from, to), -1, cannot_link)
WRAP_CALL(int, unlink, (const char* path), (path), -1, cannot_unlink)
WRAP_CALL(
    int, mkdir, (const char* path, mode_t mode), (path, mode), -1, cannot_get)
WRAP_CALL(int,
          madvise,
          (void* at, size_t size, int advice),
          (at, size, advice),
          -1,
          cannot_advise)
WRAP_CALL(int,
          mprotect,
          (void* at, size_t size, int prot),
          (at, size, prot),
          -1,
          no_memory)
WRAP_CALL(int,
          msync,
          (void* at, size_t size, int flags),
          (at, size, flags),
          -1,
          no_device)
WRAP_CALL(int, mlock, (const void* at, size_t size), (at, size), -1, cannot_pin)
WRAP_CALL(int,
          memfd_create,
          (const char* name, unsigned flags),
          (name, flags),
          -1,
          no_descriptor)
WRAP_CALL(
    int, getentropy, (void* bytes, size_t size), (bytes, size), -1, no_call)
WRAP_CALL(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, no_right)
WRAP_CALL(
    int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), -1, no_right)
WRAP_CALL(int,
          shm_open,
          (const char* name, int flags, mode_t mode),
          (name, flags, mode),
          -1,
          cannot_open)
WRAP_CALL(int,
          shmget,
          (int key, size_t size, int flags),
          (key, size, flags),
          -1,
          cannot_get)
WRAP_CALL(void*,
          shmat,
          (int id, const void* at, int flags),
          (id, at, flags),
          (void*) -1,
          cannot_attach)

/* Removing what was made in vain is tried once. */
WRAP(int, shmctl, (int id, int command, void* arg)) {
  if (arg != NULL && fails("shmctl", cannot_attach)) return -1;
  return __real_shmctl(id, command, arg);
}

WRAP_CALL(void*, malloc, (size_t size), (size), NULL, no_memory)
WRAP_CALL(void*, calloc, (size_t n, size_t size), (n, size), NULL, no_memory)
WRAP_CALL(void*, realloc, (void* p, size_t size), (p, size), NULL, no_memory)
WRAP_CALL(char*, strdup, (const char* text), (text), NULL, no_memory)
WRAP_CALL(char*,
          strndup,
          (const char* text, size_t size),
          (text, size),
          NULL,
          no_memory)

/* ---- the driver ---------------------------------------------------------- */

static int count_descriptors(void) {
  DIR* folder = opendir("/proc/self/fd");
  int count = 0;

  assert_non_null(folder);
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}


/* Mappings of objects, whose paths say what they are. */
static int count_mappings(void) {
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[4096];
  int count = 0;

  assert_non_null(maps);
  while (fgets(line, sizeof(line), maps) != NULL) {
    if (strstr(line, "uvshm-") != NULL || strstr(line, "memfd:") != NULL ||
        strstr(line, "/SYSV") != NULL || strstr(line, "test-") != NULL ||
        strstr(line, "(deleted)") != NULL)
      count++;
  }
  fclose(maps);
  return count;
}


static void check_result(int result) {
  const char* name;

  if (result >= 0) return;
  name = uv_err_name(result);
  if (strncmp(name, "Unknown", 7) == 0)
    fail_msg("%s failing with %s gives %d, which is no code",
             plan.function,
             strerror(plan.error),
             result);
  if (plan.error == EINTR) fail_msg("%s: EINTR came through", plan.function);
}


/* One run; 0: the planned call was not reached. */
static int run_once(int (*scenario)(void), int call, int reason) {
  int descriptors = count_descriptors();
  int mappings = count_mappings();
  int tries = 100;
  int result;

  plan.call = call;
  plan.reason = reason;
  /* Whoever lists names on this machine has a gate for a moment. */
  do {
    plan.more = 0;
    plan.function = NULL;
    plan.error = 0;
    plan.calls = 0;
    result = scenario();
  } while (result == UV_EAGAIN &&
           (plan.function == NULL || plan.error == EINTR) && --tries != 0);
  plan.armed = 0;
  plan.call = 0;
  check_result(result);
  if (plan.function == NULL) {
    if (result < 0) fail_msg("without a fault: %s", uv_err_name(result));
  }
  if (count_descriptors() != descriptors)
    fail_msg("%s failing with %s leaks a descriptor",
             plan.function ? plan.function : "nothing",
             strerror(plan.error));
  if (count_mappings() != mappings)
    fail_msg("%s failing with %s leaks a mapping",
             plan.function ? plan.function : "nothing",
             strerror(plan.error));
  return plan.function != NULL;
}


void fault_drive(int (*scenario)(void)) {
  int call;
  int reason;
  int faults = 0;
  int hit = 1;

  /* What is made once, for the process or for an object that stays open, is
   * made now. */
  assert_true(scenario() >= 0);
  for (call = 1; hit && call < CALLS_LIMIT; call++) {
    for (reason = 0; reason < REASONS; reason++) {
      hit = run_once(scenario, call, reason);
      faults += hit;
      if (!hit || !plan.more) break;
    }
    run_once(scenario, 0, 0);
  }
  assert_in_range(call, 2, CALLS_LIMIT - 1);
  print_message("%d calls, %d faults\n", call - 2, faults);
}

#endif
