/* SPDX-License-Identifier: MIT */

/* Memory of other software on POSIX: shm_open() names and System V segments,
 * with the system's own calls at the other end. */

#include "conformance.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>


static struct uvshm__port_spec foreign(const char* name) {
  struct uvshm__port_spec spec = spec_of(name);

  spec.origin = UVSHM__PORT_FOREIGN;
  return spec;
}


static int map_all(struct uvshm__port_view* view,
                   struct uvshm__port_object* object,
                   uint32_t access) {
  return uvshm__port_map(
      view, object, 0, object->storage, object->storage, access, 0);
}


static void shm_of_others_is_opened_by_its_exact_name(void** state) {
  struct uvshm__port_object object;
  struct uvshm__port_view view;
  struct uvshm__port_spec spec;
  char name[256];
  int fd;

  (void) state;
  snprintf(name, sizeof(name), "/%s", test_name("shm"));
  spec = foreign(name);
  assert_int_equal(uvshm__port_find(&object, &spec), UV_ENOENT);
  fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, 10000), 0);
  assert_int_equal(pwrite(fd, "theirs", 6, 9000), 6);

  assert_int_equal(uvshm__port_find(&object, &spec), 0);
  assert_int_equal(object.storage, 10000);
  assert_string_equal(object.system_name, name);
  assert_int_equal(map_all(&view, &object, UVSHM__PORT_WRITE), 0);
  assert_memory_equal((char*) view.addr + 9000, "theirs", 6);
  memcpy(view.addr, "ours", 4);
  uvshm__port_unmap(&view);
  assert_int_equal(uvshm__port_gate_enter(&object), 0);
  uvshm__port_gate_leave(&object);
  assert_int_equal(uvshm__port_unlink(&object), 0);
  assert_int_equal(uvshm__port_unlink(&object), UV_ENXIO);
  uvshm__port_drop(&object);
  assert_int_equal(uvshm__port_find(&object, &spec), UV_ENOENT);
  memset(name, 0, 4);
  assert_int_equal(pread(fd, name, 4, 0), 4);
  assert_memory_equal(name, "ours", 4);
  close(fd);
}


static void shm_is_made_for_others_with_its_exact_size(void** state) {
  struct uvshm__port_object object;
  struct uvshm__port_object again;
  struct uvshm__port_view view;
  struct uvshm__port_spec spec;
  char name[256];
  struct stat st;
  int fd;

  (void) state;
  snprintf(name, sizeof(name), "/%s", test_name("shm-made"));
  spec = foreign(name);
  spec.mode = 0640;
  assert_int_equal(uvshm__port_make(&object, &spec, 5000), 0);
  assert_int_equal(uvshm__port_publish(&object), 0);
  assert_int_equal(uvshm__port_make(&again, &spec, 5000), UV_EEXIST);
  fd = shm_open(name, O_RDONLY, 0);
  assert_true(fd >= 0);
  assert_int_equal(fstat(fd, &st), 0);
  assert_int_equal(st.st_size, 5000);
  assert_int_equal(st.st_mode & 0777, 0640);
  close(fd);

  spec.readonly = 1;
  assert_int_equal(uvshm__port_find(&again, &spec), 0);
  assert_int_equal(map_all(&view, &again, UVSHM__PORT_WRITE), UV_EACCES);
  assert_int_equal(map_all(&view, &again, UVSHM__PORT_READ), 0);
  assert_int_equal(uvshm__port_protect(view.addr, 4096, UVSHM__PORT_WRITE),
                   UV_EACCES);
  uvshm__port_unmap(&view);
  uvshm__port_drop(&again);
  assert_int_equal(uvshm__port_unlink(&object), 0);
  uvshm__port_drop(&object);
}

/* ---- System V ------------------------------------------------------------ */

static void sysv_private_is_reached_by_its_identifier(void** state) {
  static const char words[6] = {'t', 'h', 'e', 'i', 'r', 's'};
  struct uvshm__port_spec spec = foreign("sysv:private");
  struct uvshm__port_attributes attributes;
  struct uvshm__port_object made;
  struct uvshm__port_object found;
  struct uvshm__port_view view;
  struct shmid_ds ds;
  char* theirs;
  int id;

  (void) state;
  assert_int_equal(uvshm__port_find(&found, &spec), UV_ENOENT);
  assert_int_equal(uvshm__port_make(&made, &spec, 10000), 0);
  assert_int_equal(made.storage, 10000);
  assert_int_equal(sscanf(made.system_name, "sysv:id=%d", &id), 1);
  theirs = shmat(id, NULL, 0);
  assert_int_not_equal((intptr_t) theirs, -1);
  memcpy(theirs + 9000, words, sizeof(words));

  spec.name = made.system_name;
  assert_int_equal(uvshm__port_find(&found, &spec), 0);
  assert_int_equal(map_all(&view, &found, UVSHM__PORT_WRITE), 0);
  assert_int_equal(view.size, 10000);
  assert_memory_equal((char*) view.addr + 9000, "theirs", 6);
  memcpy(view.addr, "ours", 4);
  assert_memory_equal(theirs, "ours", 4);
  uvshm__port_unmap(&view);
  assert_int_equal(shmctl(id, IPC_STAT, &ds), 0);
  assert_int_equal(ds.shm_nattch, 1);

  assert_int_equal(uvshm__port_attributes(&found, &attributes), 0);
  assert_int_equal(attributes.storage_size, 10000);
  assert_int_equal(attributes.mode, 0600);
  assert_int_equal(attributes.own, 1);
  spec.mode = 0640;
  assert_int_equal(uvshm__port_set_rights(&found, &spec), 0);
  assert_int_equal(uvshm__port_attributes(&found, &attributes), 0);
  assert_int_equal(attributes.mode, 0640);

  assert_int_equal(uvshm__port_unlink(&found), 0);
  uvshm__port_drop(&found);
  uvshm__port_drop(&made);
  shmdt(theirs);
}


