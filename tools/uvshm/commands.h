/* SPDX-License-Identifier: MIT */

/* The functions behind the table of commands, one file each. A command returns
 * its exit code and has said everything there was to say. */

#ifndef UVSHM_TOOL_COMMANDS_H_
#define UVSHM_TOOL_COMMANDS_H_

#include "args.h"

int cmd_bench(const struct args* args);
int cmd_bench_peer(const struct args* args);
int cmd_check(const struct args* args);
int cmd_completion(const struct args* args);
int cmd_create(const struct args* args);
int cmd_demo(const struct args* args);
int cmd_doctor(const struct args* args);
int cmd_gc(const struct args* args);
int cmd_help(const struct args* args);
int cmd_info(const struct args* args);
int cmd_lock(const struct args* args);
int cmd_ls(const struct args* args);
int cmd_map_add(const struct args* args);
int cmd_map_create(const struct args* args);
int cmd_map_del(const struct args* args);
int cmd_map_dump(const struct args* args);
int cmd_map_get(const struct args* args);
int cmd_map_keys(const struct args* args);
int cmd_map_load(const struct args* args);
int cmd_map_put(const struct args* args);
int cmd_map_sweep(const struct args* args);
int cmd_map_take(const struct args* args);
int cmd_map_wait(const struct args* args);
int cmd_php_del(const struct args* args);
int cmd_php_get(const struct args* args);
int cmd_php_keys(const struct args* args);
int cmd_php_put(const struct args* args);
int cmd_read(const struct args* args);
int cmd_recv(const struct args* args);
int cmd_repair(const struct args* args);
int cmd_rm(const struct args* args);
int cmd_send(const struct args* args);
int cmd_top(const struct args* args);
int cmd_watch(const struct args* args);
int cmd_write(const struct args* args);

/* What `uvshm demo` and `uvshm doctor` start of the tool itself. */
int cmd_demo_writer(const struct args* args);
int cmd_demo_reader(const struct args* args);
int cmd_demo_holder(const struct args* args);
int cmd_demo_heir(const struct args* args);

/* --help of one command, of those with the same first word, and of the tool. */
void help_command(const struct command* command);
void help_group(const char* first);
void help_tool(void);

#endif /* UVSHM_TOOL_COMMANDS_H_ */
