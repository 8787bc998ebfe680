/* SPDX-License-Identifier: MIT */

/* UVSHM_GUARD beside the handlers of others: a SIGBUS that is not the guard's
 * goes where it went before, and does there what it did. */

#include "guard_desk.h"
#include "harness.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#include <cmocka.h>

/* ---- the role ------------------------------------------------------------ */

static sigjmp_buf back;
static volatile uintptr_t seen_at;
static volatile int seen_code;


static void on_bus(int number, siginfo_t* info, void* context) {
  (void) number;
  (void) context;
  seen_at = (uintptr_t) info->si_addr;
  seen_code = info->si_code;
  siglongjmp(back, 1);
}


/* As one that writes a log does, which is called once and lets the fault happen
 * again. */
static void on_bus_once(int number) {
  static int calls;

  (void) number;
  if (calls++ != 0) _exit(77);
}


/* Two pages of a file that has none. */
static unsigned char* missing_pages(void) {
  char path[] = "/tmp/uvshm-guard-XXXXXX";
  int fd = mkstemp(path);
  void* addr;

  if (fd < 0) return NULL;
  unlink(path);
  addr = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return addr == MAP_FAILED ? NULL : addr;
}


/* A SIGBUS that is not the guard's: "mine" has a handler, "sent" gets one from
 * kill(), "once" one that returns, "default" and "raised" have none. */
static int role_foreign(int argc, char** argv) {
  unsigned char* missing = missing_pages();
  struct sigaction action;
  uvshm_region_t* region;

  by_default();
  if (missing == NULL || argc < 2) return 1;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = on_bus;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  if (strcmp(argv[1], "mine") == 0 || strcmp(argv[1], "sent") == 0)
    sigaction(SIGBUS, &action, NULL);
  action.sa_handler = on_bus_once;
  action.sa_flags = (int) SA_RESETHAND;
  if (strcmp(argv[1], "once") == 0) sigaction(SIGBUS, &action, NULL);
  region = open_region(argv[0], UVSHM_GUARD);
  if (region == NULL) return 1;
  test_say("ready");
  if (sigsetjmp(back, 1) == 0) {
    if (strcmp(argv[1], "sent") == 0 || strcmp(argv[1], "raised") == 0)
      raise(SIGBUS);
    else
      missing[4096] = 1;
    return 2;
  }
  if (strcmp(argv[1], "mine") == 0 && seen_at != (uintptr_t) (missing + 4096))
    return 3;
  if (strcmp(argv[1], "sent") == 0 && seen_code == BUS_ADRERR) return 4;
  if (uvshm_region_size(region) != SIZE) return 5;
  uvshm_region_close(region);
  return 0;
}


static const struct test_role roles[] = {
    {"foreign", role_foreign},
    {NULL, NULL},
};

/* ---- the cases ----------------------------------------------------------- */

TEST(foreign_bus_errors_go_where_they_went) {
  char name[UVSHM_NAME_MAX + 1];
  uvshm_region_t* region;
  const char* const ways[] = {"mine", "sent", "once", "default", "raised"};
  const int ends[] = {0, 0, -1 - SIGBUS, -1 - SIGBUS, -1 - SIGBUS};
  struct test_process process;
  size_t i;

  (void) state;
  strcpy(name, test_name("mine"));
  region = open_region(name, UVSHM_CREATE);
  assert_non_null(region);
  for (i = 0; i < 5; i++) {
    test_spawn(&process, "foreign", name, ways[i], NULL);
    test_expect(&process, "ready");
    assert_int_equal(test_join(&process), ends[i]);
  }
  uvshm_region_close(region);
  assert_int_equal(test_leftovers(), 0);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(foreign_bus_errors_go_where_they_went),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("guard-handlers", tests, NULL, NULL);
}
