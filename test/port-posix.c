/* SPDX-License-Identifier: MIT */

/* What src/posix promises beyond the conformance suite: what others may plant
 * under our names, rights, limits of the process. Forks are in port-fork.c. */

#include "child.h"
#include "conformance.h"
#include "valgrind.h"

#include "port_caps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/stat.h>

#define NOBODY 65534u


/* The path that `name` has; nothing has it. */
static void path_of(char* path, size_t size, const char* name) {
  struct subject subject;

  subject_create(&subject, name);
  snprintf(path, size, "%s", subject.object.system_name);
  subject_remove(&subject);
}


static void expect_find(const char* name, int code) {
  struct uvshm__port_spec spec = spec_of(name);
  struct subject subject;

  assert_int_equal(subject_find(&subject, &spec), code);
  spec.readonly = 1;
  assert_int_equal(subject_find(&subject, &spec), code);
}


static void planted_things_that_are_no_files_are_einval(void** state) {
  const char* name = test_name("planted");
  char path[512];

  (void) state;
  path_of(path, sizeof(path), name);
  assert_int_equal(symlink("/etc/passwd", path), 0);
  expect_find(name, UV_EINVAL);
  unlink(path);
  assert_int_equal(symlink("/nonexistent", path), 0);
  expect_find(name, UV_EINVAL);
  unlink(path);
  assert_int_equal(mkfifo(path, 0600), 0);
  expect_find(name, UV_EINVAL);
  unlink(path);
  assert_int_equal(mkdir(path, 0700), 0);
  expect_find(name, UV_EINVAL);
  rmdir(path);
}


static void planted_name_keeps_a_maker_out(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("taken"));
  struct subject subject;
  char path[512];

  (void) state;
  path_of(path, sizeof(path), spec.name);
  assert_int_equal(symlink("/tmp/uvshm-must-not-appear", path), 0);
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), UV_EEXIST);
  subject_drop(&subject);
  assert_int_not_equal(access("/tmp/uvshm-must-not-appear", F_OK), 0);
  unlink(path);
}


static void planted_file_of_another_user_is_eperm(void** state) {
  const char* name = test_name("stranger");
  char path[512];
  int fd;

  (void) state;
  if (geteuid() != 0) skip(); /* only root makes files of others */
  path_of(path, sizeof(path), name);
  fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
  assert_true(fd >= 0);
  assert_int_equal(fchown(fd, NOBODY, NOBODY), 0);
  close(fd);
  expect_find(name, UV_EPERM);
  unlink(path);
}


static const char* name_for_nobody;


static int find_as_nobody(struct subject* subject) {
  struct uvshm__port_spec spec = spec_of(name_for_nobody);
  struct subject found;

  subject_drop(subject); /* what is open already needs no rights */
  CHILD_CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
  spec.system = 1;
  CHILD_CHECK(subject_find(&found, &spec) == UV_EACCES);
  spec.readonly = 1;
  CHILD_CHECK(subject_find_wait(&found, &spec) == 0);
  CHILD_CHECK(found.object.readonly);
  CHILD_CHECK(uvshm__port_unlink(&found.object) == UV_EACCES);
  subject_drop(&found);
  return 0;
}


static void system_scope_goes_by_mode(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("mode"));
  struct subject subject;

  (void) state;
  if (geteuid() != 0) skip();
  spec.system = 1;
  spec.mode = 0644;
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  name_for_nobody = spec.name;
  in_child(find_as_nobody, &subject);
  subject_remove(&subject);
}


static int count_each(void* arg, const char* name, const char* system_name) {
  const char** wanted = arg;

  if (strcmp(system_name, wanted[0]) == 0) wanted[1] = name ? name : "(null)";
  return 0;
}


static void litter_of_a_dead_maker_is_swept(void** state) {
  static const struct timespec long_ago[2] = {{1600000000, 0}, {1600000000, 0}};
  const char* name = test_name("litter");
  const char* wanted[2] = {"", NULL};
  char path[512];
  char temp[600];
  char* slash;
  int fd;

  (void) state;
  path_of(path, sizeof(path), name);
  slash = strrchr(path, '/');
  snprintf(temp,
           sizeof(temp),
           "%.*s/.uvshm-tmp-%s",
           (int) (slash - path),
           path,
           slash + 1);
  fd = open(temp, O_RDWR | O_CREAT | O_EXCL, 0600);
  assert_true(fd >= 0);
  assert_int_equal(uvshm__port_each_name(NULL, 0, count_each, wanted), 0);
  assert_int_equal(access(temp, F_OK), 0); /* its maker may just begin */
  assert_int_equal(futimens(fd, long_ago), 0);
  close(fd);
  assert_int_equal(uvshm__port_each_name(NULL, 0, count_each, wanted), 0);
  assert_int_not_equal(access(temp, F_OK), 0);
}


