/* SPDX-License-Identifier: MIT */

/* Looks at a queue from outside, while others work on it: is it well, and how
 * much is in it. What must be so at every moment:
 *
 *   slots    a chunk in a slot exists, is somebody's, and says that slot; no
 *            slot is behind its lap
 *   chunks   free ones have no flags; one that is somebody's is in a slot, in a
 *            reader's hand, or belongs to an end that is not free
 *
 * Each is looked at again before it is called damage.
 */

#include "base/error.h"
#include "core/queue_inside.h"

/* ---- slots --------------------------------------------------------------- */

int uvshm__queue_is_unreadable(const struct uvshm__channel* channel,
                               uint32_t slot,
                               uint64_t word) {
  const struct uvshm__queue* queue = &channel->u.queue;
  const struct uvshm__queue_note* note;
  uint64_t chunk = (word & UVSHM__QUEUE_CHUNK) - 1;
  uint64_t own;
  int wrong = 1;

  if ((word & UVSHM__QUEUE_CHUNK) == 0) return 0;
  if (chunk < queue->chunks) {
    note = &queue->notes[chunk];
    own = uvshm__a64_load_acquire(&note->own);
    wrong = (own & UVSHM__QUEUE_END) == 0 ||
            uvshm__a32_load_acquire(&note->size) > channel->facts.size_max ||
            uvshm__a32_load_acquire(&note->slot) != slot;
  }
  return wrong &&
         uvshm__a64_load_acquire(uvshm__queue_slot(queue, slot)) == word;
}


static int check_slots(const struct uvshm__channel* channel) {
  const struct uvshm__queue* queue = &channel->u.queue;
  uint32_t i;

  for (i = 0; i < uvshm__queue_slots(queue); i++)
    if (uvshm__queue_is_unreadable(
            channel, i, uvshm__a64_load_acquire(uvshm__queue_slot(queue, i))))
      return uvshm__queue_damaged("a slot has no message that can be read", i);
  return 0;
}

/* ---- chunks -------------------------------------------------------------- */

static int is_there(const struct uvshm__channel* channel, uint64_t own) {
  uint64_t end = (own & UVSHM__QUEUE_END) - 1;

  return end < channel->facts.writers + channel->facts.readers &&
         (uvshm__a64_load_acquire(&channel->ends[end].owner) & 0xffff) !=
             UVSHM__END_FREE;
}


int uvshm__queue_is_stray(const struct uvshm__channel* channel,
                          uint32_t chunk,
                          uint64_t own) {
  const uvshm__a64_t* word = &channel->u.queue.notes[chunk].own;

  if (own % UVSHM__QUEUE_TAG == 0 || is_there(channel, own)) return 0;
  return uvshm__queue_is_nowhere(channel, chunk, own, UINT32_MAX) &&
         !is_there(channel, own) && uvshm__a64_load_acquire(word) == own;
}


static int check_chunks(const struct uvshm__channel* channel) {
  const struct uvshm__queue* queue = &channel->u.queue;
  uint32_t i;

  for (i = 0; i < queue->chunks; i++)
    if (uvshm__queue_is_stray(
            channel, i, uvshm__a64_load_acquire(&queue->notes[i].own)))
      return uvshm__queue_damaged("a chunk is nobody's and not free", i);
  return 0;
}

/* ---- positions ----------------------------------------------------------- */

/* From what is known to be behind it. Somebody who goes on all the time makes
 * this no worse than old. */
static int where(const struct uvshm__channel* channel,
                 uint64_t* head,
                 uint64_t* tail) {
  uint64_t word;
  int err;

  *head = 0;
  *tail = 0;
  err = uvshm__queue_seek(channel, UVSHM__QUEUE_MESSAGE, head, &word);
  return err < 0 ? err
                 : uvshm__queue_seek(channel, UVSHM__QUEUE_FREE, tail, &word);
}


/* The slots before the tail are of this lap, those behind it of the one before,
 * or taken since. */
static int check_laps(const struct uvshm__channel* channel) {
  const struct uvshm__queue* queue = &channel->u.queue;
  uint64_t slots = uvshm__queue_slots(queue);
  uint64_t head;
  uint64_t tail;
  uint64_t i;
  int err = where(channel, &head, &tail);

  if (err < 0) return err;
  for (i = head; i < head + slots; i++)
    if (uvshm__queue_ahead(
            queue, uvshm__a64_load_acquire(uvshm__queue_slot(queue, i)), i) < 0)
      return uvshm__queue_damaged("a slot is behind its lap", i);
  return 0;
}


int uvshm__queue_check(const struct uvshm__channel* channel) {
  int err = check_laps(channel);

  if (err == 0) err = check_slots(channel);
  return err == 0 ? check_chunks(channel) : err;
}

/* ---- numbers ------------------------------------------------------------- */

void uvshm__queue_info(const struct uvshm__channel* channel,
                       uvshm_channel_info_t* info) {
  uint64_t again = uvshm__a64_load_relaxed(&channel->front->again);
  uint64_t head;
  uint64_t tail;

  info->high = uvshm__a64_load_relaxed(&channel->front->high);
  info->lost = uvshm__a64_load_relaxed(&channel->front->lost);
  info->again = again;
  if (where(channel, &head, &tail) < 0) return;
  info->depth = (int64_t) (tail - head) > 0 ? tail - head : 0;
  info->sent = tail > again ? tail - again : 0;
  info->received = head;
  if (info->high < info->depth) info->high = info->depth;
}


void uvshm__queue_end_info(const struct uvshm__channel* channel,
                           uint32_t index,
                           uvshm_channel_end_t* info) {
  uint64_t head;
  uint64_t tail;

  if (index < channel->facts.writers || where(channel, &head, &tail) < 0)
    return;
  info->lag = (int64_t) (tail - head) > 0 ? tail - head : 0;
}
