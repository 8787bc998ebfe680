/* SPDX-License-Identifier: MIT */

/* By what objects can be put in order. What a segment holds is sorted by the
 * same measure.
 */

#include "names.h"
#include "text.h"
#include "top.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char* const top_order_names[TOP_ORDERS] = {
    "name", "kind", "peers", "used", "fill", "depth", "rate", "waiters"};

/* ---- measures ------------------------------------------------------------ */

double top_part_measure(const struct inside_part* part,
                        double rate,
                        enum top_order order) {
  bool channel = part->known == INSIDE_CHANNEL;
  bool counts = channel && part->is.channel.kind != UVSHM_CHANNEL_STREAM;
  switch (order) {
    case TOP_BY_PEERS:
      return part->open;
    case TOP_BY_FILL:
      if (!counts || part->is.channel.capacity == 0) return 0;
      return (double) part->is.channel.depth /
             (double) part->is.channel.capacity;
    case TOP_BY_DEPTH:
      return channel ? (double) part->is.channel.depth : 0;
    case TOP_BY_RATE:
      return rate;
    case TOP_BY_WAITERS:
      return part->known == INSIDE_LOCK ? part->is.lock.waiters : 0;
    default:
      return 0;
  }
}


double top_fill(const struct inside* inside) {
  const uvshm_heap_info_t* heap = &inside->heap;
  uint64_t room = heap->max_size > heap->size ? heap->max_size : heap->size;
  if (!inside->has_heap || room == 0) return 0;
  double fill = (double) heap->used / (double) room;
  return fill < 1 ? fill : 1;
}


uint64_t top_used(const struct top_object* object) {
  bool heap = object->looked && object->inside.has_heap;
  return heap ? object->inside.heap.used : object->info.committed_size;
}


/* Of what a segment holds the largest; of rates the sum. */
static double parts_measure(const struct top_object* object,
                            enum top_order order) {
  double most = 0;
  for (size_t i = 0; object->looked && i < object->inside.part_count; i++) {
    double value =
        top_part_measure(&object->inside.parts[i], object->rates[i], order);
    if (value > most) most = value;
  }
  return most;
}


static double measure(const struct top_object* object, enum top_order order) {
  switch (order) {
    case TOP_BY_PEERS:
      return object->info.peers;
    case TOP_BY_USED:
      return (double) top_used(object);
    case TOP_BY_RATE:
      return top_rate(object);
    case TOP_BY_WAITERS:
      return object->info.waiters + parts_measure(object, order);
    case TOP_BY_FILL:
      if (object->looked && object->inside.has_heap)
        return top_fill(&object->inside);
      return parts_measure(object, order);
    default:
      return parts_measure(object, order);
  }
}

/* ---- order --------------------------------------------------------------- */

/* qsort() has no argument for this. */
static struct top_view sorting;


static int in_order(int by_name, int by_kind, double left, double right) {
  int order = 0;
  if (sorting.order == TOP_BY_KIND)
    order = by_kind;
  else if (sorting.order != TOP_BY_NAME && left != right)
    order = left > right ? -1 : 1; /* much comes first */
  if (order == 0) order = by_name;
  return sorting.reverse ? -order : order;
}


static int compare_objects(const void* a, const void* b) {
  const struct top_object* left = a;
  const struct top_object* right = b;
  return in_order(
      strcmp(left->info.name, right->info.name),
      strcmp(names_kind(left->info.kind), names_kind(right->info.kind)),
      measure(left, sorting.order),
      measure(right, sorting.order));
}


struct place {
  size_t index;
  double measure;
  const struct inside_part* part;
};


static int compare_places(const void* a, const void* b) {
  const struct place* left = a;
  const struct place* right = b;
  return in_order(strcmp(left->part->name, right->part->name),
                  strcmp(left->part->type, right->part->type),
                  left->measure,
                  right->measure);
}


/* The parts and their rates change places together. */
static void sort_parts(struct top_object* object) {
  struct inside* inside = &object->inside;
  size_t count = inside->part_count;
  struct place* places = text_alloc((count + 1) * sizeof *places);
  struct inside_part* parts = text_alloc((count + 1) * sizeof *parts);
  double* rates = text_alloc((count + 1) * sizeof *rates);
  for (size_t i = 0; i < count; i++) {
    const struct inside_part* part = &inside->parts[i];
    places[i].index = i;
    places[i].part = part;
    places[i].measure = top_part_measure(part, object->rates[i], sorting.order);
  }
  qsort(places, count, sizeof *places, compare_places);
  for (size_t i = 0; i < count; i++) {
    parts[i] = inside->parts[places[i].index];
    rates[i] = object->rates[places[i].index];
  }
  free(places);
  free(inside->parts);
  free(object->rates);
  inside->parts = parts;
  object->rates = rates;
}


void top_sort(struct top_sample* sample, const struct top_view* view) {
  sorting = *view;
  if (sample->count == 0) return;
  qsort(
      sample->objects, sample->count, sizeof *sample->objects, compare_objects);
  for (size_t i = 0; i < sample->count; i++)
    if (sample->objects[i].looked) sort_parts(&sample->objects[i]);
}

/* ---- summary ------------------------------------------------------------- */

static void count_locks(const struct top_object* object,
                        unsigned int* held,
                        unsigned int* waiting) {
  if (object->info.locked) *held += 1;
  *waiting += object->info.waiters;
  for (size_t i = 0; object->looked && i < object->inside.part_count; i++) {
    const struct inside_part* part = &object->inside.parts[i];
    if (part->known != INSIDE_LOCK) continue;
    if (part->is.lock.locked) *held += 1;
    *waiting += part->is.lock.waiters;
  }
}


static const char* plural(uint64_t count) {
  return count == 1 ? "" : "s";
}


char* top_summary(const struct top_sample* sample) {
  char size[TEXT_SIZE_ROOM];
  uint64_t bytes = 0;
  uint64_t peers = 0;
  unsigned int held = 0;
  unsigned int waiting = 0;
  for (size_t i = 0; i < sample->count; i++) {
    bytes += sample->objects[i].info.committed_size;
    peers += sample->objects[i].info.peers;
    count_locks(&sample->objects[i], &held, &waiting);
  }
  text_size(size, bytes, false);
  return text_format("%" PRIu64 " object%s, %" PRIu64
                     " peer%s, %u lock%s held, %u waiting, %s of memory",
                     (uint64_t) sample->count,
                     plural(sample->count),
                     peers,
                     plural(peers),
                     held,
                     plural(held),
                     waiting,
                     size);
}
