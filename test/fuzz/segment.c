/* SPDX-License-Identifier: MIT */

/* The file is one that was closed well, held in memory; each run begins with
 * it.
 */

#include "fuzz/segment.h"

#include "base/asan.h"
#include "object/segment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fuzz_segment_table* const tables[] = {&fuzz_segment_calls,
                                                          &fuzz_segment_heap,
                                                          &fuzz_segment_map,
                                                          &fuzz_segment_channel,
                                                          &fuzz_segment_txn};

/* Of the heap, which may grow. */
#define SIZE 131072u
#define MAX_SIZE 655360u

/* Around a place that a call was about. */
#define NEAR 512u

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static struct {
  char path[256];
  unsigned char* bytes;
  size_t size;
} pristine;


static void remove_file(void) {
  (void) remove(pristine.path);
}


static void open_options(uvshm_segment_options_t* options, uint32_t flags) {
  memset(options, 0, sizeof(*options));
  options->flags = flags | UVSHM_FILE | UVSHM_MANAGED;
  options->peers = 4;
  options->threads = 8;
  options->objects = 8;
  options->timeout_ms = 1;
  options->size = SIZE;
  options->max_size = MAX_SIZE;
}


static void must(int condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "fuzz: %s: %s\n", what, uvshm_error_detail());
  abort();
}


static void read_file(void) {
  FILE* file = fopen(pristine.path, "rb");
  long size;

  must(file != NULL && fseek(file, 0, SEEK_END) == 0, "read");
  size = ftell(file);
  must(size > 0 && fseek(file, 0, SEEK_SET) == 0, "size");
  pristine.size = (size_t) size;
  pristine.bytes = malloc(pristine.size);
  must(pristine.bytes != NULL &&
           fread(pristine.bytes, 1, pristine.size, file) == pristine.size,
       "bytes");
  fclose(file);
}


static void make_map(uvshm_segment_t* segment) {
  uvshm_map_options_t options;
  uvshm_map_t* map;
  char key;

  memset(&options, 0, sizeof(options));
  options.shards = 1;
  must(uvshm_map_open(&map, segment, "map", &options) == 0, "map");
  for (key = 'a'; key < 'g'; key++)
    must(uvshm_map_put(map, &key, 1, "value", 5) == 0, "put");
  uvshm_map_close(map);
}


/* With a message in each, and no ends. */
static void make_channel(uvshm_segment_t* segment,
                         const char* name,
                         uint32_t kind) {
  uvshm_channel_options_t options;
  uvshm_channel_t* channel;

  memset(&options, 0, sizeof(options));
  options.flags = kind | UVSHM_WRITER;
  options.size_max = 64;
  options.messages = 4;
  options.writers = 2;
  options.readers = 2;
  must(uvshm_channel_open(&channel, segment, name, &options) == 0, name);
  must(uvshm_channel_send(channel, "message", 7, 0) == 0, "send");
  uvshm_channel_close(channel);
}


static void make_root(uvshm_segment_t* segment) {
  uvshm_ref_t* root;
  void* block;

  must(uvshm_heap_root(segment, "root", &root) == 0, "root");
  must(uvshm_heap_calloc(segment, &block, 1, 256, 0) == 0, "block");
  must(uvshm_heap_publish(segment, root, block, NULL) == 0, "publish");
}


static void make_pristine(void) {
  const char* folder = getenv("TMPDIR");
  uvshm_mutex_options_t logged;
  uvshm_segment_options_t options;
  uvshm_segment_t* segment;
  uvshm_mutex_t* mutex;
  uvshm_sem_t* sem;

  if (folder == NULL) folder = "/dev/shm";
  snprintf(pristine.path,
           sizeof(pristine.path),
           "%s/uvshm-fuzz-%d-%llx",
           folder,
           (int) uv_os_getpid(),
           (unsigned long long) uv_hrtime());
  atexit(remove_file);
  open_options(&options, UVSHM_CREATE);
  must(uvshm_segment_open(&segment, pristine.path, &options) == 0, "make");
  memset(&logged, 0, sizeof(logged));
  logged.log_size = 512;
  must(uvshm_mutex_open(&mutex, segment, "mutex", &logged) == 0, "mutex");
  must(uvshm_sem_open(&sem, segment, "sem", NULL) == 0, "sem");
  uvshm_sem_close(sem);
  uvshm_mutex_close(mutex);
  make_map(segment);
  make_root(segment);
  make_channel(segment, "stream", UVSHM_CHANNEL_STREAM);
  make_channel(segment, "queue", UVSHM_CHANNEL_QUEUE);
  make_channel(segment, "topic", UVSHM_CHANNEL_TOPIC);
  uvshm_segment_close(segment);
  read_file();
}


