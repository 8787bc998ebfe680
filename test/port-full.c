/* SPDX-License-Identifier: MIT */

/* File systems that are full or lack calls. The place where names lie is
 * mounted over, in a mount namespace of a child's own, with a tmpfs of 1 MiB,
 * one of 64 MiB as containers have it, or a ramfs, which has no fallocate().
 * What must come is UV_ENOSPC and the state before, never a SIGBUS later. */

#include "child.h"
#include "conformance.h"
#include "uvshm.h"

#include "port_caps.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#define MIB (1024u * 1024u)
#define CHILD_SKIPS (-1)

#define CHILD_CHECK(condition)                                                 \
 do {                                                                          \
  if (!(condition)) return __LINE__;                                           \
 } while (0)


static const char* place(void) {
  return UVSHM__PORT_PLACE;
}


static int write_text(const char* path, const char* text) {
  int fd = open(path, O_WRONLY);
  ssize_t size;

  if (fd < 0) return 0;
  size = write(fd, text, strlen(text));
  close(fd);
  return size == (ssize_t) strlen(text);
}


/* A mount namespace: root's own, or one in a user namespace, where many systems
 * let everybody mount. */
static int enter_namespace(void) {
  unsigned long uid = (unsigned long) geteuid();
  unsigned long gid = (unsigned long) getegid();
  char text[64];

  if (unshare(CLONE_NEWNS) == 0) return 1;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 0;
  snprintf(text, sizeof(text), "%lu %lu 1", uid, uid);
  if (!write_text("/proc/self/uid_map", text)) return 0;
  write_text("/proc/self/setgroups", "deny");
  snprintf(text, sizeof(text), "%lu %lu 1", gid, gid);
  return write_text("/proc/self/gid_map", text);
}


static int mount_over(const char* type, const char* options) {
  if (!enter_namespace()) return CHILD_SKIPS;
  if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0)
    return CHILD_SKIPS;
  if (mount("uvshm-test", place(), type, 0, options) != 0) return CHILD_SKIPS;
  return 0;
}


static uint64_t free_bytes(void) {
  struct statvfs fs;

  if (statvfs(place(), &fs) != 0) return 0;
  return (uint64_t) fs.f_bavail * fs.f_frsize;
}


/* What the child mounts and runs. */
static const char* mount_type;
static const char* mount_options;
static int (*mount_run)(void);


static int mount_and_run(struct subject* subject) {
  int line = mount_over(mount_type, mount_options);

  (void) subject;
  return line != 0 ? line : mount_run();
}


static void in_mount(const char* type, const char* options, int (*run)(void)) {
  mount_type = type;
  mount_options = options;
  mount_run = run;
  in_child(mount_and_run, NULL);
}


static int make_sized(struct subject* subject,
                      const char* name,
                      uint64_t size) {
  struct uvshm__port_spec spec = spec_of(name);
  int err;

  memset(subject, 0, sizeof(*subject));
  spec.reserve = 256 * MIB;
  err = uvshm__port_make(&subject->object, &spec, size);
  if (err < 0) return err;
  subject->open = 1;
  err = uvshm__port_map(&subject->view,
                        &subject->object,
                        0,
                        spec.reserve,
                        size,
                        UVSHM__PORT_WRITE,
                        0);
  if (err < 0) return err;
  subject->mapped = 1;
  uvshm__a64_store_release(&subject_header(subject)->committed, size);
  err = uvshm__port_publish(&subject->object);
  uvshm__port_gate_leave(&subject->object);
  return err;
}


static int grow(struct subject* subject, uint64_t to) {
  return uvshm__port_grow(&subject->object,
                          &subject->view,
                          &subject_header(subject)->committed,
                          to);
}


static void fill(struct subject* subject, uint64_t from, uint64_t to) {
  memset((unsigned char*) subject->view.addr + from, 'f', (size_t) (to - from));
}


