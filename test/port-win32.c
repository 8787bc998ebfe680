/* SPDX-License-Identifier: MIT */

/* What src/win32 promises beyond the conformance suite: what others may plant
 * under our names, and rights. More is in port-win32-life.c. */

#include <winsock2.h>
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>

#include "conformance.h" /* after those: its SIZE is a type there */

#include "uvshm/flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- planting ------------------------------------------------------------ */

/* `Local\uvshm-NAME.SUFFIX`, valid until the next call. */
static const wchar_t* system_name(const char* name, const char* suffix) {
  static wchar_t wide[512];
  char text[512];

  snprintf(text, sizeof(text), "Local\\uvshm-%s.%s", name, suffix);
  MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, 512);
  return wide;
}


static HANDLE plant_section(const wchar_t* name, const wchar_t* sddl) {
  SECURITY_ATTRIBUTES attributes = {sizeof(attributes), NULL, FALSE};
  HANDLE section;

  if (sddl != NULL)
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorW(
        sddl, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, NULL));
  section = CreateFileMappingW(
      INVALID_HANDLE_VALUE, &attributes, PAGE_READWRITE, 0, 4096, name);
  LocalFree(attributes.lpSecurityDescriptor);
  assert_non_null(section);
  return section;
}


static int owner_is_system(HANDLE section) {
  PSECURITY_DESCRIPTOR found;
  wchar_t* text;
  PSID owner;
  int is = 0;

  if (GetSecurityInfo(section,
                      SE_KERNEL_OBJECT,
                      OWNER_SECURITY_INFORMATION,
                      &owner,
                      NULL,
                      NULL,
                      NULL,
                      &found) != ERROR_SUCCESS)
    return 0;
  if (ConvertSidToStringSidW(owner, &text)) {
    is = wcscmp(text, L"S-1-5-18") == 0;
    LocalFree(text);
  }
  LocalFree(found);
  return is;
}


/* Wine lets us make what belongs to SYSTEM; Windows lets only SYSTEM. */
static void index_of_another_user_is_eperm(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("planted"));
  struct subject subject;
  HANDLE section;

  (void) state;
  section =
      plant_section(system_name(spec.name, "index"), L"O:SYD:P(A;;GA;;;WD)");
  if (!owner_is_system(section)) {
    CloseHandle(section);
    skip();
  }
  assert_int_equal(subject_find(&subject, &spec), UV_EPERM);
  assert_int_equal(subject_make(&subject, &spec), UV_EPERM);
  CloseHandle(section);
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
}


static void name_of_another_kind_of_object_is_einval(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("event"));
  struct subject subject;
  HANDLE event;

  (void) state;
  event = CreateEventW(NULL, TRUE, FALSE, system_name(spec.name, "index"));
  assert_non_null(event);
  assert_int_equal(subject_find(&subject, &spec), UV_EINVAL);
  assert_int_equal(subject_make(&subject, &spec), UV_EINVAL);
  CloseHandle(event);
}


/* A key that no section has, and a page of noise. */
static void index_that_lies_means_nothing(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("lies"));
  struct subject subject;
  struct subject made;
  uint32_t* page;
  HANDLE index;
  HANDLE view;

  (void) state;
  subject_create(&made, spec.name);
  index = OpenFileMappingW(
      FILE_MAP_READ | FILE_MAP_WRITE, FALSE, system_name(spec.name, "index"));
  assert_non_null(index);
  page = view = MapViewOfFile(index, FILE_MAP_WRITE, 0, 0, 4096);
  assert_non_null(page);
  page[0] ^= 1;
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
  memset(page, 0xff, 4096);
  assert_int_equal(subject_find(&subject, &spec), UV_ENOENT);
  assert_int_equal(uvshm__port_gate_enter(&made.object), UV_ENXIO);
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  subject_drop(&subject);
  subject_drop(&made);
  UnmapViewOfFile(view);
  CloseHandle(index);
}


static void name_that_is_not_utf8_is_einval(void** state) {
  struct uvshm__port_spec spec = spec_of("test-\xff\xfe");
  struct subject subject;

  (void) state;
  assert_int_equal(subject_find(&subject, &spec), UV_EINVAL);
  assert_int_equal(subject_make(&subject, &spec), UV_EINVAL);
}

/* ---- rights -------------------------------------------------------------- */

