/* SPDX-License-Identifier: MIT */

/* Section map of src/port.h. */

#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


void map_reaches_beyond_what_exists(void** state) {
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("reach"));
  assert_int_equal(subject.view.size, RESERVE);
  assert_int_equal(subject.view.access, UVSHM__PORT_WRITE);
  assert_int_equal(subject.view.offset, 0);
  assert_int_equal((uintptr_t) subject.view.addr % uvshm__port_page_size(), 0);
  subject_remove(&subject);
}


void map_window_begins_at_its_offset(void** state) {
  struct uvshm__port_view window;
  struct subject subject;
  uint64_t offset = uvshm__port_alignment();
  uint32_t word;

  (void) state;
  subject_create(&subject, test_name("window"));
  assert_int_equal(uvshm__port_grow(&subject.object,
                                    &subject.view,
                                    &subject_header(&subject)->committed,
                                    2 * SIZE),
                   0);
  uvshm__a32_store_release(subject_word(&subject, offset + 8), 11);
  assert_int_equal(
      uvshm__port_map(
          &window, &subject.object, offset, SIZE, SIZE, UVSHM__PORT_WRITE, 0),
      0);
  assert_int_equal(window.offset, offset);
  memcpy(&word, (unsigned char*) window.addr + 8, sizeof(word));
  assert_int_equal(word, 11);
  uvshm__port_unmap(&window);
  subject_remove(&subject);
}


void map_copy_is_seen_by_this_process_alone(void** state) {
  struct uvshm__port_spec spec = spec_readonly(test_name("copy"));
  struct subject subject;
  struct subject copy;

  (void) state;
  subject_create(&subject, spec.name);
  uvshm__a32_store_release(subject_word(&subject, 4096), 1);
  assert_int_equal(subject_find_wait(&copy, &spec), 0);
  assert_int_equal(
      uvshm__port_map(
          &copy.view, &copy.object, 0, SIZE, SIZE, UVSHM__PORT_COPY, 0),
      0);
  copy.mapped = 1;
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&copy, 4096)), 1);
  uvshm__a32_store_release(subject_word(&copy, 4096), 2);
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&subject, 4096)), 1);
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&copy, 4096)), 2);
  subject_drop(&copy);
  subject_remove(&subject);
}


void map_read_only_is_never_widened(void** state) {
  struct uvshm__port_spec spec = spec_readonly(test_name("widen"));
  struct subject subject;
  struct subject reader;

  (void) state;
  subject_create(&subject, spec.name);
  uvshm__a32_store_release(subject_word(&subject, 4096), 1);
  assert_int_equal(subject_find_wait(&reader, &spec), 0);
  assert_int_equal(reader.object.readonly, 1);
  assert_int_equal(subject_map(&reader, UVSHM__PORT_WRITE), UV_EACCES);
  assert_int_equal(
      uvshm__port_map(
          &reader.view, &reader.object, 0, SIZE, SIZE, UVSHM__PORT_READ, 0),
      0);
  reader.mapped = 1;
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&reader, 4096)), 1);
  assert_int_equal(
      uvshm__port_protect(reader.view.addr, SIZE, UVSHM__PORT_WRITE),
      UV_EACCES);
  subject_drop(&reader);
  subject_remove(&subject);
}


void map_protect_takes_and_gives_back(void** state) {
  struct subject subject;
  uint64_t page = uvshm__port_page_size();
  unsigned char* at;

  (void) state;
  subject_create(&subject, test_name("protect"));
  at = (unsigned char*) subject.view.addr + page;
  assert_int_equal(uvshm__port_protect(at, page, UVSHM__PORT_NONE), 0);
  *(volatile unsigned char*) (at - 1) = 1;
  *(volatile unsigned char*) (at + page) = 1;
  assert_int_equal(uvshm__port_protect(at, page, UVSHM__PORT_READ), 0);
  assert_int_equal(*(volatile unsigned char*) at, 0);
  assert_int_equal(uvshm__port_protect(at, page, UVSHM__PORT_WRITE), 0);
  *(volatile unsigned char*) at = 1;
  subject_remove(&subject);
}


