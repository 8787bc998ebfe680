/* SPDX-License-Identifier: MIT */

/* Parts of the table of commands (commands.c): options that several commands
 * share, and what the groups of commands have in files of their own. */

#ifndef UVSHM_TOOL_COMMANDS_OPTIONS_H_
#define UVSHM_TOOL_COMMANDS_OPTIONS_H_

#include "args.h"

#define JSON                                                                   \
 { OPT_JSON, 0, "json", OPTION_SWITCH, NULL, "Print one JSON document" }
#define BYTES                                                                  \
 { OPT_BYTES, 'b', "bytes", OPTION_SWITCH, NULL, "Sizes in bytes, exactly" }
#define KEEP(help)                                                             \
 { OPT_KEEP, 'k', "keep", OPTION_SWITCH, NULL, help }
#define SIZE(help)                                                             \
 { OPT_SIZE, 's', "size", OPTION_SIZE, "SIZE", help }
#define MAX_SIZE                                                               \
 {                                                                             \
  OPT_MAX, 'm', "max", OPTION_SIZE, "SIZE",                                    \
      "The most it may grow to (default: its size)"                            \
 }
#define OFFSET                                                                 \
 { OPT_OFFSET, 0, "offset", OPTION_SIZE, "SIZE", "Begin here (default: 0)" }
#define SYSTEM(help)                                                           \
 { OPT_SYSTEM, 0, "system", OPTION_SWITCH, NULL, help }
#define FILE_NAME                                                              \
 {                                                                             \
  OPT_FILE, 0, "file", OPTION_SWITCH, NULL,                                    \
      "NAME is the path of a file; its bytes are the region"                   \
 }
#define MANAGED                                                                \
 {                                                                             \
  OPT_MANAGED, 0, "managed", OPTION_SWITCH, NULL,                              \
      "NAME is the path of a file that uvshm manages"                          \
 }
#define FOREIGN                                                                \
 {                                                                             \
  OPT_FOREIGN, 0, "foreign", OPTION_SWITCH, NULL,                              \
      "NAME is the system's own name of another program's memory"              \
 }
#define DRY_RUN(help)                                                          \
 { OPT_DRY_RUN, 'n', "dry-run", OPTION_SWITCH, NULL, help }
#define FORCE(help)                                                            \
 { OPT_FORCE, 'f', "force", OPTION_SWITCH, NULL, help }
#define MODE_BITS                                                              \
 {                                                                             \
  OPT_MODE, 0, "mode", OPTION_MODE, "MODE",                                    \
      "Permissions of a new object, octal (default: 0600)"                     \
 }
#define GROUP                                                                  \
 {                                                                             \
  OPT_GROUP, 0, "group", OPTION_TEXT, "GROUP",                                 \
      "Group (on Windows an account or SID) that may use it too"               \
 }
#define BASE64                                                                 \
 {                                                                             \
  OPT_BASE64, 0, "base64", OPTION_SWITCH, NULL,                                \
      "Keys and values of the command line are base64"                         \
 }
#define INTEGER(help)                                                          \
 { OPT_INTEGER, 'i', "integer", OPTION_SWITCH, NULL, help }
#define SYSTEM_MAP SYSTEM("A segment of the whole system")
#define MANAGED_MAP                                                            \
 {                                                                             \
  OPT_MANAGED, 0, "managed", OPTION_SWITCH, NULL,                              \
      "SEGMENT is the path of a file that uvshm manages"                       \
 }
#define END                                                                    \
 { OPT_NONE, 0, NULL, OPTION_SWITCH, NULL, NULL }

/* commands_object.c */
extern const struct option_spec ls_options[];
extern const struct option_spec info_options[];
extern const struct option_spec create_options[];
extern const struct option_spec check_options[];
extern const struct option_spec repair_options[];
extern const struct option_spec rm_options[];
extern const struct option_spec read_options[];
extern const struct option_spec write_options[];
extern const struct option_spec lock_options[];
extern const struct option_spec gc_options[];
extern const char* const ls_examples[];
extern const char* const info_examples[];
extern const char* const create_examples[];
extern const char* const check_examples[];
extern const char* const repair_examples[];
extern const char* const rm_examples[];
extern const char* const read_examples[];
extern const char* const write_examples[];
extern const char* const lock_examples[];
extern const char* const gc_examples[];
extern const char ls_details[];
extern const char create_details[];
extern const char check_details[];
extern const char repair_details[];
extern const char rm_details[];
extern const char lock_details[];
extern const char gc_details[];

/* commands_map.c */
extern const struct option_spec map_create_options[];
extern const struct option_spec map_put_options[];
extern const struct option_spec map_get_options[];
extern const struct option_spec map_del_options[];
extern const struct option_spec map_keys_options[];
extern const struct option_spec map_dump_options[];
extern const struct option_spec map_wait_options[];
extern const char* const map_create_examples[];
extern const char* const map_put_examples[];
extern const char* const map_get_examples[];
extern const char* const map_del_examples[];
extern const char* const map_keys_examples[];
extern const char* const map_add_examples[];
extern const char* const map_take_examples[];
extern const char* const map_dump_examples[];
extern const char* const map_load_examples[];
extern const char* const map_wait_examples[];
extern const char* const map_sweep_examples[];

/* commands_channel.c */
extern const struct option_spec send_options[];
extern const struct option_spec recv_options[];
extern const struct option_spec watch_options[];
extern const char* const send_examples[];
extern const char* const recv_examples[];
extern const char* const watch_examples[];
extern const char send_details[];
extern const char recv_details[];
extern const char watch_details[];

/* commands_look.c */
extern const struct option_spec top_options[];
extern const char* const top_examples[];
extern const char top_details[];
extern const struct option_spec bench_options[];
extern const char* const bench_examples[];
extern const char bench_details[];
extern const struct option_spec doctor_options[];
extern const char* const doctor_examples[];
extern const struct option_spec demo_options[];
extern const char* const demo_examples[];
extern const char demo_details[];

/* commands_php.c */
extern const struct option_spec php_get_options[];
extern const struct option_spec php_put_options[];
extern const struct option_spec php_keys_options[];
extern const struct option_spec php_del_options[];
extern const char* const php_get_examples[];
extern const char* const php_put_examples[];
extern const char* const php_keys_examples[];
extern const char* const php_del_examples[];
extern const char php_details[];

#endif /* UVSHM_TOOL_COMMANDS_OPTIONS_H_ */
