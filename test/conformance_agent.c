/* SPDX-License-Identifier: MIT */

/* The other process of a conformance case. It has four subjects and obeys one
 * command a line; the answer is "0" or a code's name, or what was asked for.
 *
 *   use N                subject 0..3 that the next commands are about
 *   spec ORIGIN SCOPE KEEP READONLY
 *                        numbers, of the specifications that follow; default 0
 *   make NAME, find NAME, try NAME
 *                        find waits while it is UV_EAGAIN, try does not
 *   publish, leave, enter, unlink, drop, identify
 *   claim SLOT, unclaim, alive SLOT, used
 *   map ACCESS, unmap, store OFFSET VALUE, load OFFSET, count OFFSET TIMES
 *   grow TO, committed
 *   wait OFFSET VALUE LANE MS, wake OFFSET LANE COUNT
 *   boot, pid, exit
 */

#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 6
#define SUBJECTS 4

static struct subject subjects[SUBJECTS];
static struct subject* subject = subjects;
static uint64_t given[4]; /* by `spec` */


static struct uvshm__port_spec spec_for(const char* name) {
  struct uvshm__port_spec spec = spec_of(name);

  spec.origin = (uint32_t) given[0];
  spec.system = (uint32_t) given[1];
  spec.keep = (uint32_t) given[2];
  spec.readonly = (uint32_t) given[3];
  return spec;
}


static int say_code(int code) {
  test_say("%s", code == 0 ? "0" : uv_err_name(code));
  return 1;
}


static int say_number(uint64_t number) {
  test_say("%llu", (unsigned long long) number);
  return 1;
}


static int name_command(const char* verb, const char* name) {
  struct uvshm__port_spec spec = spec_for(name);

  if (strcmp(verb, "make") == 0) return say_code(subject_make(subject, &spec));
  if (strcmp(verb, "find") == 0)
    return say_code(subject_find_wait(subject, &spec));
  if (strcmp(verb, "try") == 0) return say_code(subject_find(subject, &spec));
  return 0;
}


static int gate_command(const char* verb) {
  struct uvshm__port_object* object = &subject->object;

  if (strcmp(verb, "drop") == 0) {
    subject_drop(subject);
    return say_code(0);
  }
  if (strcmp(verb, "leave") == 0) {
    if (subject->open) uvshm__port_gate_leave(object);
    return say_code(0);
  }
  if (strcmp(verb, "publish") == 0)
    return say_code(subject->open ? uvshm__port_publish(object) : UV_EBADF);
  if (strcmp(verb, "enter") == 0)
    return say_code(subject->open ? uvshm__port_gate_enter(object) : UV_EBADF);
  if (strcmp(verb, "unlink") == 0)
    return say_code(subject->open ? uvshm__port_unlink(object) : UV_EBADF);
  return 0;
}


static int peer_command(const char* verb, uint64_t a) {
  int answer = 0;
  int err;

  if (strcmp(verb, "claim") == 0)
    return say_code(subject_claim(subject, (uint32_t) a));
  if (strcmp(verb, "unclaim") == 0) {
    subject_unclaim(subject);
    return say_code(0);
  }
  if (strcmp(verb, "alive") == 0)
    err = uvshm__port_alive(&subject->object, (uint32_t) a, &answer);
  else if (strcmp(verb, "used") == 0)
    err = uvshm__port_in_use(&subject->object, &answer);
  else
    return 0;
  return err < 0 ? say_code(err) : say_number((uint64_t) answer);
}


static int map_command(const char* verb, uint64_t a, uint64_t b) {
  if (strcmp(verb, "map") == 0)
    return say_code(subject_map(subject, (uint32_t) a));
  if (strcmp(verb, "unmap") == 0) {
    subject_unmap(subject);
    return say_code(0);
  }
  if (strcmp(verb, "store") == 0) {
    uvshm__a32_store_release(subject_word(subject, a), (uint32_t) b);
    return say_code(0);
  }
  if (strcmp(verb, "load") == 0)
    return say_number(uvshm__a32_load_acquire(subject_word(subject, a)));
  if (strcmp(verb, "count") == 0) {
    while (b-- > 0) uvshm__a32_add(subject_word(subject, a), 1);
    return say_code(0);
  }
  return 0;
}


