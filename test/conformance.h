/* SPDX-License-Identifier: MIT */

/* What src/port.h promises, as cases that every backend must pass. The list
 * below is the specification in short; port-conformance.c runs it.
 *
 * Other processes are agents: the test program in the role `agent`, which obeys
 * one command a line (conformance_agent.c) and answers with one line.
 */

#ifndef UVSHM_TEST_CONFORMANCE_H_
#define UVSHM_TEST_CONFORMANCE_H_

#include "base/atomic.h"
#include "harness.h"
#include "port.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#define CONFORMANCE_SELF(X)                                                    \
 X(self_clock_goes_forward)                                                    \
 X(self_sleep_is_not_shorter_than_asked)                                       \
 X(self_random_bytes_differ)                                                   \
 X(self_boot_id_is_the_same_in_another_process)                                \
 X(self_program_name_is_cut_to_the_buffer)                                     \
 X(self_pid_is_the_one_others_see)                                             \
 X(self_lineage_is_the_same_in_every_thread_and_not_zero)                      \
 X(self_thread_value_is_each_threads_own)                                      \
 X(self_thread_exit_is_told_with_its_value)                                    \
 X(self_process_lock_excludes_other_threads)                                   \
 X(self_sizes_of_pages_are_powers_of_two)

#define CONFORMANCE_NAME(X)                                                    \
 X(name_of_nothing_is_enoent)                                                  \
 X(name_is_not_found_before_publish)                                           \
 X(name_new_memory_reads_as_zeros)                                             \
 X(name_leads_other_processes_to_the_same_bytes)                               \
 X(name_is_given_to_one_maker_only)                                            \
 X(name_of_many_makers_at_once_one_wins)                                       \
 X(name_maker_killed_before_publish_leaves_nothing)                            \
 X(name_maker_that_drops_before_publish_leaves_nothing)                        \
 X(name_of_200_bytes_and_names_that_differ_in_the_last)                        \
 X(name_in_utf8_is_found)                                                      \
 X(name_scopes_are_apart)                                                      \
 X(name_lists_what_exists)                                                     \
 X(name_listing_stops_when_told)                                               \
 X(name_kept_object_outlives_its_users)                                        \
 X(name_peek_reads_without_a_mapping)                                          \
 X(name_calls_and_mappings_see_each_other)                                     \
 X(name_attributes_tell_size_and_owner)

#define CONFORMANCE_GATE(X)                                                    \
 X(gate_excludes_other_processes)                                              \
 X(gate_excludes_other_handles_of_this_process)                                \
 X(gate_is_taken_again_after_leave)                                            \
 X(gate_is_released_by_death)                                                  \
 X(gate_is_released_by_drop)                                                   \
 X(gate_is_waited_for_by_other_threads)                                        \
 X(gate_of_a_removed_name_is_enxio)                                            \
 X(unlink_makes_find_say_enoent_at_once)                                       \
 X(unlink_frees_the_name_at_once)                                              \
 X(unlink_leaves_the_holders_their_memory)                                     \
 X(unlink_by_a_second_object_of_the_name_is_its_own)

#define CONFORMANCE_FILE(X)                                                    \
 X(file_is_made_found_and_removed)                                             \
 X(file_bytes_are_on_disk_after_sync)                                          \
 X(file_that_is_a_folder_is_einval)                                            \
 X(raw_file_has_the_size_that_was_asked)                                       \
 X(raw_file_needs_no_gate)                                                     \
 X(raw_file_that_is_dropped_before_publish_is_gone)                            \
 X(anonymous_object_has_memory_claims_and_no_name)

#define CONFORMANCE_PEER(X)                                                    \
 X(claim_is_refused_to_other_processes)                                        \
 X(claim_is_refused_to_other_handles)                                          \
 X(claim_is_alive_for_all)                                                     \
 X(claim_of_a_killed_process_is_not_alive)                                     \
 X(claim_of_a_process_that_exits_is_not_alive)                                 \
 X(claim_is_free_again_after_unclaim)                                          \
 X(claim_given_back_inside_the_gate_is_free_inside_it)                         \
 X(claim_stays_after_drop)                                                     \
 X(claim_of_the_last_slot)                                                     \
 X(claim_without_gate_repairs_a_dead_peer)                                     \
 X(claim_works_after_the_name_is_gone)                                         \
 X(claim_of_an_incarnation_is_not_seen_in_the_next)                            \
 X(in_use_does_not_count_itself)                                               \
 X(in_use_counts_another_handle_of_this_process)                               \
 X(in_use_counts_another_process_until_it_dies)                                \
 X(in_use_counts_readers)                                                      \
 X(readers_are_many_at_once)                                                   \
 X(readers_cannot_take_a_slot)                                                 \
 X(peer_test_passes_on_memory)

