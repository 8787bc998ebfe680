/* SPDX-License-Identifier: MIT */

/* Section name of src/port.h: files and anonymous objects. */

#include "conformance.h"

#include <string.h>


static struct uvshm__port_spec spec_of_file(const char* path, uint32_t origin) {
  struct uvshm__port_spec spec = spec_of(path);

  spec.origin = origin;
  return spec;
}


void file_is_made_found_and_removed(void** state) {
  struct uvshm__port_spec spec =
      spec_of_file(test_path("managed"), UVSHM__PORT_FILE);
  struct test_process agent;
  struct subject subject;
  int alive;

  (void) state;
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(subject_claim(&subject, 0), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);

  agent_start(&agent);
  agent_must(&agent, "0", "spec %u 0 0 0", UVSHM__PORT_FILE);
  agent_must(&agent, "0", "find %s", spec.name);
  agent_must(&agent, "1", "alive 0");
  agent_must(&agent, "EBUSY", "claim 0");
  agent_must(&agent, "0", "claim 1");
  agent_must(&agent, "0", "map %u", UVSHM__PORT_WRITE);
  agent_must(&agent, "0", "leave");
  agent_must(&agent, "0", "grow %u", 2 * SIZE);
  agent_must(&agent, "0", "store %u 3", 2 * SIZE - 4);
  assert_int_equal(
      uvshm__a32_load_acquire(subject_word(&subject, 2 * SIZE - 4)), 3);
  assert_int_equal(uvshm__port_alive(&subject.object, 1, &alive), 0);
  assert_int_equal(alive, 1);
  test_kill(&agent);
  expect_alive(&subject, 1, 0);
  subject_remove(&subject);
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
}


void file_bytes_are_on_disk_after_sync(void** state) {
  struct uvshm__port_spec spec =
      spec_of_file(test_path("sync"), UVSHM__PORT_FILE);
  struct subject subject;
  uint32_t word = 0;
  uv_buf_t buf = uv_buf_init((char*) &word, sizeof(word));
  uv_fs_t request;
  int fd;

  (void) state;
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__a32_store_release(subject_word(&subject, 8192), 0xfeedbeef);
  assert_int_equal(
      uvshm__port_sync(&subject.object, subject.view.addr, SIZE, 0), 0);
  assert_int_equal(
      uvshm__port_sync(&subject.object, subject.view.addr, SIZE, 1), 0);
  subject_drop(&subject);

  fd = uv_fs_open(NULL, &request, spec.name, UV_FS_O_RDONLY, 0, NULL);
  uv_fs_req_cleanup(&request);
  assert_true(fd >= 0);
  assert_int_equal(uv_fs_read(NULL, &request, fd, &buf, 1, 8192, NULL),
                   sizeof(word));
  uv_fs_req_cleanup(&request);
  assert_int_equal(uv_fs_close(NULL, &request, fd, NULL), 0);
  uv_fs_req_cleanup(&request);
  assert_int_equal(word, 0xfeedbeef);

  assert_int_equal(subject_find_wait(&subject, &spec), 0);
  subject_remove(&subject);
}


void file_that_is_a_folder_is_einval(void** state) {
  const char* path = test_path("folder");
  struct uvshm__port_spec spec = spec_of_file(path, UVSHM__PORT_FILE);
  struct subject subject;
  uv_fs_t request;

  (void) state;
  assert_int_equal(uv_fs_mkdir(NULL, &request, path, 0700, NULL), 0);
  uv_fs_req_cleanup(&request);
  assert_int_equal(subject_find(&subject, &spec), UV_EINVAL);
  spec.origin = UVSHM__PORT_RAW_FILE;
  assert_int_equal(subject_find(&subject, &spec), UV_EINVAL);
  assert_int_equal(uv_fs_rmdir(NULL, &request, path, NULL), 0);
  uv_fs_req_cleanup(&request);
}


