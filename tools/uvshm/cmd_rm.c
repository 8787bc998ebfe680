/* SPDX-License-Identifier: MIT */

/* uvshm rm and uvshm gc: names go away. rm removes what it is told; gc what
 * death left behind, and the library proves each case again before it acts.
 */

#include "commands.h"
#include "ls_foreign.h"
#include "names.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>


/* "region \"frames\", used by 2": new memory. */
static char* describe(const uvshm_name_info_t* info, const char* given) {
  char* name = text_escape(given);
  char* text;
  if (info->state == UVSHM_STATE_DAMAGED)
    text = text_format("damaged \"%s\"", name);
  else if (info->state == UVSHM_STATE_STALE && info->last_pid != 0)
    text = text_format("%s \"%s\", left by pid %" PRIu32,
                       names_kind(info->kind),
                       name,
                       info->last_pid);
  else if (info->peers > 0)
    text = text_format("%s \"%s\", used by %" PRIu32,
                       names_kind(info->kind),
                       name,
                       info->peers);
  else
    text = text_format("%s \"%s\"", names_kind(info->kind), name);
  free(name);
  return text;
}


/* May `what` go? Without a terminal only -f says so; *code tells why not. */
static bool agreed(const struct args* args, const char* what, int* code) {
  if (args->given[OPT_FORCE]) return true;
  if (!can_ask()) {
    *code = report_usage(args->command, "nobody can be asked here: add -f");
    return false;
  }
  char* question = text_format("remove %s?", what);
  bool yes = ask(question);
  free(question);
  return yes;
}


static int remove_one(const struct args* args, const char* name) {
  uvshm_name_info_t info;
  int code = EXIT_OK;
  int err = uvshm_name_info(names_at(name), names_flags(args), &info);
  if (err < 0) return report(err);

  char* what = describe(&info, name);
  if (args->given[OPT_DRY_RUN]) {
    print("would remove %s\n", what);
  } else if (agreed(args, what, &code)) {
    err = uvshm_name_unlink(names_at(name), names_flags(args));
    if (err < 0)
      code = report(err);
    else
      mention("removed %s", what);
  }
  free(what);
  return code;
}


/* Memory of other programs, by what the options say that `word` is. */
static char* foreign_name(const struct args* args, const char* word) {
  if (args->given[OPT_SYSV_KEY]) return text_format("sysv:key=%s", word);
  if (args->given[OPT_SYSV_ID]) return text_format("sysv:id=%s", word);
  return text_copy(word);
}


static char* describe_foreign(const char* name, uint32_t attached) {
  char* escaped = text_escape(name);
  char* text = attached > 0
                   ? text_format("\"%s\" of another program, used by %" PRIu32,
                                 escaped,
                                 attached)
                   : text_format("\"%s\" of another program", escaped);
  free(escaped);
  return text;
}


/* Is this what the command line means? */
static bool is_meant(const struct args* args,
                     const uvshm_foreign_info_t* info,
                     const char* word) {
  bool sysv = info->kind == UVSHM_FOREIGN_SYSV;
  bool by_key = args->given[OPT_SYSV_KEY];
  uint64_t number;
  if (info->state & UVSHM_FOREIGN_REMOVED) return false;
  if (by_key || args->given[OPT_SYSV_ID])
    return sysv && text_parse_number(word, UINT32_MAX, &number) &&
           number == (by_key ? info->key : info->id);
  return strcmp(info->name + (info->name[0] == '/'), word + (word[0] == '/')) ==
         0;
}


/* How many have it attached, where the system lists that. */
static uint32_t users_of(const struct args* args, const char* word) {
  uvshm_foreign_info_t* list = NULL;
  uint32_t attached = 0;
  size_t count = 0;
  if (foreign_list(UVSHM_SYSTEM, &list, &count) < 0) return 0;
  for (size_t i = 0; i < count; i++)
    if (is_meant(args, &list[i], word)) attached = list[i].attached;
  free(list);
  return attached;
}


/* One that we may not read is there all the same. */
static int try_foreign(const char* name) {
  uvshm_region_t* region;
  uvshm_region_options_t options = {
      .flags = UVSHM_REGION_FOREIGN | UVSHM_READONLY, .label = "uvshm rm"};
  int err = uvshm_region_open(&region, name, &options);
  if (err >= 0) uvshm_region_close(region);
  return err == UV_EACCES ? 0 : err;
}


