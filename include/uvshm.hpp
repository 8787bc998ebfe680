/* SPDX-License-Identifier: MIT */

/* uvshm for C++17 and later, header-only: the objects of uvshm.h with owners
 * that close them, types that are checked, and errors that are thrown or
 * returned. Include this and link uvshm.
 *
 *   uvshm::segment shop("shop", {UVSHM_CREATE, 1 << 20});
 *   uvshm::map stock(shop, "stock");
 *   stock.put("apple", 12);
 *   std::printf("%d\n", stock.get<int>("apple"));
 *
 * Read result.hpp and handle.hpp once for what all of them share. The options,
 * flags and rules are those of the C headers, which say more.
 *
 * But for one: uvshm/watch.hpp needs <uv.h>, as watch.h does. */

#ifndef UVSHM_HPP_
#define UVSHM_HPP_

#include "uvshm.h"
#include "uvshm/allocator.hpp"
#include "uvshm/barrier.hpp"
#include "uvshm/base.hpp"
#include "uvshm/block.hpp"
#include "uvshm/cell.hpp"
#include "uvshm/channel.hpp"
#include "uvshm/cond.hpp"
#include "uvshm/entries.hpp"
#include "uvshm/error.hpp"
#include "uvshm/event.hpp"
#include "uvshm/handle.hpp"
#include "uvshm/heap.hpp"
#include "uvshm/lock.hpp"
#include "uvshm/map.hpp"
#include "uvshm/message.hpp"
#include "uvshm/mutex.hpp"
#include "uvshm/name.hpp"
#include "uvshm/object.hpp"
#include "uvshm/pin.hpp"
#include "uvshm/range.hpp"
#include "uvshm/region.hpp"
#include "uvshm/result.hpp"
#include "uvshm/rwlock.hpp"
#include "uvshm/segment.hpp"
#include "uvshm/sem.hpp"
#include "uvshm/txn.hpp"
#include "uvshm/value.hpp"

#endif /* UVSHM_HPP_ */
