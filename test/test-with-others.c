/* SPDX-License-Identifier: MIT */

/* The real other side: a C program with the system's own calls, PHP, Python and
 * Boost, each a process of its own that makes, reads, writes and removes shared
 * memory in its way. They obey lines:
 *
 *   open KIND NAME SIZE   make it (SIZE 0: it is there): ok, or none
 *   size                  of it
 *   write OFFSET TEXT     ok
 *   read OFFSET SIZE      the text
 *   close, remove         ok
 *   quit
 *
 * and PHP also put, get and del, for the variables of shm_put_var(). Whoever is
 * not installed is skipped, and said so.
 */

#include "harness.h"

#include "uvshm.h"

#include <fcntl.h>
#include <math.h>
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

#define TEST(sentence) static void sentence(void** state)
#define BYTES 10000u

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


static int role_c(int argc, char** argv) {
  struct c_memory memory;
  const char* line;

  (void) argc;
  (void) argv;
  memset(&memory, 0, sizeof(memory));
  while ((line = test_hear()) != NULL && strcmp(line, "quit") != 0)
    c_obey(&memory, line);
  return 0;
}


static const struct test_role roles[] = {{"c", role_c}, {NULL, NULL}};

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


static int start_php(struct test_process* php) {
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
static int start_python(struct test_process* python) {
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
static int start_boost(struct test_process* boost) {
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


static void ask(struct test_process* other,
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


static void quit(struct test_process* other) {
  test_tell(other, "quit");
  assert_int_equal(test_join(other), 0);
}

/* ---- both directions ----------------------------------------------------- */

/* How both sides call one thing. */
struct names {
  const char* kind;   /* of the others' open */
  const char* theirs; /* their name */
  const char* ours;   /* uvshm's */
  uint32_t flags;
};


static int open_ours(uvshm_region_t** region,
                     const struct names* names,
                     uint32_t flags,
                     uint64_t size) {
  uvshm_region_options_t options;

  memset(&options, 0, sizeof(options));
  options.flags = names->flags | flags;
  options.size = size;
  return uvshm_region_open(region, names->ours, &options);
}


static uint32_t name_lost(const uvshm_region_t* region) {
  uvshm_region_info_t info;

  assert_int_equal(uvshm_region_info(region, &info), 0);
  return info.name_lost;
}


/* They make it, both write, they take the name away. */
static void theirs(struct test_process* other, const struct names* names) {
  uvshm_region_t* region;
  uvshm_region_t* reader;
  char* bytes;

  assert_int_equal(open_ours(&region, names, 0, 0), UV_ENOENT);
  ask(other, "ok", "open %s %s %u", names->kind, names->theirs, BYTES);
  ask(other, "ok", "write 9000 theirs");
  assert_int_equal(open_ours(&region, names, 0, 0), 0);
  assert_int_equal(open_ours(&reader, names, UVSHM_READONLY, 0), 0);
  assert_int_equal(uvshm_region_size(region), BYTES);
  bytes = uvshm_region_base(region);
  assert_memory_equal(bytes + 9000, "theirs", 6);
  memcpy(bytes + 100, "ours", 4);
  assert_memory_equal((char*) uvshm_region_base(reader) + 100, "ours", 4);
  ask(other, "ours", "read 100 4");
  assert_int_equal(uvshm_region_grow(region, 2 * BYTES), UV_ENOTSUP);
  uvshm_region_close(reader);
  assert_int_equal(name_lost(region), 0);
  if (names->flags & UVSHM_FILE) {
    ask(other, "ok", "close");
    uvshm_region_close(region);
    return;
  }
  ask(other, "ok", "remove");
  assert_int_equal(name_lost(region), UVSHM_NAME_REMOVED);
  ask(other, "ok", "write 200 afterwards");
  assert_memory_equal(bytes + 200, "afterwards", 10);
  ask(other, "ok", "close");
  uvshm_region_close(region);
  assert_int_equal(open_ours(&region, names, 0, 0), UV_ENOENT);
}


/* We make it, both write, we take the name away. */
static void ours(struct test_process* other, const struct names* names) {
  uvshm_region_t* region;
  char* bytes;

  ask(other, "none", "open %s %s 0", names->kind, names->theirs);
  assert_int_equal(
      open_ours(&region, names, UVSHM_CREATE | UVSHM_EXCLUSIVE, BYTES), 0);
  bytes = uvshm_region_base(region);
  memcpy(bytes + 9000, "ours", 4);
  ask(other, "ok", "open %s %s 0", names->kind, names->theirs);
  ask(other, "10000", "size");
  ask(other, "ours", "read 9000 4");
  ask(other, "ok", "write 300 theirs");
  assert_memory_equal(bytes + 300, "theirs", 6);
  uvshm_region_close(region);

  /* It stays until it is removed, with what both wrote. */
  assert_int_equal(open_ours(&region, names, UVSHM_CREATE, BYTES), 0);
  assert_memory_equal((char*) uvshm_region_base(region) + 300, "theirs", 6);
  uvshm_region_close(region);
  ask(other, "ok", "close");
  if (names->flags & UVSHM_FILE) {
    ask(other, "ok", "remove");
    return;
  }
  assert_int_equal(uvshm_region_unlink(names->ours, names->flags), 0);
  ask(other, "none", "open %s %s 0", names->kind, names->theirs);
}


static void both(struct test_process* other, const struct names* names) {
  theirs(other, names);
  if (names->flags & UVSHM_FILE) unlink(names->ours);
  ours(other, names);
}


static const char* shm_name(const char* stem) {
  static char name[256];

  snprintf(name, sizeof(name), "/%s", test_name(stem));
  return name;
}


/* A key that nobody else has: as text for both sides. */
static void any_key(char number[32], char name[64]) {
  unsigned int key = 0;

  assert_int_equal(uv_random(NULL, NULL, &key, sizeof(key), 0, NULL), 0);
  snprintf(number, 32, "0x%08x", (key & 0x3fffffff) | 0x40000000);
  snprintf(name, 64, "sysv:key=%s", number);
}


TEST(c_with_shm_open_and_mmap) {
  struct names names = {"shm", NULL, NULL, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  names.theirs = names.ours = shm_name("with-c");
  test_spawn(&other, "c", NULL);
  both(&other, &names);
  quit(&other);
}


TEST(c_with_shmget_and_a_key) {
  char number[32];
  char name[64];
  struct names names = {"sysv", number, name, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  any_key(number, name);
  test_spawn(&other, "c", NULL);
  both(&other, &names);
  quit(&other);
}


TEST(c_with_shmget_and_ftok) {
  const char* path = test_path("ftok");
  char their[1300];
  char our[1300];
  struct names names = {"sysv", their, our, UVSHM_REGION_FOREIGN};
  struct test_process other;
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

  (void) state;
  assert_true(fd >= 0);
  close(fd);
  snprintf(their, sizeof(their), "%s:65", path);
  snprintf(our, sizeof(our), "sysv:ftok=%s:65", path);
  test_spawn(&other, "c", NULL);
  both(&other, &names);
  quit(&other);
  unlink(path);
}


TEST(c_with_mmap_of_a_file) {
  struct names names = {"file", NULL, NULL, UVSHM_FILE};
  struct test_process other;

  (void) state;
  names.theirs = names.ours = test_path("with-file");
  test_spawn(&other, "c", NULL);
  both(&other, &names);
  quit(&other);
}


TEST(boost_with_shared_memory_object) {
  char their[256];
  struct names names = {"shm", their, NULL, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  if (!start_boost(&other)) skip();
  names.ours = shm_name("with-boost");
  snprintf(their, sizeof(their), "%s", names.ours + 1); /* Boost adds the / */
  both(&other, &names);
  quit(&other);
}


TEST(boost_with_file_mapping) {
  const char* path = test_path("with-boost-file");
  struct names names = {"file", path, path, UVSHM_FILE};
  struct test_process other;
  uvshm_region_t* region;

  (void) state;
  if (!start_boost(&other)) skip();
  ask(&other, "none", "open file %s 0", path);
  assert_int_equal(open_ours(&region, &names, UVSHM_CREATE, BYTES), 0);
  memcpy(uvshm_region_base(region), "ours", 4);
  ask(&other, "ok", "open file %s 0", path);
  ask(&other, "10000", "size");
  ask(&other, "ours", "read 0 4");
  ask(&other, "ok", "write 9990 theirs");
  assert_memory_equal((char*) uvshm_region_base(region) + 9990, "theirs", 6);
  uvshm_region_close(region);
  quit(&other);
  unlink(path);
}

/* ---- Python -------------------------------------------------------------- */

TEST(python_with_shared_memory) {
  struct names names = {"attach", NULL, NULL, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  if (!start_python(&other)) skip();
  names.theirs = names.ours = shm_name("with-python");
  both(&other, &names);
  quit(&other);
}


/* Wait until somebody has taken the name away; 0: nobody has, for `ms`. */
static int wait_for_theft(const uvshm_region_t* region, uint64_t ms) {
  uint64_t end = test_now_ms() + ms;

  while (name_lost(region) == 0) {
    if (test_now_ms() > end) return 0;
    test_sleep_ms(20);
  }
  return 1;
}


/* One Python attaches in the way of `kind` and ends; is our name there? */
static int name_survives(const char* kind, uint64_t ms) {
  struct names names = {kind, NULL, NULL, UVSHM_REGION_FOREIGN};
  struct test_process other;
  uvshm_region_t* region;
  int stolen;

  if (!start_python(&other)) return -1;
  names.theirs = names.ours = shm_name("with-tracker");
  assert_int_equal(open_ours(&region, &names, UVSHM_CREATE, BYTES), 0);
  ask(&other, "ok", "open %s %s 0", kind, names.theirs);
  ask(&other, "ok", "write 0 python");
  ask(&other, "ok", "close");
  quit(&other);
  stolen = wait_for_theft(region, ms);
  assert_memory_equal(uvshm_region_base(region), "python", 6);
  assert_int_equal(uvshm_region_unlink(names.ours, UVSHM_REGION_FOREIGN),
                   stolen ? UV_ENOENT : 0);
  uvshm_region_close(region);
  return !stolen;
}


TEST(python_s_tracker_takes_the_name_and_it_is_told) {
  int survives;

  (void) state;
  survives = name_survives("tracked", TEST_PATIENCE_MS);
  if (survives < 0) skip();
  assert_int_equal(survives, 0);
}


TEST(python_with_attach_py_leaves_the_name) {
  int survives;

  (void) state;
  survives = name_survives("attach", 1000);
  if (survives < 0) skip();
  assert_int_equal(survives, 1);
}

/* ---- PHP ----------------------------------------------------------------- */

TEST(php_with_shmop) {
  char number[32];
  char name[64];
  struct names names = {"shmop", number, name, UVSHM_REGION_FOREIGN};
  struct test_process other;

  (void) state;
  if (!start_php(&other)) skip();
  any_key(number, name);
  both(&other, &names);
  quit(&other);
}


static void hex(char* text, const void* bytes, size_t size) {
  size_t i;

  for (i = 0; i < size; i++)
    sprintf(text + 2 * i, "%02x", ((const unsigned char*) bytes)[i]);
  text[2 * size] = '\0';
}


/* Have PHP put what this line of PHP means. */
static void php_puts(struct test_process* php, int key, const char* code) {
  char text[400];

  hex(text, code, strlen(code));
  ask(php, "ok", "put %d %s", key, text);
}


static void assert_is(const uvshm_region_t* region,
                      int64_t key,
                      uvshm_php_type_t type,
                      const char* bytes) {
  uvshm_php_value_t value;
  char room[200];

  assert_int_equal(uvshm_php_get(region, key, &value, room, sizeof(room)), 0);
  assert_int_equal(value.type, type);
  assert_int_equal(value.size, strlen(bytes));
  assert_memory_equal(room, bytes, strlen(bytes));
}


static void php_writes_uvshm_reads(struct test_process* php,
                                   uvshm_region_t* region) {
  uvshm_php_value_t value;
  uvshm_php_info_t info;

  php_puts(php, 1, "42");
  php_puts(php, 2, "\"gr\\xc3\\xbc\\xc3\\x9fe\"");
  php_puts(php, 3, "0.1");
  php_puts(php, 4, "true");
  php_puts(php, 5, "null");
  php_puts(php, -6, "PHP_INT_MIN");
  php_puts(php, 7, "-INF");
  php_puts(php, 8, "[1, 'a' => 2]");
  php_puts(php, 9, "1/3");
  assert_int_equal(uvshm_php_get(region, 1, &value, NULL, 0), 0);
  assert_int_equal(value.integer, 42);
  assert_is(region,
            2,
            UVSHM_PHP_STRING,
            "gr\xc3\xbc\xc3\x9f"
            "e");
  assert_int_equal(uvshm_php_get(region, 3, &value, NULL, 0), 0);
  assert_int_equal(value.type, UVSHM_PHP_FLOAT);
  assert_true(!(value.number < 0.1) && !(value.number > 0.1));
  assert_int_equal(uvshm_php_get(region, 4, &value, NULL, 0), 0);
  assert_int_equal(value.type, UVSHM_PHP_BOOL);
  assert_int_equal(value.integer, 1);
  assert_is(region, 5, UVSHM_PHP_NULL, "");
  assert_int_equal(uvshm_php_get(region, -6, &value, NULL, 0), 0);
  assert_true(value.integer == INT64_MIN);
  assert_int_equal(uvshm_php_get(region, 7, &value, NULL, 0), 0);
  assert_true(value.number < 0 && isinf(value.number));
  assert_is(region, 8, UVSHM_PHP_SERIALIZED, "a:2:{i:0;i:1;s:1:\"a\";i:2;}");
  assert_int_equal(uvshm_php_get(region, 9, &value, NULL, 0), 0);
  assert_true(!(value.number < 1.0 / 3) && !(value.number > 1.0 / 3));
  assert_int_equal(uvshm_php_info(region, &info), 0);
  assert_int_equal(info.count, 9);
  assert_int_equal(info.size, BYTES);
}


static void put(uvshm_region_t* region,
                int64_t key,
                uvshm_php_value_t value,
                const void* bytes) {
  assert_int_equal(uvshm_php_put(region, key, &value, bytes), 0);
}


static void uvshm_writes_php_reads(struct test_process* php,
                                   uvshm_region_t* region) {
  uvshm_php_value_t value;

  memset(&value, 0, sizeof(value));
  put(region, 11, value, NULL);
  ask(php, "null:", "get 11");
  value.type = UVSHM_PHP_INT;
  value.integer = INT64_MIN;
  put(region, 12, value, NULL);
  ask(php, "int:-9223372036854775808", "get 12");
  value.type = UVSHM_PHP_BOOL;
  put(region, 13, value, NULL);
  ask(php, "bool:1", "get 13");
  value.type = UVSHM_PHP_FLOAT;
  value.number = 0.1;
  put(region, 14, value, NULL);
  ask(php, "float:0.10000000000000001", "get 14");
  value.number = HUGE_VAL;
  put(region, 14, value, NULL);
  ask(php, "float:INF", "get 14");
  value.type = UVSHM_PHP_STRING;
  value.size = 4;
  put(region, 15, value, "a\0\";");
  ask(php, "string:6100223b", "get 15");
  value.size = 0;
  put(region, 15, value, NULL);
  ask(php, "string:", "get 15");
  value.type = UVSHM_PHP_SERIALIZED;
  value.size = 14;
  put(region, 16, value, "a:1:{i:0;i:1;}");
  ask(php, "serialized:613a313a7b693a303b693a313b7d", "get 16");
}


TEST(php_variables_both_ways) {
  char number[32];
  char name[64];
  struct names names = {"vars", number, name, UVSHM_REGION_FOREIGN};
  uvshm_php_value_t value;
  uvshm_region_t* region;
  struct test_process php;

  (void) state;
  if (!start_php(&php)) skip();
  any_key(number, name);
  ask(&php, "ok", "open vars %s %u", number, BYTES);
  assert_int_equal(open_ours(&region, &names, 0, 0), 0);
  php_writes_uvshm_reads(&php, region);
  uvshm_writes_php_reads(&php, region);

  /* What one removes is gone for both, and the others stay. */
  ask(&php, "ok", "del 1");
  assert_int_equal(uvshm_php_get(region, 1, &value, NULL, 0), UV_ENOENT);
  assert_int_equal(uvshm_php_remove(region, 2), 0);
  ask(&php, "none", "get 2");
  ask(&php, "float:0.10000000000000001", "get 3");
  php_puts(&php, 3, "str_repeat('x', 100)");
  assert_int_equal(uvshm_php_get(region, 3, &value, NULL, 0), UV_ENOBUFS);
  assert_int_equal(value.size, 100);
  ask(&php, "ok", "remove");
  assert_int_equal(name_lost(region), UVSHM_NAME_REMOVED);
  uvshm_region_close(region);
  quit(&php);
}


/* The largest string that goes in is the same for both, to the byte. */
TEST(php_and_uvshm_agree_on_full) {
  char number[32];
  char name[64];
  struct names names = {"vars", number, name, UVSHM_REGION_FOREIGN};
  uvshm_php_value_t value;
  uvshm_region_t* region;
  struct test_process php;
  char code[100];
  char text[250];
  char bytes[1000];
  int largest = 0;
  int size;

  (void) state;
  if (!start_php(&php)) skip();
  any_key(number, name);
  memset(bytes, 'x', sizeof(bytes));
  memset(&value, 0, sizeof(value));
  value.type = UVSHM_PHP_STRING;
  assert_int_equal(open_ours(&region, &names, UVSHM_CREATE, 1000), 0);
  for (value.size = 880; value.size < 1000; value.size++)
    if (uvshm_php_put(region, 1, &value, bytes) == 0)
      largest = (int) value.size;
  assert_in_range(largest, 900, 960);
  assert_int_equal(uvshm_php_remove(region, 1), 0);
  ask(&php, "ok", "open vars %s 1000", number);
  for (size = largest; size <= largest + 1; size++) {
    snprintf(code, sizeof(code), "str_repeat('x', %d)", size);
    hex(text, code, strlen(code));
    ask(&php, size == largest ? "ok" : "full", "put 1 %s", text);
  }
  ask(&php, "none", "get 1"); /* PHP drops the old one first; we do not */
  ask(&php, "ok", "remove");
  uvshm_region_close(region);
  quit(&php);
}


int main(int argc, char** argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(c_with_shm_open_and_mmap),
      cmocka_unit_test(c_with_shmget_and_a_key),
      cmocka_unit_test(c_with_shmget_and_ftok),
      cmocka_unit_test(c_with_mmap_of_a_file),
      cmocka_unit_test(boost_with_shared_memory_object),
      cmocka_unit_test(boost_with_file_mapping),
      cmocka_unit_test(python_with_shared_memory),
      cmocka_unit_test(python_s_tracker_takes_the_name_and_it_is_told),
      cmocka_unit_test(python_with_attach_py_leaves_the_name),
      cmocka_unit_test(php_with_shmop),
      cmocka_unit_test(php_variables_both_ways),
      cmocka_unit_test(php_and_uvshm_agree_on_full),
  };

  if (test_is_role(argc, argv)) return test_role_main(argc, argv, roles);
  return cmocka_run_group_tests_name("with-others", tests, NULL, NULL);
}
