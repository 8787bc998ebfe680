/* SPDX-License-Identifier: MIT */

/* What src/posix promises about forks: a child has none of its parent's locks,
 * keeps none of them alive, and may become a peer of its own. */

#include "child.h"
#include "conformance.h"

#include <signal.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>


static int only_live(struct subject* subject) {
  (void) subject;
  return 0;
}


static void fork_leaves_claims_with_the_parent(void** state) {
  struct subject subject;
  struct child child;
  int used;

  (void) state;
  subject_create(&subject, test_name("fork"));
  assert_int_equal(subject_claim(&subject, 0), 0);
  child_start(&child, only_live, &subject);
  child_report(&child);
  expect_alive(&subject, 0, 1);
  subject_unclaim(&subject);
  expect_alive(&subject, 0, 0);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uvshm__port_in_use(&subject.object, &used), 0);
  assert_int_equal(used, 0);
  child_end(&child);
  subject_remove(&subject);
}


static int claim_and_fork(struct subject* subject) {
  pid_t pid;

  CHILD_CHECK(subject_claim(subject, 3) == 0);
  pid = fork();
  CHILD_CHECK(pid >= 0);
  if (pid == 0) {
    while (getppid() != 1) usleep(1000); /* outlives its parent, then ends */
    usleep(200000);
    _exit(0);
  }
  return 0;
}


static void fork_does_not_keep_a_dead_parent_alive(void** state) {
  struct subject subject;
  struct child child;

  (void) state;
  subject_create(&subject, test_name("orphan"));
  child_start(&child, claim_and_fork, &subject);
  child_report(&child);
  expect_alive(&subject, 3, 1);
  child_end(&child);
  expect_alive(&subject, 3, 0);
  subject_remove(&subject);
}


static int rejoin(struct subject* subject) {
  struct uvshm__port_claim claim;
  int value;

  CHILD_CHECK(uvshm__port_alive(&subject->object, 0, &value) == 0);
  CHILD_CHECK(value == 1);
  CHILD_CHECK(uvshm__port_claim(&claim, &subject->object, 0) == UV_EBUSY);
  CHILD_CHECK(uvshm__port_claim(&claim, &subject->object, 1) == 0);
  CHILD_CHECK(subject_enter_wait(subject) == 0);
  CHILD_CHECK(uvshm__port_in_use(&subject->object, &value) == 0);
  CHILD_CHECK(value == 1); /* the parent */
  uvshm__port_gate_leave(&subject->object);
  uvshm__port_unclaim(&claim);
  CHILD_CHECK(uvshm__port_claim(&claim, &subject->object, 2) == 0);
  return 0;
}


static void fork_child_becomes_a_peer_of_its_own(struct subject* subject) {
  struct child child;
  int used;

  assert_int_equal(subject_claim(subject, 0), 0);
  child_start(&child, rejoin, subject);
  child_report(&child);
  expect_alive(subject, 1, 0);
  expect_alive(subject, 2, 1);
  child_end(&child);
  expect_alive(subject, 2, 0);
  expect_alive(subject, 0, 1);
  assert_int_equal(subject_enter_wait(subject), 0);
  assert_int_equal(uvshm__port_in_use(&subject->object, &used), 0);
  assert_int_equal(used, 0);
}


static void fork_child_rejoins_a_named_object(void** state) {
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("rejoin"));
  fork_child_becomes_a_peer_of_its_own(&subject);
  subject_remove(&subject);
}


static void fork_child_rejoins_an_anonymous_object(void** state) {
  struct uvshm__port_spec spec = spec_of(NULL);
  struct subject subject;

  (void) state;
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  fork_child_becomes_a_peer_of_its_own(&subject);
  subject_drop(&subject);
}


/* The page of the parent's claim is not there in a child, and what the child
 * has mapped at that address since is its own. */
static int close_all(struct subject* subject) {
  struct uvshm__port_claim inherited = subject->claim;
  size_t page = (size_t) uvshm__port_page_size();
  unsigned char* pages[16];
  struct uvshm__port_claim claim;
  int i;

  for (i = 0; i < 16; i++) {
    pages[i] = mmap(
        NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHILD_CHECK(pages[i] != MAP_FAILED);
    *pages[i] = 1;
  }
  CHILD_CHECK(uvshm__port_claim(&claim, &subject->object, 5) == 0);
  uvshm__port_unclaim(&inherited);
  uvshm__port_unclaim(&claim);
  uvshm__port_unmap(&subject->view);
  uvshm__port_drop(&subject->object);
  uvshm__port_unclaim(&inherited);
  for (i = 0; i < 16; i++) CHILD_CHECK(*pages[i] == 1);
  return 0;
}


static void fork_child_may_close_what_is_the_parents(void** state) {
  struct uvshm__port_claim claim;
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("close"));
  assert_int_equal(subject_claim(&subject, 0), 0);
  in_child(close_all, &subject);
  expect_alive(&subject, 0, 1);
  assert_int_equal(uvshm__port_claim(&claim, &subject.object, 1), 0);
  uvshm__port_unclaim(&claim);
  subject_remove(&subject);
}


static int has_other_lineage(struct subject* subject) {
  uint32_t parents = *(uint32_t*) subject->view.addr;
  uint32_t mine = uvshm__port_lineage();
  int status;
  pid_t pid;

  CHILD_CHECK(mine != 0 && mine != parents);
  CHILD_CHECK(mine == uvshm__port_lineage());
  pid = fork();
  CHILD_CHECK(pid >= 0);
  if (pid == 0)
    _exit(uvshm__port_lineage() == mine || uvshm__port_lineage() == parents);
  CHILD_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  return 0;
}