static void hashed_name_is_listed_without_its_name(void** state) {
  struct subject subject;
  const char* wanted[2] = {NULL, NULL};
  char name[128];

  (void) state;
  snprintf(name, sizeof(name), "~%s", test_name("hashed"));
  subject_create(&subject, name);
  wanted[0] = subject.object.system_name;
  assert_int_equal(uvshm__port_each_name(NULL, 0, count_each, wanted), 0);
  assert_non_null(wanted[1]);
  assert_string_equal(wanted[1], "(null)");
  subject_remove(&subject);
}

/* ---- rights -------------------------------------------------------------- */

static void rights_are_those_asked_for_whatever_the_umask(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("rights"));
  struct uvshm__port_attributes attributes;
  struct subject subject;
  char group[16];
  mode_t mask = umask(0077);
  struct stat st;

  (void) state;
  snprintf(group, sizeof(group), "%lu", (unsigned long) getegid());
  spec.mode = 0660;
  spec.group = group;
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  umask(mask);
  assert_int_equal(uvshm__port_attributes(&subject.object, &attributes), 0);
  assert_int_equal(attributes.mode, 0660);
  assert_int_equal(attributes.uid, geteuid());

  spec.mode = 0;
  spec.group = NULL;
  assert_int_equal(uvshm__port_set_rights(&subject.object, &spec), 0);
  spec.mode = 0644;
  assert_int_equal(uvshm__port_set_rights(&subject.object, &spec), 0);
  assert_int_equal(stat(subject.object.system_name, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0644);

  spec.mode = 04755;
  assert_int_equal(uvshm__port_set_rights(&subject.object, &spec), UV_EINVAL);
  spec.mode = 0600;
  spec.group = "no such group";
  assert_int_equal(uvshm__port_set_rights(&subject.object, &spec), UV_EINVAL);
  assert_int_equal(stat(subject.object.system_name, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0644);
  subject_remove(&subject);
}


static void anonymous_memory_is_sealed_against_shrinking(void** state) {
  struct uvshm__port_spec spec = spec_of(NULL);
  struct subject subject;

  (void) state;
  if (!UVSHM__PORT_UNNAMED_FILES) skip();
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(ftruncate((int) subject.object.os[0], 4096), -1);
  assert_int_equal(errno, EPERM);
  subject_drop(&subject);
}


static void relative_path_survives_a_chdir(void** state) {
  const char* path = test_path("relative");
  struct uvshm__port_spec spec = spec_of(strrchr(path, '/') + 1);
  struct subject subject;
  char before[1024];
  char folder[1024];

  (void) state;
  assert_non_null(getcwd(before, sizeof(before)));
  snprintf(
      folder, sizeof(folder), "%.*s", (int) (strrchr(path, '/') - path), path);
  spec.origin = UVSHM__PORT_FILE;
  assert_int_equal(chdir(folder), 0);
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(chdir("/"), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  assert_int_equal(access(path, F_OK), 0);
  subject_remove(&subject);
  assert_int_equal(access(path, F_OK), -1);
  assert_int_equal(chdir(before), 0);
}

/* ---- limits of the process ----------------------------------------------- */

static int descriptors(void) {
  DIR* folder = opendir("/proc/self/fd");
  int count = 0;

  if (folder == NULL) return -1;
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}


/* Everything once, failures included. */
static void all_of_it(const char* name) {
  struct uvshm__port_spec spec = spec_of(name);
  struct subject subject;
  struct subject other;

  subject_create(&subject, name);
  assert_int_equal(subject_claim(&subject, 0), 0);
  assert_int_equal(subject_find_wait(&other, &spec), 0);
  assert_int_equal(subject_claim(&other, 0), UV_EBUSY);
  assert_int_equal(subject_claim(&other, 1), 0);
  assert_int_equal(uvshm__port_gate_enter(&subject.object), UV_EAGAIN);
  assert_int_equal(subject_map(&other, UVSHM__PORT_WRITE), 0);
  uvshm__port_gate_leave(&other.object);
  assert_int_equal(uvshm__port_peer_test(&other.object), 0);
  assert_int_equal(uvshm__port_grow(&other.object,
                                    &other.view,
                                    &subject_header(&other)->committed,
                                    2 * SIZE),
                   0);
  subject_drop(&other);
  assert_int_equal(subject_make(&other, &spec), 0);
  assert_int_equal(uvshm__port_publish(&other.object), UV_EEXIST);
  subject_drop(&other);
  subject_remove(&subject);
  assert_int_equal(subject_find(&other, &spec), UV_ENOENT);
}


static void descriptors_do_not_leak(void** state) {
  const char* name = test_name("leak");
  int before;
  int i;

  (void) state;
  all_of_it(name);
  before = descriptors();
  if (before < 0) skip();
  for (i = 0; i < 50; i++) all_of_it(name);
  assert_int_equal(descriptors(), before);
}


static int open_many(struct subject* subject) {
  struct uvshm__port_spec spec = spec_of(subject->view.addr);
  static struct subject found[200];
  struct rlimit limit;
  int err = 0;
  int i;

  CHILD_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = 64;
  limit.rlim_max = 128;
  CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (i = 0; i < 200; i++) {
    spec.origin = UVSHM__PORT_ANONYMOUS;
    spec.name = NULL;
    err = subject_make(&found[i], &spec);
    if (err < 0) break;
    CHILD_CHECK(uvshm__port_publish(&found[i].object) == 0);
    uvshm__port_gate_leave(&found[i].object);
  }
  CHILD_CHECK(i > 64 && i < 128);
  CHILD_CHECK(err == UV_EMFILE);
  CHILD_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 128);
  while (i > 0) subject_drop(&found[--i]);
  CHILD_CHECK(subject_make(&found[0], &spec) == 0);
  subject_drop(&found[0]);
  return 0;
}


static void descriptors_are_had_up_to_the_hard_limit(void** state) {
  struct subject carrier = {0};

  (void) state;
  if (test_in_valgrind()) skip();
  in_child(open_many, &carrier);
}


static int map_in_little_space(struct subject* subject) {
  struct uvshm__port_view view;
  struct rlimit limit;
  uint64_t huge = UINT64_C(1) << (sizeof(void*) == 8 ? 40 : 30);

  limit.rlim_cur = limit.rlim_max = 256u << 20;
  CHILD_CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  CHILD_CHECK(
      uvshm__port_map(
          &view, &subject->object, 0, huge, huge, UVSHM__PORT_WRITE, 0) ==
      UV_ENOMEM);
  CHILD_CHECK(
      uvshm__port_map(
          &view, &subject->object, 0, huge, SIZE, UVSHM__PORT_WRITE, 0) == 0);
  CHILD_CHECK(view.size >= SIZE && view.size < huge);
  CHILD_CHECK(view.size % SIZE == 0);
  *(volatile char*) view.addr = 1;
  uvshm__port_unmap(&view);
  return 0;
}


static void address_space_that_is_short_maps_less(void** state) {
  struct subject subject;

  (void) state;
  if (test_in_valgrind()) skip();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  skip();
#elif defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  skip();
# endif
#endif
  subject_create(&subject, test_name("space"));
  in_child(map_in_little_space, &subject);
  subject_remove(&subject);
}


static int grow_beyond_file_limit(struct subject* subject) {
  struct rlimit limit;

  limit.rlim_cur = limit.rlim_max = 2 * SIZE;
  CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHILD_CHECK(uvshm__port_grow(&subject->object,
                               &subject->view,
                               &subject_header(subject)->committed,
                               3 * SIZE) == UV_ENOSPC);
  CHILD_CHECK(uvshm__port_grow(&subject->object,
                               &subject->view,
                               &subject_header(subject)->committed,
                               2 * SIZE) == 0);
  return 0;
}


static void file_size_limit_is_enospc_and_no_signal(void** state) {
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("fsize"));
  in_child(grow_beyond_file_limit, &subject);
  subject_remove(&subject);
}


