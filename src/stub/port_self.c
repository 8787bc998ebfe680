/* SPDX-License-Identifier: MIT */

/* self, for a system that has nothing. The template for a new backend: copy
 * this folder, fill in one file after the other, and run `port-conformance`
 * until it passes. What cannot fail answers something harmless. */

#include "port.h"

#include "base/error.h"


uint64_t uvshm__port_now_ms(void) {
  return 0;
}


uint64_t uvshm__port_wall_ms(void) {
  return 0;
}


void uvshm__port_sleep_ms(uint32_t ms) {
  (void) ms;
}


void uvshm__port_yield(void) {
}


int uvshm__port_random(void* bytes, size_t size) {
  (void) bytes;
  (void) size;
  return UV_ENOSYS;
}


int uvshm__port_boot_id(uint64_t id[2]) {
  (void) id;
  return UV_ENOSYS;
}


uint32_t uvshm__port_pid(void) {
  return 0;
}


void uvshm__port_program(char* text, size_t size) {
  if (size != 0) text[0] = '\0';
}


static const uvshm__a32_t lineage = {1};


uint32_t uvshm__port_lineage(void) {
  return uvshm__a32_load_relaxed(&lineage);
}


const uvshm__a32_t* uvshm__port_lineage_word(void) {
  return &lineage;
}


int uvshm__port_thread_set(void* value, void (*at_exit)(void* value)) {
  (void) value;
  (void) at_exit;
  return UV_ENOSYS;
}


void* uvshm__port_thread_get(void) {
  return NULL;
}


void uvshm__port_process_lock(void) {
}


void uvshm__port_process_unlock(void) {
}


uint64_t uvshm__port_page_size(void) {
  return 4096;
}


uint64_t uvshm__port_alignment(void) {
  return 65536;
}