static void fork_changes_the_lineage(void** state) {
  uint32_t mine = uvshm__port_lineage();
  struct subject carrier = {0};

  (void) state;
  carrier.view.addr = &mine;
  in_child(has_other_lineage, &carrier);
  assert_int_equal(uvshm__port_lineage(), mine);
}


static void enter_and_leave(void* arg) {
  struct subject* subject = arg;
  struct uvshm__port_claim claim;

  while (!uvshm__a32_load_acquire(subject_word(subject, 4096))) {
    if (uvshm__port_gate_enter(&subject->object) < 0) continue;
    if (uvshm__port_claim(&claim, &subject->object, 1) == 0)
      uvshm__port_unclaim(&claim);
    uvshm__port_gate_leave(&subject->object);
    if (uvshm__port_claim(&claim, &subject->object, 2) == 0)
      uvshm__port_unclaim(&claim);
  }
}


static int lock_is_free(struct subject* subject) {
  (void) subject;
  uvshm__port_process_lock();
  uvshm__port_process_unlock();
  return 0;
}


/* Children that live on while their parent's locks come and go. */
static void fork_copies_no_lock_of_another_thread(void** state) {
  struct child children[40];
  struct subject subject;
  uv_thread_t thread;
  size_t i;

  (void) state;
  subject_create(&subject, test_name("threads"));
  assert_int_equal(uv_thread_create(&thread, enter_and_leave, &subject), 0);
  for (i = 0; i < 40; i++) {
    child_start(&children[i], lock_is_free, &subject);
    child_report(&children[i]);
  }
  uvshm__a32_store_release(subject_word(&subject, 4096), 1);
  uv_thread_join(&thread);
  expect_alive(&subject, 1, 0);
  expect_alive(&subject, 2, 0);
  assert_int_equal(subject_enter_wait(&subject), 0);
  for (i = 0; i < 40; i++) child_end(&children[i]);
  subject_remove(&subject);
}


static int claim_and_exec(struct subject* subject) {
  pid_t pid = fork();
  int alive = 0;
  int i;

  CHILD_CHECK(pid >= 0);
  if (pid == 0) {
    struct uvshm__port_claim claim;

    if (uvshm__port_claim(&claim, &subject->object, 4) != 0) _exit(1);
    usleep(50000);
    execlp("sleep", "sleep", "5", (char*) NULL);
    _exit(1);
  }
  for (i = 0; i < 5000 && !alive; i++) {
    CHILD_CHECK(uvshm__port_alive(&subject->object, 4, &alive) == 0);
    usleep(1000);
  }
  CHILD_CHECK(alive);
  for (i = 0; i < 3000 && alive; i++) {
    CHILD_CHECK(uvshm__port_alive(&subject->object, 4, &alive) == 0);
    usleep(1000);
  }
  CHILD_CHECK(!alive);
  CHILD_CHECK(waitpid(pid, NULL, WNOHANG) == 0); /* it still runs */
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return 0;
}


static void exec_gives_claims_back(void** state) {
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("exec"));
  in_child(claim_and_exec, &subject);
  subject_remove(&subject);
}

static int sees_slot_0(struct subject* subject) {
  struct uvshm__port_claim claim;
  int alive;

  CHILD_CHECK(uvshm__port_alive(&subject->object, 0, &alive) == 0 && alive);
  CHILD_CHECK(uvshm__port_claim(&claim, &subject->object, 0) == UV_EBUSY);
  return 0;
}


/* Locks of the process go with any descriptor of the file that is closed. */
static void hand_over_loses_no_claim(void** state) {
  struct uvshm__port_spec spec = spec_of(NULL);
  struct uvshm__port_object other;
  struct uvshm__port_claim claim;
  struct subject subject;
  intptr_t handle;
  uint32_t readonly;
  int used;

  (void) state;
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(subject_claim(&subject, 0), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  for (readonly = 0; readonly <= 1; readonly++) {
    assert_int_equal(uvshm__port_export(&subject.object, readonly, &handle), 0);
    uvshm__port_export_close(handle);
    in_child(sees_slot_0, &subject);

    /* Back into the same process. */
    assert_int_equal(uvshm__port_export(&subject.object, readonly, &handle), 0);
    assert_int_equal(uvshm__port_import(&other, handle), 0);
    assert_int_equal(other.readonly, readonly);
    assert_memory_equal(other.key, subject.object.key, sizeof(other.key));
    if (!readonly) {
      assert_int_equal(uvshm__port_claim(&claim, &other, 0), UV_EBUSY);
      assert_int_equal(uvshm__port_claim(&claim, &other, 1), 0);
      assert_int_equal(subject_enter_wait(&subject), 0);
      assert_int_equal(uvshm__port_in_use(&subject.object, &used), 0);
      assert_int_equal(used, 1);
      uvshm__port_gate_leave(&subject.object);
      uvshm__port_unclaim(&claim);
    }
    uvshm__port_drop(&other);
    in_child(sees_slot_0, &subject);
  }
  subject_drop(&subject);
}


int main(int argc, char** argv) {
  static const struct CMUnitTest cases[] = {
      cmocka_unit_test(fork_leaves_claims_with_the_parent),
      cmocka_unit_test(fork_does_not_keep_a_dead_parent_alive),
      cmocka_unit_test(fork_child_rejoins_a_named_object),
      cmocka_unit_test(fork_child_rejoins_an_anonymous_object),
      cmocka_unit_test(fork_child_may_close_what_is_the_parents),
      cmocka_unit_test(fork_changes_the_lineage),
      cmocka_unit_test(fork_copies_no_lock_of_another_thread),
      cmocka_unit_test(exec_gives_claims_back),
      cmocka_unit_test(hand_over_loses_no_claim),
  };

  (void) argc;
  (void) argv;
  return cmocka_run_group_tests(cases, NULL, NULL);
}