static int too_large_to_make(void) {
  uint64_t before = free_bytes();
  struct uvshm__port_spec spec = spec_of("full-make");
  struct subject subject;

  CHILD_CHECK(make_sized(&subject, spec.name, 4 * MIB) == UV_ENOSPC);
  CHILD_CHECK(subject_find(&subject, &spec) == UV_ENOENT);
  CHILD_CHECK(free_bytes() == before);
  CHILD_CHECK(make_sized(&subject, spec.name, 512 * 1024) == 0);
  fill(&subject, SIZE, 512 * 1024);
  return 0;
}


static int too_large_to_grow(void) {
  struct subject subject;
  uvshm__a64_t* committed;
  uint64_t before;

  CHILD_CHECK(make_sized(&subject, "full-grow", 4 * SIZE) == 0);
  committed = &subject_header(&subject)->committed;
  fill(&subject, SIZE, 4 * SIZE);
  before = free_bytes();
  CHILD_CHECK(grow(&subject, 64 * MIB) == UV_ENOSPC);
  CHILD_CHECK(uvshm__a64_load_acquire(committed) == 4 * SIZE);
  CHILD_CHECK(free_bytes() == before);
  CHILD_CHECK(*(char*) subject_word(&subject, 4 * SIZE - 1) == 'f');
  CHILD_CHECK(grow(&subject, 8 * SIZE) == 0);
  fill(&subject, 4 * SIZE, 8 * SIZE);
  CHILD_CHECK(grow(&subject, 64 * MIB) == UV_ENOSPC);
  CHILD_CHECK(uvshm__a64_load_acquire(committed) == 8 * SIZE);
  return 0;
}


/* All room goes, 64 KiB at a time; what was got can be written. */
static int grow_to_the_last_page(void) {
  struct subject subject;
  uint64_t size = SIZE;
  int err;

  CHILD_CHECK(make_sized(&subject, "full-last", SIZE) == 0);
  while ((err = grow(&subject, size + SIZE)) == 0) {
    size += SIZE;
    CHILD_CHECK(size < 256 * MIB);
  }
  CHILD_CHECK(err == UV_ENOSPC);
  CHILD_CHECK(size >= 8 * SIZE);
  fill(&subject, SIZE, size);
  return 0;
}


static int filled_by_others(void) {
  struct uvshm__port_spec spec = spec_of("full-others");
  static char zeros[65536];
  struct subject subject;
  char path[128];
  int fd;

  snprintf(path, sizeof(path), "%s/filler", place());
  fd = open(path, O_RDWR | O_CREAT, 0600);
  CHILD_CHECK(fd >= 0);
  while (write(fd, zeros, sizeof(zeros)) > 0) continue;
  CHILD_CHECK(errno == ENOSPC);
  CHILD_CHECK(make_sized(&subject, spec.name, SIZE) == UV_ENOSPC);
  CHILD_CHECK(subject_find(&subject, &spec) == UV_ENOENT);
  CHILD_CHECK(unlink(path) == 0);
  close(fd);
  CHILD_CHECK(make_sized(&subject, spec.name, SIZE) == 0);
  return 0;
}


static int public_calls(void) {
  uvshm_region_options_t options;
  uvshm_region_t* region = NULL;
  uvshm_mutex_t* mutex;

  memset(&options, 0, sizeof(options));
  options.flags = UVSHM_CREATE;
  options.size = 4 * MIB;
  CHILD_CHECK(uvshm_region_open(&region, "full", &options) == UV_ENOSPC);
  CHILD_CHECK(region == NULL);
  options.size = 100000;
  options.max_size = 64 * MIB;
  CHILD_CHECK(uvshm_region_open(&region, "full", &options) == 0);
  CHILD_CHECK(uvshm_region_grow(region, 32 * MIB) == UV_ENOSPC);
  CHILD_CHECK(uvshm_region_size(region) == 100000);
  memset(uvshm_region_base(region), 'p', 100000);
  CHILD_CHECK(uvshm_region_grow(region, 200000) == 0);
  memset(uvshm_region_base(region), 'p', 200000);
  uvshm_region_close(region);
  CHILD_CHECK(uvshm_mutex_open(&mutex, NULL, "full-mutex", NULL) == 0);
  CHILD_CHECK(uvshm_mutex_lock(mutex, 1000) == 0);
  CHILD_CHECK(uvshm_mutex_unlock(mutex) == 0);
  uvshm_mutex_close(mutex);
  return 0;
}


