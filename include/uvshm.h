/* SPDX-License-Identifier: MIT */

/* uvshm: shared memory between processes, and everything on it. This header
 * includes the others and holds nothing of its own.
 *
 * But for two: uvshm/watch.h needs <uv.h>, which not every translation unit can
 * take (on Windows it brings windows.h, elsewhere it wants more than strict
 * C11), and uvshm/crash.h is for tests. */

#ifndef UVSHM_H_
#define UVSHM_H_

#include "uvshm/barrier.h"
#include "uvshm/cell.h"
#include "uvshm/channel.h"
#include "uvshm/cond.h"
#include "uvshm/error.h"
#include "uvshm/event.h"
#include "uvshm/export.h"
#include "uvshm/flags.h"
#include "uvshm/foreign.h"
#include "uvshm/heap.h"
#include "uvshm/map.h"
#include "uvshm/mutex.h"
#include "uvshm/name.h"
#include "uvshm/php.h"
#include "uvshm/region.h"
#include "uvshm/rwlock.h"
#include "uvshm/segment.h"
#include "uvshm/sem.h"
#include "uvshm/txn.h"
#include "uvshm/version.h"

#endif /* UVSHM_H_ */