#define CONFORMANCE_MAP(X)                                                     \
 X(map_reaches_beyond_what_exists)                                             \
 X(map_window_begins_at_its_offset)                                            \
 X(map_copy_is_seen_by_this_process_alone)                                     \
 X(map_read_only_is_never_widened)                                             \
 X(map_protect_takes_and_gives_back)                                           \
 X(map_advice_is_harmless)                                                     \
 X(map_outlives_drop)                                                          \
 X(grow_is_seen_by_all_at_once)                                                \
 X(grow_gives_zeros_and_keeps_bytes)                                           \
 X(grow_never_lowers)                                                          \
 X(grow_by_two_ends_with_the_larger)                                           \
 X(grow_loses_no_store_of_others)                                              \
 X(grow_is_measured_by_who_found_it_before)                                    \
 X(grow_of_a_damaged_word_is_an_error)

#define CONFORMANCE_WAIT(X)                                                    \
 X(wait_returns_when_the_word_differs)                                         \
 X(wait_times_out)                                                             \
 X(wait_is_ended_by_another_process)                                           \
 X(wait_is_ended_by_another_thread)                                            \
 X(wait_works_on_a_read_only_mapping)                                          \
 X(wait_of_several_is_ended_for_all)                                           \
 X(wake_of_nobody_does_nothing)                                                \
 X(wake_is_not_lost_with_a_killed_waiter)

#define CONFORMANCE_BELL(X)                                                    \
 X(bell_is_rung_by_another_process)                                            \
 X(bell_is_rung_by_its_own_process)                                            \
 X(bells_of_slots_and_numbers_are_apart)                                       \
 X(bell_that_is_not_there_is_rung_in_vain)                                     \
 X(bell_that_nobody_answers_blocks_nobody)                                     \
 X(bell_of_the_next_owner_is_rung)                                             \
 X(bell_of_anonymous_memory_rings)

#define CONFORMANCE_CASES(X)                                                   \
 CONFORMANCE_SELF(X)                                                           \
 CONFORMANCE_NAME(X)                                                           \
 CONFORMANCE_GATE(X)                                                           \
 CONFORMANCE_FILE(X)                                                           \
 CONFORMANCE_PEER(X)                                                           \
 CONFORMANCE_MAP(X)                                                            \
 CONFORMANCE_WAIT(X)                                                           \
 CONFORMANCE_BELL(X)

#define CONFORMANCE_DECLARE(name) void name(void** state);
CONFORMANCE_CASES(CONFORMANCE_DECLARE)
#undef CONFORMANCE_DECLARE

#define SIZE 65536u
#define RESERVE (16u * 65536u)

/* What the cases put at the start of an object, in place of a real header. */
struct subject_header {
  uint64_t magic;
  uint64_t id[2];
  uvshm__a64_t committed;
};

/* An object with what a test does to it. All zeros: nothing is open. */
struct subject {
  struct uvshm__port_object object;
  struct uvshm__port_view view;
  struct uvshm__port_claim claim;
  int open;
  int mapped;
  int claimed;
};

/* Specifications: a portable name, and the same for reading. */
struct uvshm__port_spec spec_of(const char* name);
struct uvshm__port_spec spec_readonly(const char* name);

/* As the port calls, and what a caller of those has to do beside them. On error
 * nothing is open. */
int subject_make(struct subject* subject, const struct uvshm__port_spec* spec);
int subject_find(struct subject* subject, const struct uvshm__port_spec* spec);
int subject_map(struct subject* subject, uint32_t access);
int subject_claim(struct subject* subject, uint32_t slot);
void subject_unclaim(struct subject* subject);
void subject_unmap(struct subject* subject);
void subject_drop(struct subject* subject);
uvshm__a32_t* subject_word(struct subject* subject, uint64_t offset);
struct subject_header* subject_header(struct subject* subject);

/* The same again and again while it is UV_EAGAIN, for some seconds: whoever
 * lists names on this machine, a test beside us perhaps, has our gate for a
 * moment. */
int subject_find_wait(struct subject* subject,
                      const struct uvshm__port_spec* spec);
int subject_enter_wait(struct subject* subject);

/* Made, mapped, published, gate left; asserts. Removed by `subject_remove`. */
void subject_create(struct subject* subject, const char* name);
void subject_remove(struct subject* subject);

/* `expected` 0 or 1, within some seconds; asserts. */
void expect_alive(struct subject* subject, uint32_t slot, int expected);

/* An agent: tell it a command and get its answer, which the next call
 * overwrites. */
void agent_start(struct test_process* agent);
const char* agent_ask(struct test_process* agent, const char* format, ...);

/* Assert that the answer is this. */
void agent_must(struct test_process* agent,
                const char* answer,
                const char* format,
                ...);

int agent_role(int argc, char** argv);

#endif /* UVSHM_TEST_CONFORMANCE_H_ */
