/* SPDX-License-Identifier: MIT */

/* The numbers in a ring come out of shared memory: they are read once and
 * believed only within bounds. A ring that cannot be right is emptied.
 *
 * A line lies in its ring as two bytes of size and its bytes. `head` is stored
 * after them, so a death in between leaves no half line, and the next owner of
 * the lock need not repair anything.
 */

#include "chat_room.h"
#include "names.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#define SEAT_TRIES 20
#define SEAT_PAUSE_MS 50


static int open_locks(struct room* room) {
  int err = uvshm_mutex_open(&room->lock, room->locks, "lock", NULL);
  for (int i = 0; i < 2 && err >= 0; i++) {
    char side[] = "side.0";
    char news[] = "news.0";
    side[5] = news[5] = (char) ('0' + i);
    err = uvshm_mutex_open(&room->sides[i], room->locks, side, NULL);
    if (err >= 0) err = uvshm_sem_open(&room->news[i], room->locks, news, NULL);
  }
  return err;
}


static int open_room(struct room* room, const char* name) {
  uvshm_region_options_t region = {.flags = UVSHM_CREATE | names_where(),
                                   .size = 2 * sizeof(struct room_ring),
                                   .label = "demo chat"};
  uvshm_segment_options_t locks = {.flags = UVSHM_CREATE | names_where(),
                                   .label = "demo chat"};
  int err = uvshm_region_open(&room->region, names_at(name), &region);
  if (err < 0) return err;
  room->rings = uvshm_region_base(room->region);

  char* locks_name = text_format("%s.locks", name);
  err = uvshm_segment_open(&room->locks, names_at(locks_name), &locks);
  free(locks_name);
  return err < 0 ? err : open_locks(room);
}


/* The other one holds our seat for a moment when it sees its owner go
 * (room_wait_gone), so one look is not enough. */
static int take_seat(struct room* room) {
  for (int i = 0; i < SEAT_TRIES; i++) {
    for (room->side = 0; room->side < 2; room->side++) {
      int err = uvshm_mutex_lock(room->sides[room->side], 0);
      if (err >= 0) return 0;
      if (err != UV_EBUSY) return err;
    }
    uv_sleep(SEAT_PAUSE_MS);
  }
  return UV_EBUSY;
}


int room_enter(struct room* room, const char* name) {
  memset(room, 0, sizeof *room);
  room->side = 2; /* none yet */
  int err = open_room(room, name);
  if (err >= 0) err = take_seat(room);
  if (err < 0) room_leave(room);
  return err;
}


void room_leave(struct room* room) {
  if (room->side < 2 && room->sides[room->side] != NULL)
    uvshm_mutex_unlock(room->sides[room->side]);
  for (int i = 0; i < 2; i++) {
    uvshm_sem_close(room->news[i]);
    uvshm_mutex_close(room->sides[i]);
  }
  uvshm_mutex_close(room->lock);
  uvshm_segment_close(room->locks);
  uvshm_region_close(room->region);
  memset(room, 0, sizeof *room);
  room->side = 2;
}


/* Bytes in the ring, and where they begin. */
static uint32_t held(struct room_ring* ring, uint32_t* tail) {
  uint32_t size = ring->head - ring->tail;
  *tail = ring->tail;
  if (size <= ROOM_RING) return size;
  ring->tail = *tail = ring->head;
  return 0;
}


static void copy_in(struct room_ring* ring,
                    uint32_t at,
                    const void* from,
                    uint32_t size) {
  for (uint32_t i = 0; i < size; i++)
    ring->bytes[(at + i) % ROOM_RING] = ((const char*) from)[i];
}


static void copy_out(const struct room_ring* ring,
                     uint32_t at,
                     void* to,
                     uint32_t size) {
  for (uint32_t i = 0; i < size; i++)
    ((char*) to)[i] = ring->bytes[(at + i) % ROOM_RING];
}


int room_put(struct room* room, const char* line, uint32_t size) {
  struct room_ring* ring = &room->rings[1 - room->side];
  unsigned char prefix[2] = {(unsigned char) (size & 0xff),
                             (unsigned char) (size >> 8)};
  uint32_t tail;
  int err = uvshm_mutex_lock(room->lock, 0);
  if (err < 0) return err;
  uint32_t used = held(ring, &tail);
  bool fits = size + 2 <= ROOM_RING - used;
  if (fits) {
    copy_in(ring, tail + used, prefix, 2);
    copy_in(ring, tail + used + 2, line, size);
    ring->head = tail + used + 2 + size;
  }
  uvshm_mutex_unlock(room->lock);
  return fits ? uvshm_sem_post(room->news[1 - room->side], 1) : UV_ENOBUFS;
}


int room_take(struct room* room, char* line) {
  struct room_ring* ring = &room->rings[room->side];
  unsigned char prefix[2];
  uint32_t tail;
  uint32_t size = 0;
  int err = uvshm_mutex_lock(room->lock, UVSHM_FOREVER);
  if (err < 0) return err;
  uint32_t used = held(ring, &tail);
  if (used >= 2) {
    copy_out(ring, tail, prefix, 2);
    size = prefix[0] | (uint32_t) prefix[1] << 8;
    if (size > ROOM_LINE_MAX || size + 2 > used) {
      ring->tail = ring->head;
      size = 0;
    } else {
      copy_out(ring, tail + 2, line, size);
      ring->tail = tail + 2 + size;
    }
  }
  uvshm_mutex_unlock(room->lock);
  return (int) size;
}


bool room_is_taken(struct room* room) {
  const struct room_ring* ring = &room->rings[1 - room->side];
  if (uvshm_mutex_lock(room->lock, 0) < 0) return false;
  bool taken = ring->head == ring->tail;
  uvshm_mutex_unlock(room->lock);
  return taken;
}


int room_wait_news(struct room* room) {
  return uvshm_sem_wait(room->news[room->side], UVSHM_FOREVER);
}


uint32_t room_other(struct room* room) {
  uvshm_mutex_info_t info;
  if (uvshm_mutex_info(room->sides[1 - room->side], &info) < 0) return 0;
  return info.locked && info.owner_alive ? info.owner_pid : 0;
}


int room_wait_gone(struct room* room) {
  uvshm_mutex_t* seat = room->sides[1 - room->side];
  int result = uvshm_mutex_lock(seat, UVSHM_FOREVER);
  if (result >= 0) uvshm_mutex_unlock(seat);
  return result;
}


void room_cancel(struct room* room) {
  uvshm_sem_cancel(room->news[room->side]);
  uvshm_mutex_cancel(room->sides[1 - room->side]);
  uvshm_mutex_cancel(room->lock);
}