static int no_calls_beyond_file_limit(struct subject* subject) {
  struct rlimit limit;

  limit.rlim_cur = limit.rlim_max = 1;
  CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHILD_CHECK(!uvshm__port_takes_calls(&subject->object));
  return 0;
}


static void file_size_limit_forbids_writes_by_calls(void** state) {
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("calls"));
  in_child(no_calls_beyond_file_limit, &subject);
  subject_remove(&subject);
}


int main(int argc, char** argv) {
  static const struct CMUnitTest cases[] = {
      cmocka_unit_test(planted_things_that_are_no_files_are_einval),
      cmocka_unit_test(planted_name_keeps_a_maker_out),
      cmocka_unit_test(planted_file_of_another_user_is_eperm),
      cmocka_unit_test(system_scope_goes_by_mode),
      cmocka_unit_test(litter_of_a_dead_maker_is_swept),
      cmocka_unit_test(hashed_name_is_listed_without_its_name),
      cmocka_unit_test(rights_are_those_asked_for_whatever_the_umask),
      cmocka_unit_test(anonymous_memory_is_sealed_against_shrinking),
      cmocka_unit_test(relative_path_survives_a_chdir),
      cmocka_unit_test(descriptors_do_not_leak),
      cmocka_unit_test(descriptors_are_had_up_to_the_hard_limit),
      cmocka_unit_test(address_space_that_is_short_maps_less),
      cmocka_unit_test(file_size_limit_forbids_writes_by_calls),
      cmocka_unit_test(file_size_limit_is_enospc_and_no_signal),
  };

  (void) argc;
  (void) argv;
  return cmocka_run_group_tests(cases, NULL, NULL);
}
