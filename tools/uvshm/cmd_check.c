/* SPDX-License-Identifier: MIT */

/* uvshm check: is a segment well? uvshm repair: clear up after the dead.
 *
 * A check opens for reading and is no peer, so it works on what is full, or
 * another user's.
 */

#include "commands.h"
#include "names.h"
#include "report.h"
#include "text.h"

#include <inttypes.h>
#include <stdlib.h>

#include <uv.h>


static int open_segment(const struct args* args,
                        uint32_t flags,
                        const char* label,
                        uvshm_segment_t** segment) {
  uvshm_segment_options_t options = {.flags = names_flags(args) | flags,
                                     .label = label};
  int code = names_check_flags(args);
  if (code != 0) return code;
  int err = uvshm_segment_open(segment, names_at(args->operands[0]), &options);
  return err < 0 ? report(err) : 0;
}


/* Prints and frees `document`. */
static void print_result(json_t* document, const struct args* args) {
  json_object_set_new(document, "name", json_text(args->operands[0]));
  json_print(document);
}


int cmd_check(const struct args* args) {
  uvshm_segment_t* segment;
  int code = open_segment(args, UVSHM_READONLY, "uvshm check", &segment);
  if (code != 0) return code;
  int err = uvshm_segment_check(segment);
  if (args->given[OPT_JSON]) {
    json_t* document = json_document();
    json_object_set_new(document, "well", json_boolean(err == 0));
    json_object_set_new(
        document,
        "fault",
        err == 0 ? json_null() : json_text(uvshm_strerror(err)));
    print_result(document, args);
    code = report_code(err);
  } else if (err < 0) {
    code = report(err);
  } else {
    mention("it is well");
  }
  uvshm_segment_close(segment);
  return code;
}


int cmd_repair(const struct args* args) {
  uvshm_segment_t* segment;
  uint32_t repaired = 0;
  int code = open_segment(args, 0, "uvshm repair", &segment);
  if (code != 0) return code;
  int err = uvshm_segment_repair(segment, &repaired);
  if (err >= 0) err = uvshm_segment_check(segment);
  if (err < 0) {
    code = report(err);
  } else if (args->given[OPT_JSON]) {
    json_t* document = json_document();
    json_object_set_new(document, "repaired", json_integer(repaired));
    print_result(document, args);
  } else {
    mention("cleared up after %" PRIu32 " dead users", repaired);
  }
  uvshm_segment_close(segment);
  return code;
}
