/* SPDX-License-Identifier: MIT */

#include "others.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>

/* ---- C with the system's calls ------------------------------------------- */

struct c_memory {
  char kind[16];
  char name[1200];
  char* bytes;
  size_t size;
  int id; /* System V */
};


/* The object's descriptor, for mmap(). */
static int c_open_file(struct c_memory* memory, size_t size) {
  int flags = O_RDWR | (size > 0 ? O_CREAT | O_EXCL : 0);
  int is_shm = strcmp(memory->kind, "shm") == 0;
  struct stat st;
  int fd = is_shm ? shm_open(memory->name, flags, 0600)
                  : open(memory->name, flags, 0600);

  if (fd < 0 || (size > 0 && ftruncate(fd, (off_t) size) != 0)) return -1;
  if (fstat(fd, &st) != 0) return -1;
  memory->size = (size_t) st.st_size;
  return fd;
}


/* NAME is a key, or path:number for ftok(). */
static int c_open_sysv(struct c_memory* memory, size_t size) {
  char* colon = strrchr(memory->name, ':');
  struct shmid_ds ds;
  key_t key = (key_t) strtoul(memory->name, NULL, 0);

  if (colon != NULL) {
    *colon = '\0';
    key = ftok(memory->name, atoi(colon + 1));
  }
  memory->id = shmget(key, size, size > 0 ? IPC_CREAT | IPC_EXCL | 0600 : 0);
  if (memory->id < 0 || shmctl(memory->id, IPC_STAT, &ds) != 0) return -1;
  memory->size = ds.shm_segsz;
  memory->bytes = shmat(memory->id, NULL, 0);
  return (intptr_t) memory->bytes == -1 ? -1 : 0;
}


static int c_open(struct c_memory* memory, size_t size) {
  int fd;

  if (strcmp(memory->kind, "sysv") == 0) return c_open_sysv(memory, size);
  fd = c_open_file(memory, size);
  if (fd < 0) return -1;
  memory->bytes =
      mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return memory->bytes == MAP_FAILED ? -1 : 0;
}


static void c_close(struct c_memory* memory) {
  if (strcmp(memory->kind, "sysv") == 0)
    shmdt(memory->bytes);
  else
    munmap(memory->bytes, memory->size);
}


static void c_remove(struct c_memory* memory) {
  if (strcmp(memory->kind, "sysv") == 0)
    shmctl(memory->id, IPC_RMID, NULL);
  else if (strcmp(memory->kind, "shm") == 0)
    shm_unlink(memory->name);
  else
    unlink(memory->name);
}


static void c_obey(struct c_memory* memory, const char* line) {
  char text[100];
  unsigned int offset;
  unsigned int size;

  if (sscanf(line, "open %15s %1199s %u", memory->kind, memory->name, &size) ==
      3)
    test_say(c_open(memory, size) == 0 ? "ok" : "none");
  else if (strcmp(line, "size") == 0)
    test_say("%u", (unsigned int) memory->size);
  else if (sscanf(line, "write %u %99s", &offset, text) == 2)
    test_say(memcpy(memory->bytes + offset, text, strlen(text)) ? "ok" : "");
  else if (sscanf(line, "read %u %u", &offset, &size) == 2)
    test_say("%.*s", (int) size, memory->bytes + offset);
  else if (strcmp(line, "close") == 0)
    c_close(memory);
  else if (strcmp(line, "remove") == 0)
    c_remove(memory);
  if (strcmp(line, "close") == 0 || strcmp(line, "remove") == 0) test_say("ok");
}


int other_role_c(int argc, char** argv) {
  struct c_memory memory;
  const char* line;

  (void) argc;
  (void) argv;
  memset(&memory, 0, sizeof(memory));
  while ((line = test_hear()) != NULL && strcmp(line, "quit") != 0)
    c_obey(&memory, line);
  return 0;
}

/* ---- talking to the others ----------------------------------------------- */

static void on_exit_of(uv_process_t* process, int64_t status, int signal) {
  *(int64_t*) process->data = signal != 0 ? -1 : status;
  uv_close((uv_handle_t*) process, NULL);
}