static void sysv_window_and_rights_of_a_view(void** state) {
  struct uvshm__port_spec spec = foreign("sysv:private");
  uint64_t page = uvshm__port_page_size();
  struct uvshm__port_object made;
  struct uvshm__port_view whole;
  struct uvshm__port_view window;
  struct shmid_ds ds;
  int id;

  (void) state;
  assert_int_equal(uvshm__port_make(&made, &spec, 4 * page), 0);
  assert_int_equal(sscanf(made.system_name, "sysv:id=%d", &id), 1);
  assert_int_equal(map_all(&whole, &made, UVSHM__PORT_WRITE), 0);
  assert_int_equal(
      uvshm__port_map(&window, &made, page, page, page, UVSHM__PORT_READ, 0),
      0);
  assert_int_equal(window.offset, page);
  ((char*) whole.addr)[page + 5] = 'w';
  assert_int_equal(((char*) window.addr)[5], 'w');
  assert_int_equal(uvshm__port_protect(window.addr, page, UVSHM__PORT_WRITE),
                   UV_EACCES);
  assert_int_equal(uvshm__port_map(&window, &made, 0, 8 * page, 8 * page, 1, 0),
                   UV_EINVAL);
  assert_int_equal(uvshm__port_map(&window, &made, 8 * page, page, page, 1, 0),
                   UV_EINVAL);
  assert_int_equal(
      uvshm__port_map(&window, &made, 0, page, page, UVSHM__PORT_COPY, 0),
      UV_ENOTSUP);
  uvshm__port_unmap(&whole);
  uvshm__port_unmap(&window);
  assert_int_equal(shmctl(id, IPC_STAT, &ds), 0);
  assert_int_equal(ds.shm_nattch, 0);
  assert_int_equal(uvshm__port_unlink(&made), 0);
  assert_int_equal(uvshm__port_unlink(&made), UV_ENXIO);
  uvshm__port_drop(&made);
}


static void sysv_key_and_ftok_lead_to_one_segment(void** state) {
  const char* path = test_path("ftok");
  struct uvshm__port_object made;
  struct uvshm__port_object found;
  struct uvshm__port_spec spec;
  char name[1300];
  key_t key;
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

  (void) state;
  assert_true(fd >= 0);
  close(fd);
  key = ftok(path, 7);
  snprintf(name, sizeof(name), "sysv:ftok=%s:7", path);
  spec = foreign(name);
  assert_int_equal(uvshm__port_find(&found, &spec), UV_ENOENT);
  assert_int_equal(uvshm__port_make(&made, &spec, 100), 0);
  assert_int_equal(uvshm__port_make(&found, &spec, 100), UV_EEXIST);
  assert_int_equal(uvshm__port_find(&found, &spec), 0);
  assert_memory_equal(made.key, found.key, sizeof(made.key));
  uvshm__port_drop(&found);
  snprintf(name, sizeof(name), "sysv:key=0x%x", (unsigned) key);
  assert_int_equal(uvshm__port_find(&found, &spec), 0);
  assert_memory_equal(made.key, found.key, sizeof(made.key));
  assert_int_equal(uvshm__port_unlink(&found), 0);
  uvshm__port_drop(&found);
  uvshm__port_drop(&made);
  unlink(path);
}


static void sysv_names_that_say_nothing_are_einval(void** state) {
  static const char* const names[] = {"sysv:",
                                      "sysv:key=",
                                      "sysv:key=x",
                                      "sysv:key=0",
                                      "sysv:key=-1",
                                      "sysv:key=0x1ffffffff",
                                      "sysv:id=",
                                      "sysv:id=3000000000",
                                      "sysv:ftok=/tmp",
                                      "sysv:ftok=/tmp:0",
                                      "sysv:ftok=/tmp:256",
                                      "sysv:ftok=:1",
                                      "sysv:privately"};
  struct uvshm__port_object object;
  struct uvshm__port_spec spec;
  size_t i;

  (void) state;
  for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
    spec = foreign(names[i]);
    assert_int_equal(uvshm__port_find(&object, &spec), UV_EINVAL);
    assert_int_equal(uvshm__port_make(&object, &spec, 100), UV_EINVAL);
  }
  spec = foreign("sysv:id=7");
  assert_int_equal(uvshm__port_make(&object, &spec, 100), UV_EINVAL);
  spec = foreign("sysv:id=2147483647");
  assert_int_equal(uvshm__port_find(&object, &spec), UV_ENOENT);
}


int main(int argc, char** argv) {
  static const struct CMUnitTest cases[] = {
      cmocka_unit_test(shm_of_others_is_opened_by_its_exact_name),
      cmocka_unit_test(shm_is_made_for_others_with_its_exact_size),
      cmocka_unit_test(sysv_private_is_reached_by_its_identifier),
      cmocka_unit_test(sysv_window_and_rights_of_a_view),
      cmocka_unit_test(sysv_key_and_ftok_lead_to_one_segment),
      cmocka_unit_test(sysv_names_that_say_nothing_are_einval),
  };

  (void) argc;
  (void) argv;
  return cmocka_run_group_tests(cases, NULL, NULL);
}