static int remove_foreign(const struct args* args, const char* word) {
  int code = EXIT_OK;
  char* name = foreign_name(args, word);
  int err = try_foreign(name);
  char* what = describe_foreign(name, err < 0 ? 0 : users_of(args, word));
  if (err < 0) {
    code = report(err);
  } else if (args->given[OPT_DRY_RUN]) {
    print("would remove %s\n", what);
  } else if (agreed(args, what, &code)) {
    err = uvshm_region_unlink(name, UVSHM_REGION_FOREIGN);
    if (err < 0)
      code = report(err);
    else
      mention("removed %s", what);
  }
  free(what);
  free(name);
  return code;
}


static int check_rm(const struct args* args) {
  const bool* given = args->given;
  int kinds = given[OPT_FOREIGN] + given[OPT_SYSV_KEY] + given[OPT_SYSV_ID];
  bool ours = given[OPT_SYSTEM] || given[OPT_MANAGED];
  if (kinds > 1 || (kinds == 1 && (ours || args_dir != NULL)))
    return report_usage(args->command,
                        "--foreign, --sysv-key and --sysv-id go alone");
  return names_check_flags(args);
}


int cmd_rm(const struct args* args) {
  bool foreign = args->given[OPT_FOREIGN] || args->given[OPT_SYSV_KEY] ||
                 args->given[OPT_SYSV_ID];
  int code = check_rm(args);
  if (code != 0) return code;
  if (!args->given[OPT_FORCE] && !args->given[OPT_DRY_RUN] && !can_ask())
    return report_usage(args->command, "nobody can be asked here: add -f");
  for (int i = 0; i < args->count; i++) {
    int one = foreign ? remove_foreign(args, args->operands[i])
                      : remove_one(args, args->operands[i]);
    code = code == EXIT_OK ? one : code;
  }
  return code;
}


static bool is_garbage(const struct args* args, const uvshm_name_info_t* info) {
  return info->state == UVSHM_STATE_STALE &&
         (args->count == 0 || text_match(args->operands[0], info->name));
}


static int collect_one(const struct args* args, const uvshm_name_info_t* info) {
  int code = EXIT_OK;
  uint32_t flags = (info->system ? UVSHM_SYSTEM : 0) | names_where();
  char* what = describe(info, info->name);
  if (args->given[OPT_DRY_RUN]) {
    print("would remove %s\n", what);
  } else {
    int err = uvshm_name_gc(names_at(info->name), flags);
    if (err == 0)
      print("removed %s\n", what);
    else if (err == UV_EBUSY)
      note("%s is in use again, and stays", what);
    else if (err != UV_ENOENT) /* else somebody else cleared it away */
      code = report(err);
  }
  free(what);
  return code;
}


static int collect(const struct args* args,
                   const uvshm_name_info_t* list,
                   size_t count) {
  int code = EXIT_OK;
  for (size_t i = 0; i < count; i++) {
    if (!is_garbage(args, &list[i])) continue;
    int one = collect_one(args, &list[i]);
    code = code == EXIT_OK ? one : code;
  }
  return code;
}


/* Show what it is about, then ask once for all of it. */
static bool agreed_to_all(const struct args* args,
                          const uvshm_name_info_t* list,
                          size_t count,
                          size_t garbage,
                          int* code) {
  if (args->given[OPT_DRY_RUN] || args->given[OPT_FORCE]) return true;
  for (size_t i = 0; i < count && can_ask(); i++) {
    if (!is_garbage(args, &list[i])) continue;
    char* what = describe(&list[i], list[i].name);
    say("  %s\n", what);
    free(what);
  }
  char* all = garbage == 1 ? text_copy("it")
                           : text_format("all %u", (unsigned int) garbage);
  bool yes = agreed(args, all, code);
  free(all);
  return yes;
}


int cmd_gc(const struct args* args) {
  uvshm_name_info_t* list = NULL;
  size_t count = 0;
  size_t garbage = 0;
  int code = EXIT_OK;
  int err = names_list(names_flags(args), &list, &count);
  if (err < 0) return report(err);

  for (size_t i = 0; i < count; i++) garbage += is_garbage(args, &list[i]);
  if (garbage == 0)
    mention("nothing is left behind");
  else if (agreed_to_all(args, list, count, garbage, &code))
    code = collect(args, list, count);
  free(list);
  return code;
}