/* Does this command end with 0? 0 also when there is no such program. */
static int works(const char* program, const char* option, const char* code) {
  char* args[4];
  uv_process_options_t options;
  uv_process_t process;
  uv_loop_t loop;
  int64_t status = -1;
  int err;

  args[0] = (char*) program;
  args[1] = (char*) option;
  args[2] = (char*) code;
  args[3] = NULL;
  memset(&options, 0, sizeof(options));
  options.file = program;
  options.args = args;
  options.exit_cb = on_exit_of;
  assert_int_equal(uv_loop_init(&loop), 0);
  process.data = &status;
  err = uv_spawn(&loop, &process, &options);
  if (err < 0) uv_close((uv_handle_t*) &process, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  return err == 0 && status == 0;
}


static const char* script(const char* name) {
  static char path[1200];

  snprintf(
      path, sizeof(path), "%s/test/with/%s", getenv("UVSHM_SOURCE_DIR"), name);
  return path;
}


int other_start_php(struct test_process* php) {
  if (!works("php",
             "-r",
             "exit(function_exists('shmop_open') && "
             "function_exists('shm_attach') ? 0 : 1);")) {
    print_message("there is no php with shmop and sysvshm (Debian: php-cli)\n");
    return 0;
  }
  test_spawn_other(php, "php", script("php.php"), "php", NULL);
  return 1;
}


/* Debian's own first: there may be others, of any age, before it in PATH. */
int other_start_python(struct test_process* python) {
  static const char* const programs[] = {"/usr/bin/python3", "python3"};
  size_t i;

  for (i = 0; i < 2; i++) {
    if (!works(programs[i], "-c", "import multiprocessing.shared_memory"))
      continue;
    test_spawn_other(python, programs[i], script("python.py"), "python", NULL);
    return 1;
  }
  print_message("there is no python3 with multiprocessing.shared_memory\n");
  return 0;
}


/* It is built beside this program where Boost's headers are. */
int other_start_boost(struct test_process* boost) {
  char path[2048];
  size_t size = sizeof(path);

  assert_int_equal(uv_exepath(path, &size), 0);
  *strrchr(path, '/') = '\0';
  strcat(path, "/with-boost");
  if (access(path, X_OK) != 0) {
    print_message("there was no Boost when this was built (libboost-dev)\n");
    return 0;
  }
  test_spawn_other(boost, NULL, path, "boost", NULL);
  return 1;
}


void other_ask(struct test_process* other,
               const char* wanted,
               const char* format,
               ...) {
  char line[1400];
  va_list args;

  va_start(args, format);
  vsnprintf(line, sizeof(line), format, args);
  va_end(args);
  test_tell(other, line);
  test_expect(other, wanted);
}


void other_quit(struct test_process* other) {
  test_tell(other, "quit");
  assert_int_equal(test_join(other), 0);
}

/* ---- both directions ----------------------------------------------------- */

int other_open_ours(uvshm_region_t** region,
                    const struct other_names* names,
                    uint32_t flags,
                    uint64_t size) {
  uvshm_region_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = names->flags | flags;
  options.size = size;
  return uvshm_region_open(region, names->ours, &options);
}


uint32_t other_name_lost(const uvshm_region_t* region) {
  uvshm_region_info_t info;

  assert_int_equal(uvshm_region_info(region, &info), 0);
  return info.name_lost;
}


/* They make it, both write, they take the name away. */
static void theirs(struct test_process* other,
                   const struct other_names* names) {
  uvshm_region_t* region;
  uvshm_region_t* reader;
  char* bytes;

  assert_int_equal(other_open_ours(&region, names, 0, 0), UV_ENOENT);
  other_ask(
      other, "ok", "open %s %s %u", names->kind, names->theirs, OTHER_BYTES);
  other_ask(other, "ok", "write 9000 theirs");
  assert_int_equal(other_open_ours(&region, names, 0, 0), 0);
  assert_int_equal(other_open_ours(&reader, names, UVSHM_READONLY, 0), 0);
  assert_int_equal(uvshm_region_size(region), OTHER_BYTES);
  bytes = uvshm_region_base(region);
  assert_memory_equal(bytes + 9000, "theirs", 6);
  memcpy(bytes + 100, "ours", 4);
  assert_memory_equal((char*) uvshm_region_base(reader) + 100, "ours", 4);
  other_ask(other, "ours", "read 100 4");
  assert_int_equal(uvshm_region_grow(region, 2 * OTHER_BYTES), UV_ENOTSUP);
  uvshm_region_close(reader);
  assert_int_equal(other_name_lost(region), 0);
  if (names->flags & UVSHM_FILE) {
    other_ask(other, "ok", "close");
    uvshm_region_close(region);
    return;
  }
  other_ask(other, "ok", "remove");
  assert_int_equal(other_name_lost(region), UVSHM_NAME_REMOVED);
  other_ask(other, "ok", "write 200 afterwards");
  assert_memory_equal(bytes + 200, "afterwards", 10);
  other_ask(other, "ok", "close");
  uvshm_region_close(region);
  assert_int_equal(other_open_ours(&region, names, 0, 0), UV_ENOENT);
}


/* We make it, both write, we take the name away. */
static void ours(struct test_process* other, const struct other_names* names) {
  uvshm_region_t* region;
  char* bytes;

  other_ask(other, "none", "open %s %s 0", names->kind, names->theirs);
  assert_int_equal(
      other_open_ours(
          &region, names, UVSHM_CREATE | UVSHM_EXCLUSIVE, OTHER_BYTES),
      0);
  bytes = uvshm_region_base(region);
  memcpy(bytes + 9000, "ours", 4);
  other_ask(other, "ok", "open %s %s 0", names->kind, names->theirs);
  other_ask(other, "10000", "size");
  other_ask(other, "ours", "read 9000 4");
  other_ask(other, "ok", "write 300 theirs");
  assert_memory_equal(bytes + 300, "theirs", 6);
  uvshm_region_close(region);

  /* It stays until it is removed, with what both wrote. */
  assert_int_equal(other_open_ours(&region, names, UVSHM_CREATE, OTHER_BYTES),
                   0);
  assert_memory_equal((char*) uvshm_region_base(region) + 300, "theirs", 6);
  uvshm_region_close(region);
  other_ask(other, "ok", "close");
  if (names->flags & UVSHM_FILE) {
    other_ask(other, "ok", "remove");
    return;
  }
  assert_int_equal(uvshm_region_unlink(names->ours, names->flags), 0);
  other_ask(other, "none", "open %s %s 0", names->kind, names->theirs);
}


void other_both(struct test_process* other, const struct other_names* names) {
  theirs(other, names);
  if (names->flags & UVSHM_FILE) unlink(names->ours);
  ours(other, names);
}


const char* other_shm_name(const char* stem) {
  static char name[256];

  snprintf(name, sizeof(name), "/%s", test_name(stem));
  return name;
}


/* A key that nobody else has: as text for both sides. */
void other_any_key(char number[32], char name[64]) {
  unsigned int key = 0;

  assert_int_equal(uv_random(NULL, NULL, &key, sizeof(key), 0, NULL), 0);
  snprintf(number, 32, "0x%08x", (key & 0x3fffffff) | 0x40000000);
  snprintf(name, 64, "sysv:key=%s", number);
}
