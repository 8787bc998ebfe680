/* SPDX-License-Identifier: MIT */

/* One look at everything. Each object is held only while it is looked at, so
 * top neither keeps alive what it shows nor is in anybody's way. A rate is the
 * difference of two looks; an object that was made anew meanwhile has none yet.
 */

#include "names.h"
#include "text.h"
#include "top.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>


static void look(struct top_object* object, uint32_t flags) {
  if (!inside_has(&object->info)) return;
  inside_look(&object->inside,
              &object->info,
              names_at(object->info.name),
              flags,
              "uvshm top");
  object->looked = true;
  object->rates =
      text_alloc((object->inside.part_count + 1) * sizeof *object->rates);
  for (size_t i = 0; i < object->inside.part_count; i++) object->rates[i] = -1;
}


int top_take(struct top_sample* sample, const struct args* args) {
  uvshm_name_info_t* list = NULL;
  uv_timeval64_t now = {0, 0};
  size_t count = 0;
  uint32_t flags = names_flags(args);
  memset(sample, 0, sizeof *sample);
  int err = names_list(flags, &list, &count);
  if (err < 0) return err;

  uv_gettimeofday(&now);
  sample->at_ns = uv_hrtime();
  sample->at_ms = (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_usec / 1000;
  sample->objects = text_alloc((count + 1) * sizeof *sample->objects);
  for (size_t i = 0; i < count; i++) {
    if (args->count > 0 && !text_match(args->operands[0], list[i].name))
      continue;
    struct top_object* object = &sample->objects[sample->count++];
    memset(object, 0, sizeof *object);
    object->info = list[i];
    look(object, flags);
  }
  free(list);
  return 0;
}


void top_free(struct top_sample* sample) {
  for (size_t i = 0; i < sample->count; i++) {
    if (sample->objects[i].looked) inside_free(&sample->objects[i].inside);
    free(sample->objects[i].rates);
  }
  free(sample->objects);
  memset(sample, 0, sizeof *sample);
}

/* ---- rates --------------------------------------------------------------- */

static const struct top_object* same_object(const struct top_sample* sample,
                                            const struct top_object* object) {
  for (size_t i = 0; i < sample->count; i++) {
    const struct top_object* other = &sample->objects[i];
    if (other->looked && other->info.created_ms == object->info.created_ms &&
        strcmp(other->info.system_name, object->info.system_name) == 0)
      return other;
  }
  return NULL;
}


/* Parts come in the order of the segment's directory, so the one at the same
 * place is tried first. */
static const struct inside_part* same_part(const struct inside* inside,
                                           const struct inside_part* part,
                                           size_t place) {
  for (size_t i = 0; i < inside->part_count; i++) {
    const struct inside_part* other =
        &inside->parts[(place + i) % inside->part_count];
    if (other->known == part->known && strcmp(other->name, part->name) == 0)
      return other;
  }
  return NULL;
}


static double rate_of(const struct inside_part* now,
                      const struct inside_part* before,
                      double seconds) {
  uint64_t count = inside_count(now);
  uint64_t old = inside_count(before);
  if (now->known == INSIDE_LOCK || now->known == INSIDE_NOTHING) return -1;
  return count > old ? (double) (count - old) / seconds : 0;
}


void top_measure(struct top_sample* now, const struct top_sample* before) {
  if (before->at_ns == 0 || now->at_ns <= before->at_ns) return;
  double seconds = (double) (now->at_ns - before->at_ns) / 1e9;
  now->span_ms = (now->at_ns - before->at_ns) / 1000000;
  for (size_t i = 0; i < now->count; i++) {
    struct top_object* object = &now->objects[i];
    const struct top_object* old =
        object->looked ? same_object(before, object) : NULL;
    for (size_t j = 0; old != NULL && j < object->inside.part_count; j++) {
      const struct inside_part* part = &object->inside.parts[j];
      const struct inside_part* other = same_part(&old->inside, part, j);
      if (other != NULL) object->rates[j] = rate_of(part, other, seconds);
    }
  }
}


double top_rate(const struct top_object* object) {
  double sum = -1;
  for (size_t i = 0; object->looked && i < object->inside.part_count; i++)
    if (object->rates[i] >= 0) sum = (sum < 0 ? 0 : sum) + object->rates[i];
  return sum;
}

/* ---- JSON ---------------------------------------------------------------- */

static void set_rate(json_t* object, double rate) {
  if (rate >= 0) json_object_set_new(object, "rate", json_real(rate));
}


static json_t* object_json(const struct top_object* object) {
  json_t* entry = names_json(&object->info);
  if (!object->looked) return entry;
  inside_json(&object->inside, entry);
  json_object_set_new(entry, "damaged", json_boolean(object->inside.damaged));
  set_rate(entry, top_rate(object));
  json_t* holds = json_object_get(entry, "holds");
  for (size_t i = 0; i < json_array_size(holds); i++)
    set_rate(json_array_get(holds, i), object->rates[i]);
  return entry;
}


json_t* top_json(const struct top_sample* sample) {
  json_t* document = json_document();
  json_t* objects = json_array();
  json_object_set_new(
      document, "time_ms", json_integer((json_int_t) sample->at_ms));
  json_object_set_new(
      document, "span_ms", json_integer((json_int_t) sample->span_ms));
  for (size_t i = 0; i < sample->count; i++)
    json_array_append_new(objects, object_json(&sample->objects[i]));
  json_object_set_new(document, "objects", objects);
  return document;
}
