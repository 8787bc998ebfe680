/* SPDX-License-Identifier: MIT */

/* Who is attached, as far as it does not matter how the kernel is asked. Claims
 * are byte locks (posix.h has the bytes); each claim of this process hangs on
 * the object that it was made through, so that "is any other peer attached?"
 * can leave our own bytes out.
 *
 * After a fork the child has a copy of these records and none of the locks.
 * Every record says in whose lineage it is true, and a child forgets the others
 * before it looks at anything.
 */

#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
# include <sys/vfs.h>
#else
# include <sys/param.h>
# include <sys/mount.h>
#endif

/* Claims through one object at one time: its slot, and slots being repaired. */
#define OWN_LIMIT 64


/* The lock is tried, never waited for. */
int uvshm__posix_set_lock(int fd, int command, uint64_t byte, short type) {
  struct flock lock = {0}; /* OFD locks want l_pid 0 */

  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = (off_t) byte;
  lock.l_len = 1;
  while (fcntl(fd, command, &lock) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES) return UV_EAGAIN;
    if (errno == EINVAL) return UV_ENOTSUP; /* a kernel before 3.15 */
    return uvshm__posix_error(errno);
  }
  return 0;
}


int uvshm__posix_get_lock(
    int fd, int command, uint64_t from, uint64_t size, int* held) {
  struct flock lock = {0};

  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = (off_t) from;
  lock.l_len = (off_t) size;
  while (fcntl(fd, command, &lock) != 0)
    if (errno != EINTR) return uvshm__posix_error(errno);
  *held = lock.l_type != F_UNLCK;
  return 0;
}


static struct uvshm__holds* holds_of(const struct uvshm__port_object* object) {
  return (struct uvshm__holds*) object->os[UVSHM__OS_HOLDS];
}


/* Forget what a parent held. Process lock held. */
static void forget_inherited(struct uvshm__holds* holds) {
  struct uvshm__hold** at = &holds->first;
  struct uvshm__hold* hold;

  while ((hold = *at) != NULL) {
    if (hold->lineage == uvshm__port_lineage()) {
      at = &hold->next;
      continue;
    }
    *at = hold->next;
    uvshm__posix_forget(hold);
    free(hold);
  }
}


int uvshm__posix_claim_byte(struct uvshm__port_claim* claim,
                            struct uvshm__port_object* object,
                            uint64_t byte,
                            int exclusive) {
  struct uvshm__holds* holds = holds_of(object);
  struct uvshm__hold* hold;
  int err;

  if (holds == NULL) return UV_ENOTSUP;
  err = uvshm__posix_watch_forks();
  if (err < 0) return err;
  hold = calloc(1, sizeof(*hold));
  if (hold == NULL) return UV_ENOMEM;
  hold->byte = byte;
  hold->gate = -1;
  uvshm__port_process_lock();
  forget_inherited(holds);
  hold->of = holds;
  hold->lineage = uvshm__port_lineage();
  err = uvshm__posix_hold(object, hold, exclusive);
  if (err == 0) {
    hold->next = holds->first;
    holds->first = hold;
    claim->os[0] = (intptr_t) hold;
    claim->os[1] = (intptr_t) hold->lineage;
  }
  uvshm__port_process_unlock();
  if (err < 0) free(hold);
  return err;
}


int uvshm__port_claim(struct uvshm__port_claim* claim,
                      struct uvshm__port_object* object,
                      uint32_t slot) {
  uint64_t number;
  int err;

  if (slot != UVSHM__PORT_READERS) {
    if (slot >= UVSHM__SLOTS_LIMIT) return UV_EINVAL;
    if (object->readonly) return UV_EACCES;
    return uvshm__posix_claim_byte(claim, object, UVSHM__BYTE_SLOTS + slot, 1);
  }
  err = uvshm__port_random(&number, sizeof(number));
  if (err < 0) return err;
  number >>= 4; /* stay below the largest offset */
  return uvshm__posix_claim_byte(
      claim, object, UVSHM__BYTE_READERS + number, 0);
}


/* A claim of the parent's in a forked child is not looked into: its record may
 * be forgotten already. */
void uvshm__port_unclaim(struct uvshm__port_claim* claim) {
  struct uvshm__hold* hold = (struct uvshm__hold*) claim->os[0];
  struct uvshm__hold** at;

  if (hold == NULL || (uint32_t) claim->os[1] != uvshm__port_lineage()) return;
  uvshm__port_process_lock();
  if (hold->of != NULL) {
    for (at = &hold->of->first; *at != hold; at = &(*at)->next) continue;
    *at = hold->next;
  }
  uvshm__posix_release(hold);
  uvshm__port_process_unlock();
  free(hold);
  claim->os[0] = 0;
}


void uvshm__posix_orphan_holds(struct uvshm__port_object* object) {
  struct uvshm__holds* holds = holds_of(object);
  struct uvshm__hold* hold;

  uvshm__port_process_lock();
  forget_inherited(holds);
  for (hold = holds->first; hold != NULL; hold = hold->next) hold->of = NULL;
  uvshm__port_process_unlock();
  free(holds);
  object->os[UVSHM__OS_HOLDS] = 0;
}