static int grow_command(const char* verb, uint64_t a) {
  uvshm__a64_t* committed;

  if (strcmp(verb, "grow") != 0 && strcmp(verb, "committed") != 0) return 0;
  committed = &subject_header(subject)->committed;
  if (*verb == 'c') return say_number(uvshm__a64_load_acquire(committed));
  return say_code(
      uvshm__port_grow(&subject->object, &subject->view, committed, a));
}


static int wait_command(const char* verb, const uint64_t* numbers) {
  if (strcmp(verb, "wait") == 0)
    return say_code(uvshm__port_wait(&subject->object,
                                     subject_word(subject, numbers[0]),
                                     (uint32_t) numbers[1],
                                     (uint32_t) numbers[2],
                                     (uint32_t) numbers[3]));
  if (strcmp(verb, "wake") == 0) {
    uvshm__port_wake(&subject->object,
                     subject_word(subject, numbers[0]),
                     (uint32_t) numbers[1],
                     (uint32_t) numbers[2]);
    return say_code(0);
  }
  return 0;
}


static int bell_command(const char* verb, const uint64_t* numbers) {
  static struct uvshm__port_bell bell;

  if (strcmp(verb, "bell") == 0)
    return say_code(uvshm__port_bell_open(
        &bell, &subject->object, (uint32_t) numbers[0], (uint32_t) numbers[1]));
  if (strcmp(verb, "ring") == 0) {
    uvshm__port_bell_ring(&subject->object,
                          (uint32_t) numbers[0],
                          (uint32_t) numbers[1],
                          (uint32_t) numbers[2]);
    return say_code(0);
  }
  return 0;
}


static int other_command(const char* verb, const uint64_t* numbers) {
  uint64_t boot[2];
  int err;

  if (strcmp(verb, "use") == 0) {
    subject = &subjects[numbers[0] % SUBJECTS];
    return say_code(0);
  }
  if (strcmp(verb, "spec") == 0) {
    memcpy(given, numbers, sizeof(given));
    return say_code(0);
  }
  if (strcmp(verb, "pid") == 0) return say_number(uvshm__port_pid());
  if (strcmp(verb, "boot") == 0) {
    err = uvshm__port_boot_id(boot);
    if (err < 0) return say_code(err);
    test_say("%016llx%016llx",
             (unsigned long long) boot[0],
             (unsigned long long) boot[1]);
    return 1;
  }
  return 0;
}


static int obey(const char* verb, char** words) {
  uint64_t numbers[WORDS - 1] = {0};
  int i;

  for (i = 0; i < WORDS - 1 && words[i] != NULL; i++)
    numbers[i] = strtoull(words[i], NULL, 0);
  return (words[0] != NULL && name_command(verb, words[0])) ||
         gate_command(verb) || peer_command(verb, numbers[0]) ||
         map_command(verb, numbers[0], numbers[1]) ||
         grow_command(verb, numbers[0]) || wait_command(verb, numbers) ||
         bell_command(verb, numbers) || other_command(verb, numbers);
}


int agent_role(int argc, char** argv) {
  char line[1024];
  char* words[WORDS + 1];
  const char* heard;
  int count;

  (void) argc;
  (void) argv;
  while ((heard = test_hear()) != NULL) {
    snprintf(line, sizeof(line), "%s", heard);
    memset(words, 0, sizeof(words));
    words[0] = strtok(line, " ");
    for (count = 1; count < WORDS && words[count - 1] != NULL; count++)
      words[count] = strtok(NULL, " ");
    if (words[0] == NULL || strcmp(words[0], "exit") == 0) break;
    if (!obey(words[0], words + 1)) test_say("what is \"%s\"?", words[0]);
  }
  return 0;
}


/* ---- and its master ------------------------------------------------------ */

void agent_start(struct test_process* agent) {
  test_spawn(agent, "agent", NULL);
}


static const char* ask(struct test_process* agent,
                       const char* format,
                       va_list args) {
  static char answer[256];
  char command[1024];

  vsnprintf(command, sizeof(command), format, args);
  test_tell(agent, command);
  test_expect_line(agent, answer, sizeof(answer));
  return answer;
}


const char* agent_ask(struct test_process* agent, const char* format, ...) {
  const char* answer;
  va_list args;

  va_start(args, format);
  answer = ask(agent, format, args);
  va_end(args);
  return answer;
}


void agent_must(struct test_process* agent,
                const char* answer,
                const char* format,
                ...) {
  va_list args;

  va_start(args, format);
  assert_string_equal(ask(agent, format, args), answer);
  va_end(args);
}