void map_advice_is_harmless(void** state) {
  struct subject subject;
  uint32_t got = 7;
  int err;

  (void) state;
  subject_create(&subject, test_name("advice"));
  uvshm__a32_store_release(subject_word(&subject, 4096), 21);
  assert_int_equal(uvshm__port_prefault(subject.view.addr, SIZE, 0), 0);
  assert_int_equal(uvshm__port_prefault(subject.view.addr, SIZE, 1), 0);
  err = uvshm__port_pin(subject.view.addr, SIZE);
  assert_true(err == 0 || err == UV_ENOMEM);
  assert_int_equal(uvshm__port_huge(subject.view.addr, SIZE, &got), 0);
  assert_in_range(got, 0, 1);
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&subject, 4096)), 21);
  subject_unmap(&subject);
  assert_int_equal(uvshm__port_map(&subject.view,
                                   &subject.object,
                                   0,
                                   RESERVE,
                                   SIZE,
                                   UVSHM__PORT_WRITE,
                                   1),
                   0);
  subject.mapped = 1;
  assert_in_range(subject.view.huge, 0, 1);
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&subject, 4096)), 21);
  subject_remove(&subject);
}


void map_outlives_drop(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("outlive"));
  struct subject subject;
  struct subject other;

  (void) state;
  subject_create(&subject, spec.name);
  assert_int_equal(subject_find_wait(&other, &spec), 0);
  assert_int_equal(subject_map(&other, UVSHM__PORT_WRITE), 0);
  uvshm__port_drop(&other.object);
  other.open = 0;
  uvshm__a32_store_release(subject_word(&other, 4096), 8);
  assert_int_equal(uvshm__a32_load_acquire(subject_word(&subject, 4096)), 8);
  subject_unmap(&other);
  subject_remove(&subject);
}


/* ---- growth -------------------------------------------------------------- */

static uint64_t committed_of(struct subject* subject) {
  return uvshm__a64_load_acquire(&subject_header(subject)->committed);
}


static int grow(struct subject* subject, uint64_t to) {
  return uvshm__port_grow(&subject->object,
                          &subject->view,
                          &subject_header(subject)->committed,
                          to);
}


/* An agent that has `name` mapped, outside the gate. */
static void agent_with_map(struct test_process* agent, const char* name) {
  agent_start(agent);
  agent_must(agent, "0", "find %s", name);
  agent_must(agent, "0", "map %u", UVSHM__PORT_WRITE);
  agent_must(agent, "0", "leave");
}


static void agent_end(struct test_process* agent) {
  test_tell(agent, "exit");
  assert_int_equal(test_join(agent), 0);
}


void grow_is_seen_by_all_at_once(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("grow");
  uint32_t to;

  (void) state;
  subject_create(&subject, name);
  agent_with_map(&agent, name);
  for (to = 2 * SIZE; to <= RESERVE; to += SIZE) {
    agent_must(&agent, "0", "grow %u", to);
    assert_int_equal(committed_of(&subject), to);
    uvshm__a32_store_release(subject_word(&subject, to - 4), to);
    assert_int_equal(strtoul(agent_ask(&agent, "load %u", to - 4), NULL, 10),
                     to);
  }
  agent_end(&agent);
  subject_remove(&subject);
}


void grow_gives_zeros_and_keeps_bytes(void** state) {
  struct subject subject;
  const unsigned char* bytes;
  size_t i;

  (void) state;
  subject_create(&subject, test_name("grow-zeros"));
  bytes = subject.view.addr;
  memset((unsigned char*) subject.view.addr + 4096, 'b', SIZE - 4096);
  assert_int_equal(grow(&subject, RESERVE), 0);
  for (i = 4096; i < SIZE; i++) assert_int_equal(bytes[i], 'b');
  for (i = SIZE; i < RESERVE; i++) assert_int_equal(bytes[i], 0);
  subject_remove(&subject);
}


void grow_never_lowers(void** state) {
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("lower"));
  assert_int_equal(grow(&subject, 4 * SIZE), 0);
  uvshm__a32_store_release(subject_word(&subject, 4 * SIZE - 4), 1);
  assert_int_equal(grow(&subject, 2 * SIZE), 0);
  assert_int_equal(committed_of(&subject), 4 * SIZE);
  assert_int_equal(grow(&subject, 4 * SIZE), 0);
  assert_int_equal(committed_of(&subject), 4 * SIZE);
  assert_int_equal(
      uvshm__a32_load_acquire(subject_word(&subject, 4 * SIZE - 4)), 1);
  subject_remove(&subject);
}


