# SPDX-License-Identifier: MIT
#
# A lab that finds nothing may be one that looks at nothing. So faults are
# planted, each in a copy of one source, and the crash test of that source must
# find it. In CTest they are mutant.<name>.
#
#   uvshm_mutant(<name> <crash test> <file in src/> <old text> <new text>)
#
# The old text stands exactly once in the file. Who changes that text changes it
# here as well: an unchanged copy has no fault, and the test of the mutant says
# that none was found.

function(uvshm_mutant name test file old new)
  if(NOT TARGET ${test})
    return()
  endif()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/mutants")
  set(source "${PROJECT_SOURCE_DIR}/src/${file}")
  set(mutant "${folder}/${name}.c")
  foreach(part old new)
    file(CONFIGURE OUTPUT "${folder}/${name}.${part}" CONTENT "${${part}}" @ONLY)
  endforeach()
  add_custom_command(
    OUTPUT "${mutant}"
    COMMAND ${CMAKE_COMMAND} "-DIN=${source}" "-DOUT=${mutant}"
      "-DOLD=${folder}/${name}.old" "-DNEW=${folder}/${name}.new"
      -P "${uvshm_lab_dir}/mutate.cmake"
    DEPENDS "${source}" "${folder}/${name}.old" "${folder}/${name}.new"
            "${uvshm_lab_dir}/mutate.cmake"
    VERBATIM)

  # All objects of core but the one that is replaced.
  string(REPLACE "." "[.]" pattern "${file}")
  add_executable(mutant-${name} "${mutant}" $<TARGET_OBJECTS:${test}>
    "$<FILTER:$<TARGET_OBJECTS:uvshm_lab_core>,EXCLUDE,/${pattern}[.]>"
    $<TARGET_OBJECTS:uvshm_lab_engine> $<TARGET_OBJECTS:uvshm_lab_world>)
  uvshm_test_compile(mutant-${name})
  uvshm_lab_watch(mutant-${name})
  target_link_libraries(mutant-${name} PRIVATE uvshm_test_common)
  add_test(NAME mutant.${name} COMMAND mutant-${name})
  set_tests_properties(mutant.${name} PROPERTIES
    LABELS crash TIMEOUT 120
    ENVIRONMENT "${uvshm_test_env};UVSHM_LAB_MUTANT=1"
    PASS_REGULAR_EXPRESSION "mutant: found")
endfunction()

# ---- locks -------------------------------------------------------------------