static int in_a_container(void) {
  struct subject subject;

  CHILD_CHECK(make_sized(&subject, "container", 60 * MIB) == 0);
  fill(&subject, SIZE, 60 * MIB);
  CHILD_CHECK(grow(&subject, 70 * MIB) == UV_ENOSPC);
  CHILD_CHECK(grow(&subject, 62 * MIB) == 0);
  fill(&subject, 60 * MIB, 62 * MIB);
  return 0;
}


/* ---- without fallocate() ------------------------------------------------- */

static int grow_in_turn(void) {
  struct subject subject;
  uint64_t to;
  uint64_t at;
  pid_t pid;
  int status;

  CHILD_CHECK(make_sized(&subject, "ramfs", SIZE) == 0);
  pid = fork();
  CHILD_CHECK(pid >= 0);
  for (to = 2 * SIZE; to <= 64 * SIZE; to += SIZE) {
    if (grow(&subject, to) != 0) return __LINE__;
    /* Each writes its own half of the pages, as soon as they are there. */
    for (at = to - SIZE + (pid == 0 ? 4096 : 0); at < to; at += 8192)
      uvshm__a32_store_release(subject_word(&subject, at), (uint32_t) at);
  }
  if (pid == 0) {
    /* Or valgrind looks for pointers beyond the end of the file. */
    subject_unmap(&subject);
    _exit(0);
  }
  CHILD_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  for (at = SIZE; at < 64 * SIZE; at += 4096)
    CHILD_CHECK(uvshm__a32_load_acquire(subject_word(&subject, at)) == at);
  return 0;
}


/* A grower that is killed in its turn keeps nobody out. */
static int grow_after_a_death(void) {
  struct subject subject;
  int round;
  pid_t pid;

  CHILD_CHECK(make_sized(&subject, "ramfs-death", SIZE) == 0);
  for (round = 0; round < 20; round++) {
    pid = fork();
    CHILD_CHECK(pid >= 0);
    if (pid == 0) {
      grow(&subject, 32 * MIB + (uint64_t) round * MIB);
      for (;;) pause();
    }
    usleep((useconds_t) (round * 500));
    kill(pid, SIGKILL);
    CHILD_CHECK(waitpid(pid, NULL, 0) == pid);
    CHILD_CHECK(grow(&subject, (2 + (uint64_t) round) * SIZE) == 0);
  }
  fill(&subject, SIZE, 21 * SIZE);
  return 0;
}


#define CASE(name, type, options)                                              \
 static void full_##name(void** state) {                                       \
  (void) state;                                                                \
  in_mount(type, options, name);                                               \
 }

CASE(too_large_to_make, "tmpfs", "size=1m,mode=1777")
CASE(too_large_to_grow, "tmpfs", "size=1m,mode=1777")
CASE(grow_to_the_last_page, "tmpfs", "size=1m,mode=1777")
CASE(filled_by_others, "tmpfs", "size=1m,mode=1777")
CASE(public_calls, "tmpfs", "size=1m,mode=1777")
CASE(in_a_container, "tmpfs", "size=64m,mode=1777")
CASE(grow_in_turn, "ramfs", "mode=1777")
CASE(grow_after_a_death, "ramfs", "mode=1777")


int main(int argc, char** argv) {
  static const struct CMUnitTest cases[] = {
      cmocka_unit_test(full_too_large_to_make),
      cmocka_unit_test(full_too_large_to_grow),
      cmocka_unit_test(full_grow_to_the_last_page),
      cmocka_unit_test(full_filled_by_others),
      cmocka_unit_test(full_public_calls),
      cmocka_unit_test(full_in_a_container),
      cmocka_unit_test(full_grow_in_turn),
      cmocka_unit_test(full_grow_after_a_death),
  };

  (void) argc;
  (void) argv;
  return cmocka_run_group_tests(cases, NULL, NULL);
}
