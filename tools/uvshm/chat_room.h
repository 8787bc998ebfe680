/* SPDX-License-Identifier: MIT */

/* A place where two processes leave lines for each other:
 *
 *   region   NAME         two rings of bytes, one for what each side receives
 *   segment  NAME.locks   lock    guards the rings
 *                         side.0, side.1   held for as long as somebody sits
 *                                          there: who waits for one learns when
 *                                          that somebody leaves or dies
 *                         news.0, news.1   one unit for each line put into the
 *                                          ring of that side
 *
 * The first to come sits on side 0, the second on side 1, a third finds no
 * seat.
 */

#ifndef UVSHM_TOOL_CHAT_ROOM_H_
#define UVSHM_TOOL_CHAT_ROOM_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uvshm.h>

#define ROOM_RING 32768u
#define ROOM_LINE_MAX 4096u

struct room_ring {
  uint32_t head; /* bytes put in so far, without end */
  uint32_t tail; /* bytes taken out so far */
  char bytes[ROOM_RING];
};

struct room {
  int side;                /* ours */
  struct room_ring* rings; /* two, in the region */
  uvshm_region_t* region;
  uvshm_segment_t* locks;
  uvshm_mutex_t* lock;
  uvshm_mutex_t* sides[2];
  uvshm_sem_t* news[2];
};

/* Open or make it and take a seat; the calling thread sits there, until
 * room_leave(). UV_EBUSY: both are taken. */
int room_enter(struct room* room, const char* name);
void room_leave(struct room* room);

/* Put a line (at most ROOM_LINE_MAX bytes) into the other side's ring. Does not
 * wait: UV_EBUSY when somebody is at the rings just now, UV_ENOBUFS when the
 * ring is full. */
int room_put(struct room* room, const char* line, uint32_t size);

/* Take the next line out of our own ring: its size, 0 when there is none, or a
 * UV_E code. `line` has room for ROOM_LINE_MAX bytes. May wait for the
 * other. */
int room_take(struct room* room, char* line);

/* Is there nothing left that the other side has not taken? */
bool room_is_taken(struct room* room);

/* Sleep until something was put into our ring. Ends with UV_ECANCELED. */
int room_wait_news(struct room* room);

/* Who sits on the other side; 0: nobody. */
uint32_t room_other(struct room* room);

/* Sleep until nobody sits there any more: 0, UVSHM_OWNER_DIED, UV_ECANCELED. */
int room_wait_gone(struct room* room);

/* End the sleep of both kinds, for good. */
void room_cancel(struct room* room);

#endif /* UVSHM_TOOL_CHAT_ROOM_H_ */
