/* SPDX-License-Identifier: MIT */

/* What the conformance cases have in common: an object with a small header of
 * its own, and waiting for what other processes do. */

#include "conformance.h"

#include <stdio.h>
#include <string.h>

#define MAGIC UINT64_C(0x6d726f666e6f6321)


struct uvshm__port_spec spec_of(const char* name) {
  struct uvshm__port_spec spec;

  memset(&spec, 0, sizeof(spec));
  spec.name = name;
  spec.origin =
      name != NULL ? UVSHM__PORT_NAMED : (uint32_t) UVSHM__PORT_ANONYMOUS;
  spec.reserve = RESERVE;
  return spec;
}


struct uvshm__port_spec spec_readonly(const char* name) {
  struct uvshm__port_spec spec = spec_of(name);

  spec.readonly = 1;
  return spec;
}


int subject_map(struct subject* subject, uint32_t access) {
  int err = uvshm__port_map(
      &subject->view, &subject->object, 0, RESERVE, SIZE, access, 0);

  if (err == 0) subject->mapped = 1;
  return err;
}


struct subject_header* subject_header(struct subject* subject) {
  return subject->view.addr;
}


uvshm__a32_t* subject_word(struct subject* subject, uint64_t offset) {
  unsigned char* bytes = subject->view.addr;

  return (uvshm__a32_t*) (void*) (bytes + offset);
}


static int format(struct subject* subject) {
  struct subject_header* header;
  int err = subject_map(subject, UVSHM__PORT_WRITE);

  if (err < 0) return err;
  header = subject_header(subject);
  header->magic = MAGIC;
  err = uvshm__port_random(header->id, sizeof(header->id));
  if (err < 0) return err;
  uvshm__a64_store_release(&header->committed, SIZE);
  uvshm__port_identify(&subject->object, header->id);
  return 0;
}


int subject_make(struct subject* subject, const struct uvshm__port_spec* spec) {
  int err;

  memset(subject, 0, sizeof(*subject));
  err = uvshm__port_make(&subject->object, spec, SIZE);
  if (err < 0) return err;
  subject->open = 1;
  err = format(subject);
  if (err < 0) subject_drop(subject);
  return err;
}


int subject_find(struct subject* subject, const struct uvshm__port_spec* spec) {
  struct subject_header header;
  int err;

  memset(subject, 0, sizeof(*subject));
  err = uvshm__port_find(&subject->object, spec);
  if (err < 0) return err;
  subject->open = 1;
  err = uvshm__port_peek(&subject->object, &header, sizeof(header));
  if (err == 0 && header.magic != MAGIC) err = UV_EPROTO;
  if (err < 0) {
    subject_drop(subject);
    return err;
  }
  uvshm__port_identify(&subject->object, header.id);
  return 0;
}


int subject_find_wait(struct subject* subject,
                      const struct uvshm__port_spec* spec) {
  uint64_t deadline = test_now_ms() + TEST_PATIENCE_MS;
  int err;

  while ((err = subject_find(subject, spec)) == UV_EAGAIN &&
         test_now_ms() < deadline)
    test_sleep_ms(1);
  return err;
}


int subject_enter_wait(struct subject* subject) {
  uint64_t deadline = test_now_ms() + TEST_PATIENCE_MS;
  int err;

  while ((err = uvshm__port_gate_enter(&subject->object)) == UV_EAGAIN &&
         test_now_ms() < deadline)
    test_sleep_ms(1);
  return err;
}


int subject_claim(struct subject* subject, uint32_t slot) {
  int err = uvshm__port_claim(&subject->claim, &subject->object, slot);

  if (err == 0) subject->claimed = 1;
  return err;
}


void subject_unclaim(struct subject* subject) {
  if (subject->claimed) uvshm__port_unclaim(&subject->claim);
  subject->claimed = 0;
}


void subject_unmap(struct subject* subject) {
  if (subject->mapped) uvshm__port_unmap(&subject->view);
  subject->mapped = 0;
}


void subject_drop(struct subject* subject) {
  subject_unclaim(subject);
  subject_unmap(subject);
  if (subject->open) uvshm__port_drop(&subject->object);
  subject->open = 0;
}


void subject_create(struct subject* subject, const char* name) {
  struct uvshm__port_spec spec = spec_of(name);

  assert_int_equal(subject_make(subject, &spec), 0);
  assert_int_equal(uvshm__port_publish(&subject->object), 0);
  uvshm__port_gate_leave(&subject->object);
}


void subject_remove(struct subject* subject) {
  if (!subject->object.gated) assert_int_equal(subject_enter_wait(subject), 0);
  assert_int_equal(uvshm__port_unlink(&subject->object), 0);
  subject_drop(subject);
}


void expect_alive(struct subject* subject, uint32_t slot, int expected) {
  uint64_t deadline = test_now_ms() + TEST_PATIENCE_MS;
  int alive = -1;

  for (;;) {
    assert_int_equal(uvshm__port_alive(&subject->object, slot, &alive), 0);
    if (alive == expected || test_now_ms() >= deadline) break;
    test_sleep_ms(1);
  }
  assert_int_equal(alive, expected);
}