void grow_by_two_ends_with_the_larger(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("two");
  char command[64];
  char line[64];
  uint32_t to;

  (void) state;
  subject_create(&subject, name);
  agent_with_map(&agent, name);
  for (to = 3 * SIZE; to <= RESERVE; to += SIZE) {
    snprintf(command, sizeof(command), "grow %u", to);
    test_tell(&agent, command);
    assert_int_equal(grow(&subject, to - SIZE), 0);
    test_expect_line(&agent, line, sizeof(line));
    assert_string_equal(line, "0");
    assert_int_equal(committed_of(&subject), to);
    *(volatile unsigned char*) subject_word(&subject, to - 1) = 1;
  }
  agent_end(&agent);
  subject_remove(&subject);
}


/* What is committed is never written by a grower, however late it comes. */
void grow_loses_no_store_of_others(void** state) {
  struct test_process agent;
  struct subject subject;
  const char* name = test_name("stores");
  char command[64];
  char line[64];
  uint64_t at = SIZE;
  uint64_t end;
  uint32_t to;

  (void) state;
  subject_create(&subject, name);
  agent_with_map(&agent, name);
  for (to = 2 * SIZE; to <= RESERVE; to += SIZE) {
    snprintf(command, sizeof(command), "grow %u", to);
    test_tell(&agent, command);
    assert_int_equal(grow(&subject, to), 0);
    end = committed_of(&subject);
    for (; at < end; at += 4096)
      uvshm__a32_store_release(subject_word(&subject, at), (uint32_t) at);
    test_expect_line(&agent, line, sizeof(line));
    assert_string_equal(line, "0");
  }
  for (at = SIZE; at < RESERVE; at += 4096)
    assert_int_equal(uvshm__a32_load_acquire(subject_word(&subject, at)), at);
  agent_end(&agent);
  subject_remove(&subject);
}


/* `spec` finds it and holds its gate, which a grower does not ask for. */
static void measured_after_growing(const struct uvshm__port_spec* spec,
                                   uint32_t readonly) {
  struct uvshm__port_spec look = *spec;
  struct subject subject;
  struct subject finder;
  uint64_t to;

  look.readonly = readonly;
  assert_int_equal(subject_make(&subject, spec), 0);
  assert_int_equal(uvshm__port_publish(&subject.object), 0);
  uvshm__port_gate_leave(&subject.object);
  assert_int_equal(subject_find_wait(&finder, &look), 0);
  assert_true(finder.object.storage >= SIZE);
  for (to = 2 * SIZE; to <= RESERVE; to *= 2) {
    assert_int_equal(grow(&subject, to), 0);
    assert_int_equal(uvshm__port_measure(&finder.object), 0);
    assert_true(finder.object.storage >= to);
  }
  subject_drop(&finder);
  subject_remove(&subject);
}


void grow_is_measured_by_who_found_it_before(void** state) {
  struct uvshm__port_spec spec = spec_of(test_name("measure"));
  uint32_t keep;

  (void) state;
  for (keep = 0; keep < 2; keep++) {
    spec.keep = keep;
    measured_after_growing(&spec, 0);
    measured_after_growing(&spec, 1);
  }
}


void grow_of_a_damaged_word_is_an_error(void** state) {
  struct subject subject;

  (void) state;
  subject_create(&subject, test_name("damaged"));
  uvshm__a64_store_release(&subject_header(&subject)->committed, 12345);
  assert_int_equal(grow(&subject, 2 * SIZE), UV_EPROTO);
  uvshm__a64_store_release(&subject_header(&subject)->committed,
                           UINT64_C(1) << 60);
  assert_int_equal(grow(&subject, 2 * SIZE), UV_EPROTO);
  uvshm__a64_store_release(&subject_header(&subject)->committed, SIZE);
  assert_int_equal(grow(&subject, 2 * SIZE), 0);
  subject_remove(&subject);
}