void raw_file_has_the_size_that_was_asked(void** state) {
  struct uvshm__port_spec spec =
      spec_of_file(test_path("raw"), UVSHM__PORT_RAW_FILE);
  struct uvshm__port_object made;
  struct uvshm__port_object found;
  struct uvshm__port_view view;
  char bytes[1000];

  (void) state;
  spec.reserve = 1000;
  assert_int_equal(uvshm__port_find(&made, &spec), UV_ENOENT);
  assert_int_equal(uvshm__port_make(&made, &spec, 1000), 0);
  assert_int_equal(made.storage, 1000);
  assert_int_equal(
      uvshm__port_map(&view, &made, 0, 1000, 1000, UVSHM__PORT_WRITE, 0), 0);
  assert_int_equal(uvshm__port_publish(&made), 0);
  memset(view.addr, 'u', 1000);
  uvshm__port_unmap(&view);

  assert_int_equal(uvshm__port_find(&found, &spec), 0);
  assert_int_equal(found.storage, 1000);
  assert_int_equal(uvshm__port_peek(&found, bytes, sizeof(bytes)), 0);
  assert_int_equal(bytes[0], 'u');
  assert_int_equal(bytes[999], 'u');
  uvshm__port_drop(&made);
  assert_int_equal(uvshm__port_unlink(&found), 0);
  uvshm__port_drop(&found);
  assert_int_equal(uvshm__port_find(&found, &spec), UV_ENOENT);
}


void raw_file_needs_no_gate(void** state) {
  struct uvshm__port_spec spec =
      spec_of_file(test_path("ungated"), UVSHM__PORT_RAW_FILE);
  struct uvshm__port_object a;
  struct uvshm__port_object b;

  (void) state;
  assert_int_equal(uvshm__port_make(&a, &spec, SIZE), 0);
  assert_int_equal(uvshm__port_publish(&a), 0);
  assert_int_equal(uvshm__port_find(&b, &spec), 0);
  assert_int_equal(uvshm__port_gate_enter(&a), 0);
  assert_int_equal(uvshm__port_gate_enter(&b), 0);
  uvshm__port_gate_leave(&a);
  uvshm__port_gate_leave(&b);
  assert_int_equal(uvshm__port_make(&b, &spec, SIZE), UV_EEXIST);
  uvshm__port_drop(&b);
  assert_int_equal(uvshm__port_unlink(&a), 0);
  uvshm__port_drop(&a);
}


void raw_file_that_is_dropped_before_publish_is_gone(void** state) {
  struct uvshm__port_spec spec =
      spec_of_file(test_path("undone"), UVSHM__PORT_RAW_FILE);
  struct uvshm__port_object object;

  (void) state;
  assert_int_equal(uvshm__port_make(&object, &spec, SIZE), 0);
  uvshm__port_drop(&object);
  assert_int_equal(uvshm__port_find(&object, &spec), UV_ENOENT);
}


void anonymous_object_has_memory_claims_and_no_name(void** state) {
  struct uvshm__port_spec spec = spec_of(NULL);
  struct uvshm__port_claim second;
  struct subject subject;
  int used;

  (void) state;
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(subject_claim(&subject, 0), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  expect_alive(&subject, 0, 1);
  expect_alive(&subject, 1, 0);
  assert_int_equal(uvshm__port_claim(&second, &subject.object, 0), UV_EBUSY);
  assert_int_equal(uvshm__port_claim(&second, &subject.object, 1), 0);
  uvshm__port_unclaim(&second);
  assert_int_equal(subject_enter_wait(&subject), 0);
  assert_int_equal(uvshm__port_in_use(&subject.object, &used), 0);
  assert_int_equal(used, 0);
  uvshm__port_gate_leave(&subject.object);
  assert_int_equal(uvshm__port_grow(&subject.object,
                                    &subject.view,
                                    &subject_header(&subject)->committed,
                                    2 * SIZE),
                   0);
  uvshm__a32_store_release(subject_word(&subject, 2 * SIZE - 4), 1);
  subject_drop(&subject);
}