uvshm_mutant(commit_before_the_log_is_complete crash-core core/lock_repair.c
"  uvshm__a64_store_relaxed(&lock->log[index].value, value);
"
"  uvshm__a64_store_relaxed(&lock->log[index].value, value);
  uvshm__a32_store_release(&lock->n, index + 1);
")

uvshm_mutant(lock_released_before_the_log_is_cleared crash-core core/lock_repair.c
"  replay(core, lock);
  if (core->contents != NULL)
    core->contents->lock_settle(core, lock, slot_of(core, name));
  uvshm__a32_store_release(&lock->depth, 0);
  uvshm__a32_xchg(&lock->word, UVSHM__LOCK_DIED);
"
"  uint32_t slot = slot_of(core, name);

  uvshm__a32_xchg(&lock->word, UVSHM__LOCK_DIED);
  replay(core, lock);
  if (core->contents != NULL) core->contents->lock_settle(core, lock, slot);
  uvshm__a32_store_release(&lock->depth, 0);
")

uvshm_mutant(log_cleared_before_it_is_applied crash-core core/lock_repair.c
"  if (n == 0) return;
"
"  if (n == 0) return;
  uvshm__a32_store_release(&lock->n, 0);
")

uvshm_mutant(lock_taken_before_it_is_noted crash-core core/lock.c
"  uvshm__a32_store_release(&lane->ent->held[count],
                           uvshm__lock_place(lane->core, lock));
  err = compete(lane, lock, &wait);
"
"  err = compete(lane, lock, &wait);
  uvshm__a32_store_release(&lane->ent->held[count],
                           uvshm__lock_place(lane->core, lock));
")

uvshm_mutant(note_cleared_before_the_lock_is_repaired crash-core core/lane.c
"    if (offset == 0) continue;
"
"    if (offset == 0) continue;
    uvshm__a32_store_release(&ent->held[i], 0);
")

# ---- directory ---------------------------------------------------------------

uvshm_mutant(object_there_before_its_name crash-core core/directory.c
"  uvshm__a32_store_relaxed(&ent->type, spec->type);
"
"  uvshm__a64_store_release(&ent->state,
                           uvshm__entry_word(generation, UVSHM__ENTRY_USED));
  uvshm__a32_store_relaxed(&ent->type, spec->type);
")

uvshm_mutant(claims_of_the_dead_stay crash-core core/directory_end.c
"  if (state == claimed_by(state, slot))
"
"  if (state == 0)
")

uvshm_mutant(only_own_entries_are_settled crash-core core/directory_end.c
"    if ((uint32_t) uvshm__entry_state(core, index) == UVSHM__ENTRY_REMOVED)
      uvshm__directory_settle(core, index);
"
"")

# ---- repair ------------------------------------------------------------------

uvshm_mutant(slot_free_before_its_lanes crash-core core/reap.c
"  uvshm__directory_forget(core, slot);
"
"  set_state(core, slot, UVSHM__PEER_FREE);
  uvshm__directory_forget(core, slot);
")

# ---- bells -------------------------------------------------------------------

uvshm_mutant(bells_of_the_dead_cleared_when_the_slot_is_free crash-bell core/reap.c
"  uvshm__bell_clear(core, slot);
"
"  set_state(core, slot, UVSHM__PEER_FREE);
  uvshm__bell_clear(core, slot);
")

uvshm_mutant(death_noted_when_the_slot_is_free crash-bell core/reap.c
"    uvshm__a32_store_release(&uvshm__core_peer(core, slot)->died,
"
"    uvshm__reap_claimed(core, slot);
    uvshm__a32_store_release(&uvshm__core_peer(core, slot)->died,
")

uvshm_mutant(bells_forgotten_before_they_are_removed crash-bell core/signal.c
"  if (core->env->hush != NULL) core->env->hush(core->env_arg, slot, count);
"
"  uvshm__a32_store_relaxed(&peer->bells, 0);
  if (core->env->hush != NULL) core->env->hush(core->env_arg, slot, count);
")

# ---- transactions ------------------------------------------------------------

uvshm_mutant(entry_counts_before_it_is_written crash-txn core/txn.c
"  copy_into_log((uvshm__a64_t*) end, from, size);
"
"  set_n(txn, txn->used + taken);
  copy_into_log((uvshm__a64_t*) end, from, size);
")

uvshm_mutant(transaction_never_noted crash-txn core/txn.c
"  txn->used += taken;
  set_n(txn, txn->used);
"
"  txn->used += taken;
")

uvshm_mutant(rollback_cleared_before_it_is_done crash-txn core/txn_repair.c
"  if (n == 0) return;
"
"  if (n == 0) return;
  uvshm__a64_store_release(&lock->undo_n, 0);
")

uvshm_mutant(lock_free_before_the_rollback crash-txn core/lock_repair.c
"  if (core->contents != NULL)
    core->contents->lock_settle(core, lock, slot_of(core, name));
"
"  uint32_t slot = slot_of(core, name);

  uvshm__a32_xchg(&lock->word, UVSHM__LOCK_DIED);
  if (core->contents != NULL) core->contents->lock_settle(core, lock, slot);
")

uvshm_mutant(abort_clears_first crash-txn core/txn.c
"  uvshm__txn_restore(core_of(txn), txn->log, txn->used);
  set_n(txn, 0);
"
"  set_n(txn, 0);
  uvshm__txn_restore(core_of(txn), txn->log, txn->used);
")

uvshm_mutant(committed_blocks_forgotten crash-txn core/txn.c
"    set_n(txn, txn->used | UVSHM__TXN_COMMITTED);
"
"    set_n(txn, 0);
")

uvshm_mutant(freed_blocks_free_before_the_commit crash-txn core/txn.c
"    note_block(txn, UVSHM__TXN_FREE, block);
    return 0;
"
"    note_block(txn, UVSHM__TXN_FREE, block);
    return uvshm__heap_free(txn->lane, block);
")

uvshm_mutant(burial_forgets_the_log_first crash-txn core/txn_repair.c
"  uvshm__heap_change(core, log, owner, UVSHM__OWN_FREE);
  uvshm__a64_store_release(&lock->undo, 0);
"
"  uvshm__a64_store_release(&lock->undo, 0);
  uvshm__heap_change(core, log, owner, UVSHM__OWN_FREE);
")

# ---- the heap ----------------------------------------------------------------

uvshm_mutant(block_linked_before_it_is_shared crash-heap core/heap_publish.c
"  if (ref != 0) uvshm__lock_log(lock, n++, comes.word, 2, UVSHM__OWN_SHARED);
  if (*old != 0) uvshm__lock_log(lock, n++, goes.word, 2, uvshm__heap_me(core));
  uvshm__lock_commit(core, lock, n);
"
"  if (*old != 0) uvshm__lock_log(lock, n++, goes.word, 2, uvshm__heap_me(core));
  uvshm__lock_commit(core, lock, n);
  if (ref != 0)
    uvshm__heap_change(core, ref, uvshm__heap_me(core), UVSHM__OWN_SHARED);
")

uvshm_mutant(block_unlinked_and_still_shared crash-heap core/heap_publish.c
"  if (*old != 0) uvshm__lock_log(lock, n++, goes.word, 2, uvshm__heap_me(core));
  uvshm__lock_commit(core, lock, n);
"
"  uvshm__lock_commit(core, lock, n);
  if (*old != 0)
    uvshm__heap_change(core, *old, UVSHM__OWN_SHARED, uvshm__heap_me(core));
")

uvshm_mutant(blocks_of_the_dead_forgotten_first crash-heap core/heap_repair.c
"  if (uvshm__a32_load_acquire(&peer->heap_used) != 0)
    walk_all(core, slot, judge_dead);
"
"  if (uvshm__a32_load_acquire(&peer->heap_used) != 0) {
    uvshm__a32_store_release(&peer->heap_used, 0);
    walk_all(core, slot, judge_dead);
  }
")

uvshm_mutant(peer_never_says_that_it_has_blocks crash-heap core/heap.c
"  if (uvshm__a32_load_relaxed(used) == 0) uvshm__a32_store_release(used, 1);
"
"  (void) used;
")

uvshm_mutant(zone_small_before_its_books_are crash-heap core/heap_zone.c
"  if (uvshm__word_is_used(word)) clear_bookkeeping(core, zone);
"
"  uvshm__a64_store_release(&entry->word,
                           uvshm__word_next(word, UVSHM__ZONE_SMALL, 0));
  if (uvshm__word_is_used(word)) clear_bookkeeping(core, zone);
")

# ---- maps --------------------------------------------------------------------

uvshm_mutant(memory_freed_before_the_locks_of_a_map crash-map core/reap.c
"  part_locks(core, slot);
  part_rest(core, slot);
"
"  if (core->contents != NULL) core->contents->forget(core, slot);
  part_locks(core, slot);
  part_rest(core, slot);
")

uvshm_mutant(version_stays_when_a_node_is_freed crash-map core/map_write.c
"  uvshm__lock_log(lock, 1, uvshm__map_offset(map, &shard->version), 8, version);
"
"  uvshm__lock_log(
      lock, 1, uvshm__map_offset(map, &shard->version), 8, version - 1);
")

uvshm_mutant(version_stays_when_a_node_is_filled_again crash-map core/map_update.c
"  uint64_t version = uvshm__a64_load_relaxed(&shard->version) + 1;
"
"  uint64_t version = uvshm__a64_load_relaxed(&shard->version);
")

uvshm_mutant(node_is_the_librarys_when_it_is_taken crash-map core/map_update.c
"  uvshm__a16_store_release(block->own, uvshm__heap_me(lane->core));
"
"  uvshm__a16_store_release(block->own, UVSHM__OWN_LIBRARY);
")

uvshm_mutant(old_node_freed_before_the_log_counts crash-map core/map_update.c
"  /* The commit. */
"
"  uvshm__a16_store_release(old, UVSHM__OWN_FREE);
")

uvshm_mutant(node_is_the_librarys_before_the_commit crash-map core/map_write.c
"  if (!uvshm__map_log_owner(&change, 3, fresh->own, UVSHM__OWN_LIBRARY))
    return uvshm__map_damaged(map, shard);
"
"  if (!uvshm__map_log_owner(&change, 3, fresh->own, UVSHM__OWN_LIBRARY))
    return uvshm__map_damaged(map, shard);
  uvshm__heap_change(
      map->core, fresh->ref, uvshm__heap_me(map->core), UVSHM__OWN_LIBRARY);
")

uvshm_mutant(old_node_freed_before_the_commit crash-map core/map_write.c
"  uvshm__lock_commit(map->core, lock, 4);
"
"  uvshm__heap_change(
      map->core, place->ref, UVSHM__OWN_LIBRARY, UVSHM__OWN_FREE);
  uvshm__lock_commit(map->core, lock, 4);
")

uvshm_mutant(node_cut_off_before_the_version_changes crash-map core/map_split.c
"  uvshm__map_log(&change, 2, &shard->version, bumped(shard));
  uvshm__map_log(&change, 3, &node->next, 0);
"
"  uvshm__map_log(&change, 2, &node->next, 0);
  uvshm__map_log(&change, 3, &shard->version, bumped(shard));
")

uvshm_mutant(split_begins_without_a_word crash-map core/map_split.c
"  uvshm__map_log(&change, 1, &shard->version, bumped(shard));
"
"  uvshm__map_log(&change, 1, &shard->version, bumped(shard) - 1);
")

uvshm_mutant(split_is_not_gone_on_with crash-map core/map.c
"  return uvshm__map_split_on(map, shard);
"
"  (void) map;
  uvshm__a64_and(&shard->size, ~UVSHM__MAP_SPLITTING);
  return 0;
")

uvshm_mutant(map_that_is_buried_by_nobody_in_particular crash-map-remove core/map_bury.c
"  uvshm__a32_store_release(&uvshm__core_peer(core, slot)->heap_used, 1);
"
"  uvshm__heap_mark(core);
")

# ---- cells -------------------------------------------------------------------

uvshm_mutant(value_is_the_latest_before_its_size crash-cell core/cell_write.c
"  uvshm__a64_store_relaxed(&buffer->size, size);
  for (tries = 0; tries < UVSHM__CELL_TRIES; tries++) {
    word = uvshm__a64_load_relaxed(current);
    version = (word >> UVSHM__CELL_VERSION_SHIFT) + 1;
    uvshm__a64_store_relaxed(&buffer->stamp, version);
    /* What makes it the value. Who reads the word, with acquire, sees all of
     * the buffer. */
    if (uvshm__a64_cas(
            current, word, version << UVSHM__CELL_VERSION_SHIFT | index)) {
"
"  for (tries = 0; tries < UVSHM__CELL_TRIES; tries++) {
    word = uvshm__a64_load_relaxed(current);
    version = (word >> UVSHM__CELL_VERSION_SHIFT) + 1;
    uvshm__a64_store_relaxed(&buffer->stamp, version);
    if (uvshm__a64_cas(
            current, word, version << UVSHM__CELL_VERSION_SHIFT | index)) {
      uvshm__a64_store_relaxed(&buffer->size, size);
")

uvshm_mutant(stamp_stays_while_the_buffer_is_filled crash-cell core/cell_write.c
"      uvshm__a64_store_relaxed(&buffer->stamp, 0);
      /* Pairs"
"      (void) buffer;
      /* Pairs")

uvshm_mutant(pins_of_the_dead_stay crash-cell core/cell_repair.c
"      (void) uvshm__a32_cas(word, value, 0);
"
"      continue;
")

uvshm_mutant(buffers_of_the_dead_stay crash-cell core/cell_repair.c
"    (void) uvshm__a32_cas(&cell.block->own[i], slot + 1, 0);
"
"    (void) uvshm__a32_load_relaxed(&cell.block->own[i]);
")

uvshm_mutant(burial_forgets_the_buffers_first crash-cell core/cell_repair.c
"  if (block.own != own &&
      !uvshm__heap_change(core, ref, UVSHM__OWN_LIBRARY, own))
    return;
  uvshm__a64_store_release(&hdr->block, 0);
"
"  uvshm__a64_store_release(&hdr->block, 0);
  if (block.own != own &&
      !uvshm__heap_change(core, ref, UVSHM__OWN_LIBRARY, own))
    return;
")

uvshm_mutant(objects_are_closed_before_they_are_left crash-cell core/directory_end.c
"    leave_object(core, index, slot);
    clear_bit(core, index, slot);
"
"    clear_bit(core, index, slot);
    leave_object(core, index, slot);
")

# ---- streams -----------------------------------------------------------------

uvshm_mutant(message_there_before_the_word_behind_it crash-stream core/stream_write.c
"  uvshm__a64_store_relaxed(uvshm__stream_word(end->channel, batch->place), 0);
  uvshm__a64_store_release(uvshm__stream_word(end->channel, batch->start),
                           batch->first);
"
"  uvshm__a64_store_release(uvshm__stream_word(end->channel, batch->start),
                           batch->first);
  uvshm__a64_store_relaxed(uvshm__stream_word(end->channel, batch->place), 0);
")

uvshm_mutant(small_message_there_before_the_word_behind_it crash-stream core/stream_write.c
"  uvshm__a64_store_relaxed(uvshm__stream_word(end->channel, own->place), 0);
  uvshm__a64_store_release(word, word_of(span, size));
"
"  uvshm__a64_store_release(word, word_of(span, size));
  uvshm__a64_store_relaxed(uvshm__stream_word(end->channel, own->place), 0);
")

uvshm_mutant(batch_there_one_by_one crash-stream core/stream_write.c
"    batch->first = word;
  else
    uvshm__a64_store_relaxed"
"    batch->first = word;
  uvshm__a64_store_relaxed")

uvshm_mutant(message_there_before_its_bytes crash-stream core/stream_write.c
"  uvshm__copy((unsigned char*) (word + 1), message->bytes, (size_t) size);
"
"  uvshm__a64_store_relaxed(word, word_of(span, size));
  uvshm__copy((unsigned char*) (word + 1), message->bytes, (size_t) size);
")

uvshm_mutant(successor_reads_again_what_was_released crash-stream core/stream_read.c
"  uvshm__a64_store_release(&hdr->oldest, own->oldest);
"
"")

uvshm_mutant(end_free_before_it_says_how_it_went crash-stream core/channel_end.c
"  set_was(end->channel, (int) end->writer, UVSHM__CHANNEL_CLOSED);
  free_entry(end);
"
"  free_entry(end);
  set_was(end->channel, (int) end->writer, UVSHM__CHANNEL_CLOSED);
")

uvshm_mutant(death_of_an_end_is_not_told crash-stream core/channel_end.c
"  set_was(channel, writer, UVSHM__CHANNEL_DIED);
"
"  (void) writer;
")

uvshm_mutant(channel_forgets_its_block_first crash-stream-life core/channel_check.c
"  (void) uvshm__heap_change(core, block, UVSHM__OWN_LIBRARY, owner);
  uvshm__a64_store_release(&hdr->block, 0);
"
"  uvshm__a64_store_release(&hdr->block, 0);
  (void) uvshm__heap_change(core, block, UVSHM__OWN_LIBRARY, owner);
")

# ---- topics ------------------------------------------------------------------

uvshm_mutant(hand_is_up_to_date_before_the_commit crash-topic core/topic_write.c
"  /* With it all that was written to the chunk before. In the one order with the
"
"  uvshm__a64_store_release(&topic->hands[end->index].word,
                           uvshm__topic_next_word(mine->hand, other));
  /* With it all that was written to the chunk before. In the one order with the
")

uvshm_mutant(chunk_is_taken_from_a_late_hand crash-topic core/topic_write.c
"    help(end->channel, place, was);
"
"    (void) help;
")

uvshm_mutant(nobody_knows_where_a_chunk_goes crash-topic core/topic_write.c
"                           uvshm__topic_swap(end->index, place, other));
"
"                           0 * uvshm__topic_swap(end->index, place, other));
")

uvshm_mutant(hand_of_the_dead_stays_late crash-topic core/topic_repair.c
"  (void) uvshm__a64_cas_seq_cst(
      hand, was, uvshm__topic_next_word(was, uvshm__topic_swap_chunk(swap)));
"
"  (void) was;
")

uvshm_mutant(pins_of_a_dead_reader_stay crash-topic core/topic_repair.c
"    if (pin != 0 && pin >> 32 == owner >> 32)
"
"    if (pin != 0 && pin >> 32 != owner >> 32)
")

uvshm_mutant(writer_takes_what_is_pinned crash-topic core/topic_write.c
"    if ((uint32_t) uvshm__a64_load_seq_cst(&pins[i]) == chunk + 1) return 1;
"
"    if ((uint32_t) uvshm__a64_load_seq_cst(&pins[i]) == chunk + 1) return 0;
")

uvshm_mutant(size_is_not_said crash-topic core/topic_write.c
"  say_size(&topic->sizes[uvshm__topic_chunk_of(mine->hand)], size);
"
"  say_size(&topic->sizes[uvshm__topic_chunk_of(mine->hand)], size & 32);
")

uvshm_mutant(tail_moves_before_the_commit crash-topic core/topic_write.c
"    } else if (exchange(end, slot, word, position)) {
"
"    } else if (uvshm__a64_cas(&topic->hdr->tail, position, position + 1) +
                   exchange(end, slot, word, position) !=
               0) {
")

uvshm_mutant(reader_pins_and_does_not_look_again crash-topic core/topic_read.c
"  if (uvshm__a64_load_seq_cst(&topic->slots[found->slot]) == found->word)
    return 1;
"
"  if (uvshm__a64_load_seq_cst(&topic->slots[found->slot]) != 0) return 1;
")

uvshm_mutant(reader_copies_and_does_not_look_again crash-topic core/topic_read.c
"    return is_still_there(topic, found);
"
"    return 1;
")

# ---- queues ------------------------------------------------------------------

uvshm_mutant(message_taken_before_it_is_noted crash-queue core/queue_take.c
"  uvshm__a64_store_release(&hand[UVSHM__QUEUE_HAND],
                           (uint64_t) found->chunk + 1);
"
"")

uvshm_mutant(hand_empty_before_the_chunk_is_ours crash-queue core/queue_take.c
"  uvshm__a64_t* own = &end->channel->u.queue.notes[found->chunk].own;
  int done =
"
"  uvshm__a64_t* own = &end->channel->u.queue.notes[found->chunk].own;
  int done;

  uvshm__a64_store_release(&end->ent->own[UVSHM__QUEUE_HAND], 0);
  done =
")

uvshm_mutant(chunk_that_waits_taken_for_the_writers crash-queue
core/queue_repair.c
"  if (is_in_slot(&channel->u.queue, chunk)) return 0;
"
"")

uvshm_mutant(chunk_in_a_living_hand_taken_for_the_writers crash-queue-others
core/queue_repair.c
"    if (i != index && is_in_hand(channel, i, chunk, own)) return 0;
"
"    if (is_in_hand(channel, i, chunk, own) && i == index) return 0;
")

uvshm_mutant(message_noted_taken_for_one_that_is_taken crash-queue
core/queue_repair.c
"    if (is_in_slot(queue, chunk)) return;
"
"")

uvshm_mutant(chunk_in_a_slot_before_it_says_which crash-queue core/queue_put.c
"    uvshm__a32_store_relaxed(&queue->notes[chunk].slot,
                             uvshm__queue_index(queue, *place));
"
"")

uvshm_mutant(claims_of_the_dead_forgotten crash-queue core/queue_repair.c
"  if (!in_hand && (own & UVSHM__QUEUE_LOAN) == 0) {
"
"  if (!in_hand && (own & UVSHM__QUEUE_LOAN) == 0) {
    if (own != 0) return;
")

uvshm_mutant(message_there_before_its_size crash-queue core/queue_put.c
"    uvshm__a32_store_relaxed(&queue->notes[chunk].size,
                             (uint32_t) messages[i].size);
    err = uvshm__queue_put(end->channel, chunk, &mine->place);
    if (err < 0) {
"
"    err = uvshm__queue_put(end->channel, chunk, &mine->place);
    uvshm__a32_store_relaxed(&queue->notes[chunk].size,
                             (uint32_t) messages[i].size);
    if (err < 0) {
")

# ---- the other locks ---------------------------------------------------------

uvshm_mutant(reader_that_has_the_word_is_not_repaired crash-locks core/lane.c
"    if (lock != NULL) uvshm__lock_repair(core, lock, name);
"
"    if (lock != NULL && (note & UVSHM__LANE_READ) == 0)
      uvshm__lock_repair(core, lock, name);
")

uvshm_mutant(downgrade_frees_the_word_without_a_note crash-locks core/rwlock.c
"  /* Whoever takes the word after us sees the note: it is before the word. */
  uvshm__a32_store_release(&lane->ent->held[held - 1],
                           lane->held[held] | UVSHM__LANE_READ);
"
"  uvshm__a32_store_release(&lane->ent->held[held - 1], 0);
")

uvshm_mutant(writer_that_gives_up_drops_the_news crash-locks core/rwlock.c
"  if (news == UVSHM_OWNER_DIED)
    (void) uvshm__lock_abandon(lane, &rwlock->lock);
  else
    (void) uvshm__lock_release(lane, &rwlock->lock);
"
"  (void) news;
  (void) uvshm__lock_release(lane, &rwlock->lock);
")

uvshm_mutant(lane_that_was_claimed_looks_new crash-locks core/lane.c
"  if (uvshm__a32_load_relaxed(&ent->generation) == 0)
    uvshm__a32_store_release(&ent->generation, 1);
"
"")

uvshm_mutant(call_dies_with_who_was_called crash-locks core/lane.c
"  end_turn(core, &ent->turn);
"
"  uvshm__a32_store_release(&ent->turn, 0);
  end_turn(core, &ent->turn);
")

uvshm_mutant(event_passes_and_stays_set crash-locks core/event.c
"    if (manual) return 0;
    if (uvshm__a32_cas(&event->word, word, word & ~UVSHM__EVENT_IS_SET))
      return 0;
"
"    if (manual) return 0;
    return 0;
")

uvshm_mutant(barrier_is_forgotten_before_it_is_broken crash-locks core/reap.c
"    break_barriers(core, slot);
  }
  uvshm__reap_claimed(core, slot);
"
"  }
  uvshm__reap_claimed(core, slot);
  if ((uint32_t) state != UVSHM__PEER_FREE) break_barriers(core, slot);
")

uvshm_mutant(barrier_is_whole_before_the_others_know crash-locks core/barrier.c
"    mark_lanes(core, barrier, round);
    if (!uvshm__a64_cas(&barrier->word, word, next_round(word))) continue;
"
"    if (!uvshm__a64_cas(&barrier->word, word, next_round(word))) continue;
    mark_lanes(core, barrier, round);
")