/* "D:P(A;;RIGHTS;;;<this user>)", valid until the next call. */
static const char* only_we(const char* rights) {
  static char text[256];
  struct uvshm__port_attributes attributes;
  struct subject subject;

  subject_create(&subject, test_name("who"));
  assert_int_equal(uvshm__port_attributes(&subject.object, &attributes), 0);
  assert_int_equal(attributes.own, 1);
  snprintf(text, sizeof(text), "D:P(A;;%s;;;%s)", rights, attributes.owner);
  subject_remove(&subject);
  return text;
}


static void who_may_only_read_finds_only_for_reading(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("reading"));
  struct uvshm__port_spec reading = spec_readonly(spec.name);
  struct subject maker;
  struct subject subject;

  (void) state;
  spec.sddl = only_we("GR");
  assert_int_equal(subject_make(&maker, &spec), 0);
  assert_int_equal(uvshm__port_publish(&maker.object), 0);
  uvshm__port_gate_leave(&maker.object);

  assert_int_equal(subject_find(&subject, &spec), UV_EACCES);
  assert_int_equal(subject_find(&subject, &reading), 0);
  assert_int_equal(subject_map(&subject, UVSHM__PORT_READ), 0);
  assert_int_equal(subject_claim(&subject, UVSHM__PORT_READERS), 0);
  uvshm__port_gate_leave(&subject.object);
  assert_int_equal(subject_enter_wait(&subject), 0);
  subject_drop(&subject);
  assert_int_equal(
      uvshm__port_find_system(&subject.object, maker.object.system_name), 0);
  assert_int_equal(subject.object.readonly, 1);
  uvshm__port_drop(&subject.object);
  subject_drop(&maker);
}


static void who_may_do_nothing_is_eacces(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("nothing"));
  struct uvshm__port_spec reading = spec_readonly(spec.name);
  struct subject maker;
  struct subject subject;

  (void) state;
  spec.sddl = "D:P(A;;GA;;;SY)";
  assert_int_equal(subject_make(&maker, &spec), 0);
  assert_int_equal(uvshm__port_publish(&maker.object), 0);
  uvshm__port_gate_leave(&maker.object);
  assert_int_equal(subject_find(&subject, &spec), UV_EACCES);
  assert_int_equal(subject_find(&subject, &reading), UV_EACCES);
  spec.sddl = NULL;
  assert_int_equal(subject_make(&subject, &spec), UV_EACCES);
  subject_drop(&maker);
}

/* Whoever is handed a handle for reading shall not make more of it. */
static void handle_for_reading_cannot_be_widened(void** state) {
  struct uvshm__port_spec spec = spec_of(NULL);
  HANDLE self = GetCurrentProcess();
  struct subject subject;
  intptr_t handle;
  HANDLE wider;
  void* view;

  (void) state;
  assert_int_equal(subject_make(&subject, &spec), 0);
  assert_int_equal(uvshm__port_export(&subject.object, 1, &handle), 0);
  view = MapViewOfFile((HANDLE) handle, FILE_MAP_READ, 0, 0, 1);
  assert_non_null(view);
  UnmapViewOfFile(view);
  assert_null(MapViewOfFile((HANDLE) handle, FILE_MAP_WRITE, 0, 0, 1));
  assert_false(DuplicateHandle(
      self, (HANDLE) handle, self, &wider, FILE_MAP_WRITE, FALSE, 0));
  uvshm__port_export_close(handle);
  subject_drop(&subject);
}

/* ---- handles ------------------------------------------------------------- */

static int nothing_is_left(void** state) {
  (void) state;
  return test_leftovers() == 0 ? 0 : -1;
}


int main(int argc, char** argv) {
  static const struct test_role roles[] = {{"agent", agent_role}, {NULL, NULL}};
  static const struct CMUnitTest cases[] = {
      cmocka_unit_test(index_of_another_user_is_eperm),
      cmocka_unit_test(name_of_another_kind_of_object_is_einval),
      cmocka_unit_test(index_that_lies_means_nothing),
      cmocka_unit_test(name_that_is_not_utf8_is_einval),
      cmocka_unit_test(who_may_only_read_finds_only_for_reading),
      cmocka_unit_test(who_may_do_nothing_is_eacces),
      cmocka_unit_test(handle_for_reading_cannot_be_widened),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("win32", cases, NULL, nothing_is_left);
}