int uvshm__port_alive(struct uvshm__port_object* object,
                      uint32_t slot,
                      int* alive) {
  int held = 1;

  if (slot >= UVSHM__SLOTS_LIMIT) return UV_EINVAL;
  if (holds_of(object) == NULL) return UV_ENOTSUP;
  if (uvshm__posix_probe(object, UVSHM__BYTE_SLOTS + slot, 1, &held) < 0)
    held = 1;
  *alive = held;
  return 0;
}


/* Our own bytes in order, at most OWN_LIMIT of them; how many. */
static size_t own_bytes(struct uvshm__holds* holds, uint64_t* bytes) {
  struct uvshm__hold* hold;
  size_t count = 0;
  size_t at;

  for (hold = holds->first; hold != NULL; hold = hold->next) {
    if (hold->byte < UVSHM__BYTE_SLOTS) continue;
    if (count == OWN_LIMIT) return OWN_LIMIT + 1;
    for (at = count++; at > 0 && bytes[at - 1] > hold->byte; at--)
      bytes[at] = bytes[at - 1];
    bytes[at] = hold->byte;
  }
  return count;
}


/* Look between our own bytes, and behind the last of them. */
static int any_other(struct uvshm__port_object* object, int* used) {
  uint64_t bytes[OWN_LIMIT];
  uint64_t from = UVSHM__BYTE_SLOTS;
  size_t count = own_bytes(holds_of(object), bytes);
  size_t i;
  int held = 0;
  int err = 0;

  if (count > OWN_LIMIT) {
    *used = 1; /* more than we can tell apart: in doubt, yes */
    return 0;
  }
  for (i = 0; i < count && err == 0 && !held; i++) {
    if (bytes[i] > from)
      err = uvshm__posix_probe(object, from, bytes[i] - from, &held);
    from = bytes[i] + 1;
  }
  if (err == 0 && !held) err = uvshm__posix_probe(object, from, 0, &held);
  if (err == 0) *used = held;
  return err;
}


int uvshm__port_in_use(struct uvshm__port_object* object, int* used) {
  int err;

  if (holds_of(object) == NULL) {
    *used = 0; /* nothing is known of raw files and foreign memory */
    return 0;
  }
  uvshm__port_process_lock();
  forget_inherited(holds_of(object));
  err = any_other(object, used);
  uvshm__port_process_unlock();
  return err;
}


/* Locks of network file systems may be granted by one machine and unknown to
 * the next, and a test on one machine cannot tell. FUSE may do anything. */
static int is_remote(int fd) {
#if defined(__linux__)
  static const uint32_t remote[] = {
      0x6969u,     /* NFS */
      0x517bu,     /* SMB */
      0xff534d42u, /* CIFS */
      0xfe534d42u, /* SMB2 */
      0x65735546u, /* FUSE */
      0x01021997u, /* 9P */
      0x00c36400u, /* Ceph */
      0x0bd00bd0u, /* Lustre */
      0x5346414fu, /* AFS */
      0x73757245u, /* Coda */
      0x01161970u, /* GFS2 */
      0x7461636fu  /* OCFS2 */
  };
  struct statfs fs;
  size_t i;

  if (fstatfs(fd, &fs) != 0) return 1;
  for (i = 0; i < sizeof(remote) / sizeof(*remote); i++)
    if ((uint32_t) fs.f_type == remote[i]) return 1;
  return 0;
#elif defined(MNT_LOCAL) && !defined(__NetBSD__) /* which has statvfs() */
  struct statfs fs;

  return fstatfs(fd, &fs) != 0 || (fs.f_flags & MNT_LOCAL) == 0;
#else
  (void) fd;
  return 0;
#endif
}


/* Take a byte that nobody else asks for, see that others would see it, give it
 * back, see that it is free. */
int uvshm__port_peer_test(struct uvshm__port_object* object) {
  struct uvshm__port_claim claim;
  uint32_t number;
  uint64_t byte;
  int held;
  int err;

  if (holds_of(object) == NULL) return UV_ENOTSUP;
  if (is_remote((int) object->os[UVSHM__OS_FD]))
    return uvshm__fail(UV_ENOTSUP,
                       "it lies on a network or user-space file system, where "
                       "locks cannot tell who is alive");
  err = uvshm__port_random(&number, sizeof(number));
  if (err < 0) return err;
  byte = UVSHM__BYTE_TEST + number;
  err = uvshm__posix_claim_byte(&claim, object, byte, 0);
  if (err == UV_EBUSY || err == UV_EINVAL) err = UV_ENOTSUP;
  if (err < 0) return err;
  err = uvshm__posix_probe(object, byte, 1, &held);
  uvshm__port_unclaim(&claim);
  if (err == 0 && !held) err = UV_ENOTSUP;
  if (err == 0) err = uvshm__posix_probe(object, byte, 1, &held);
  if (err == 0 && held) err = UV_ENOTSUP;
  return err;
}