/* In place: the file stays the same file. */
static void write_file(const unsigned char* bytes) {
  FILE* file = fopen(pristine.path, "rb+");

  if (file == NULL) file = fopen(pristine.path, "wb");
  must(file != NULL, "write");
  must(fwrite(bytes, 1, pristine.size, file) == pristine.size, "write");
  fclose(file);
}


/* Changes before the open: {offset, value} as often as a byte says. */
static void damage_file(struct fuzz_input* input) {
  uint32_t changes = fuzz_u8(input) % 8;
  unsigned char* bytes;
  uint64_t offset;
  uint64_t value;
  uint32_t i;

  bytes = malloc(pristine.size);
  must(bytes != NULL, "memory");
  memcpy(bytes, pristine.bytes, pristine.size);
  for (i = 0; i < changes; i++) {
    offset = fuzz_u8(input) & 1 ? fuzz_u16(input) % 2048 : fuzz_u32(input);
    value = fuzz_number(input);
    offset = offset % (pristine.size - 8) & ~UINT64_C(3);
    memcpy(bytes + offset, &value, fuzz_u8(input) & 1 ? 8 : 4);
  }
  write_file(bytes);
  free(bytes);
}


void fuzz_segment_at(struct fuzz_segment* world, const void* address) {
  uint64_t offset = uvshm_heap_ref(world->segment, address).offset;

  if (offset != 0 && offset < world->size - NEAR) world->recent = offset;
}


/* Anywhere, or near what a call was about. */
static void damage_mapping(struct fuzz_segment* world,
                           struct fuzz_input* input) {
  uint64_t offset = fuzz_u32(input);
  uint64_t value = fuzz_number(input);
  uint32_t how = fuzz_u8(input);

  if (how & 2 && world->recent != 0)
    offset = world->recent + offset % NEAR;
  else
    offset %= world->size - 8;
  offset &= ~UINT64_C(3);
  /* It may be marked as free, which is nothing to who writes anywhere. */
  UVSHM__UNPOISON(world->base + offset, 8);
  memcpy(world->base + offset, &value, how & 1 ? 8 : 4);
}


void fuzz_segment_run(const uint8_t* bytes, size_t size, uint32_t commands) {
  struct fuzz_input input = {bytes, bytes + size};
  const struct fuzz_segment_table* table;
  uvshm_segment_options_t options;
  struct fuzz_segment world;
  uint32_t i;
  uint32_t which;

  if (pristine.bytes == NULL) make_pristine();
  (void) fuzz_world(); /* fuzz_number() asks for its size */
  memset(&world, 0, sizeof(world));
  damage_file(&input);
  open_options(&options, fuzz_u8(&input) & 1 ? UVSHM_UNCLEAN_OK : 0);
  if (uvshm_segment_open(&world.segment, pristine.path, &options) < 0) return;
  world.base = uvshm__segment_attach(world.segment)->core.base;
  world.size = pristine.size;
  for (i = 0; i < commands && input.at < input.end; i++) {
    which = fuzz_u8(&input);
    if (which % 3 == 0) {
      damage_mapping(&world, &input);
      continue;
    }
    table = tables[which / 3 % TABLES];
    table->ops[fuzz_u8(&input) % table->count](&world, &input);
  }
  uvshm_channel_close(world.writer);
  uvshm_channel_close(world.reader);
  uvshm_map_close(world.map);
  uvshm_sem_close(world.sem);
  uvshm_mutex_close(world.mutex);
  uvshm_segment_close(world.segment);
}
