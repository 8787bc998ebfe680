/* SPDX-License-Identifier: MIT */

/* The command line, read with getopt_long and the table.
 *
 * Whether getopt_long sorts operands behind options differs between systems and
 * with POSIXLY_CORRECT, so it is told to stop at each operand ('+') and is
 * started again behind it. Where a command runs another program, that program's
 * own options are thus never taken for ours.
 */

#include "args.h"
#include "out.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include <getopt.h>
#include <uvshm.h>

#define SPECS_MAX 40
#define LONG_BASE 256 /* val of a long option: this + its place */

bool args_quiet;
bool args_verbose;
const char* args_dir;

/* Options of one command and the common ones, as getopt_long wants them. */
struct parser {
  struct args* args;
  const struct option_spec* specs[SPECS_MAX];
  struct option long_options[SPECS_MAX + 1];
  char letters[2 * SPECS_MAX + 3];
  int count;
};


const struct command* command_find(const char* name) {
  for (const struct command* command = commands; command->name; command++)
    if (strcmp(command->name, name) == 0) return command;
  return NULL;
}


static size_t first_size(const char* name) {
  return strcspn(name, " ");
}


static bool same_first(const char* left, const char* right) {
  size_t size = first_size(left);
  return size == first_size(right) && memcmp(left, right, size) == 0;
}


bool command_is_group(const char* word) {
  for (const struct command* command = commands; command->name; command++)
    if (command_second(command) != NULL && same_first(command->name, word))
      return strchr(word, ' ') == NULL;
  return false;
}


const struct command* command_of(const char* first,
                                 const char* second,
                                 int* words) {
  *words = command_is_group(first) ? 2 : 1;
  if (strchr(first, ' ') != NULL) return NULL;
  if (*words == 1) return command_find(first);
  if (second == NULL) return NULL;
  char* name = text_format("%s %s", first, second);
  const struct command* command = command_find(name);
  free(name);
  return command;
}


char* command_first(const struct command* command) {
  return text_format("%.*s", (int) first_size(command->name), command->name);
}


const char* command_second(const struct command* command) {
  const char* space = strchr(command->name, ' ');
  return space != NULL ? space + 1 : NULL;
}


const char* operand_choices(enum operand_kind operand) {
  if (operand == OPERAND_SHELL) return "bash zsh fish powershell";
  if (operand == OPERAND_BENCH) return "lock map channel segment";
  return NULL;
}


const char* option_choices(enum option_kind option) {
  if (option == OPTION_COLOR) return "auto always never";
  if (option == OPTION_KIND) return "stream queue topic";
  if (option == OPTION_ORDER)
    return "name kind peers used fill depth rate waiters";
  return NULL;
}


bool command_begins(const struct command* command) {
  for (const struct command* other = commands; other < command; other++)
    if (same_first(other->name, command->name)) return false;
  return true;
}


static void add_specs(struct parser* parser, const struct option_spec* spec) {
  for (; spec != NULL && spec->name != NULL; spec++) {
    if (parser->count == SPECS_MAX) abort();
    struct option* entry = &parser->long_options[parser->count];
    bool takes = spec->kind != OPTION_SWITCH;
    entry->name = spec->name;
    entry->has_arg = takes ? required_argument : no_argument;
    entry->flag = NULL;
    entry->val = LONG_BASE + parser->count;
    parser->specs[parser->count++] = spec;
    if (spec->letter != 0) {
      size_t size = strlen(parser->letters);
      parser->letters[size] = spec->letter;
      parser->letters[size + 1] = takes ? ':' : '\0';
    }
  }
}


static const struct option_spec* spec_of(const struct parser* parser, int val) {
  if (val >= LONG_BASE && val < LONG_BASE + parser->count)
    return parser->specs[val - LONG_BASE];
  for (int i = 0; i < parser->count; i++)
    if (val != 0 && parser->specs[i]->letter == val) return parser->specs[i];
  return NULL;
}


static bool parse_color(const char* text, uint64_t* color) {
  static const char* const names[] = {"auto", "always", "never"};
  for (size_t i = 0; i < 3; i++) {
    if (strcmp(text, names[i]) == 0) {
      *color = i; /* enum out_color */
      return true;
    }
  }
  return false;
}


static bool parse_kind(const char* text, uint64_t* kind) {
  static const char* const names[] = {"stream", "queue", "topic"};
  static const uint32_t flags[] = {
      UVSHM_CHANNEL_STREAM, UVSHM_CHANNEL_QUEUE, UVSHM_CHANNEL_TOPIC};
  for (size_t i = 0; i < 3; i++) {
    if (strcmp(text, names[i]) == 0) {
      *kind = flags[i];
      return true;
    }
  }
  return false;
}


/* What is wrong with the value, or NULL. */
static const char* parse_value(const struct option_spec* spec,
                               const char* text,
                               uint64_t* number) {
  switch (spec->kind) {
    case OPTION_SIZE:
      return text_parse_size(text, number) ? NULL
                                           : "a size such as 4096, 64K or 1G";
    case OPTION_NUMBER:
      return text_parse_number(text, INT32_MAX, number) ? NULL : "a number";
    case OPTION_CODE:
      return text_parse_number(text, 255, number) ? NULL : "a number up to 255";
    case OPTION_MODE:
      return text_parse_mode(text, number) ? NULL : "a mode such as 0660";
    case OPTION_SECONDS:
      return text_parse_seconds(text, number) ? NULL
                                              : "seconds such as 5 or 0.25";
    case OPTION_KIND:
      return parse_kind(text, number) ? NULL : "stream, queue or topic";
    case OPTION_FOLDER:
      return text[0] != '\0' ? NULL : "a folder";
    case OPTION_COLOR:
      return parse_color(text, number) ? NULL : "auto, always or never";
    default:
      return NULL;
  }
}


static int take(struct parser* parser, const struct option_spec* spec) {
  struct args* args = parser->args;
  args->given[spec->id] = true;
  if (spec->kind == OPTION_SWITCH) return 0;

  const char* wanted = parse_value(spec, optarg, &args->number[spec->id]);
  args->text[spec->id] = optarg;
  if (wanted == NULL) return 0;
  char* value = text_escape(optarg);
  int code = report_usage(
      args->command, "--%s takes %s, not \"%s\"", spec->name, wanted, value);
  free(value);
  return code;
}


static int refuse(const struct parser* parser, int result, const char* word) {
  const struct option_spec* spec = spec_of(parser, optopt);
  if (result == ':' && spec != NULL)
    return report_usage(parser->args->command,
                        "--%s needs a value: %s",
                        spec->name,
                        spec->value);

  char letter[3] = {'-', (char) optopt, '\0'};
  bool is_long = strncmp(word, "--", 2) == 0;
  char* name = text_escape(is_long || optopt == 0 ? word : letter);
  int code;
  if (is_long && spec != NULL && spec->kind == OPTION_SWITCH)
    code =
        report_usage(parser->args->command, "--%s takes no value", spec->name);
  else
    code = report_usage(parser->args->command, "there is no option %s", name);
  free(name);
  return code;
}


/* Options up to the next operand. *more 0: nothing but operands follows. */
static int parse_options(struct parser* parser,
                         int argc,
                         char** argv,
                         bool* more) {
  for (;;) {
    int before = optind > 0 ? optind : 1;
    const char* word = before < argc ? argv[before] : "";
    int result =
        getopt_long(argc, argv, parser->letters, parser->long_options, NULL);
    if (result == -1) {
      bool dashes = optind > before && strcmp(argv[optind - 1], "--") == 0;
      *more = !dashes && optind < argc;
      return 0;
    }
    const struct option_spec* spec = spec_of(parser, result);
    int code = result == '?' || result == ':' || spec == NULL
                   ? refuse(parser, result, word)
                   : take(parser, spec);
    if (code != 0) return code;
  }
}


static void parser_init(struct parser* parser,
                        struct args* args,
                        const struct command* command) {
  memset(parser, 0, sizeof *parser);
  memset(args, 0, sizeof *args);
  parser->args = args;
  args->command = command;
  memcpy(parser->letters, "+:", 3);

  opterr = 0;
  optind = 0; /* glibc, musl, the BSDs and mingw all start anew on this */
}


int args_parse_top(struct args* args, int argc, char** argv, int* next) {
  struct parser parser;
  bool more;
  parser_init(&parser, args, NULL);
  add_specs(&parser, args_common_options);
  add_specs(&parser, args_top_options);
  int code = parse_options(&parser, argc, argv, &more);
  *next = optind;
  return code;
}


/* All operands are there; are they as many as they should be? */
static int check_count(const struct args* args) {
  const struct command* command = args->command;
  if (args->given[OPT_HELP]) return 0;
  if (args->count < command->operands_min)
    return report_usage(command,
                        "something is missing: uvshm %s %s",
                        command->name,
                        command->operands);
  if (command->operands_max < 0 || args->count <= command->operands_max)
    return 0;
  char* word = text_escape(args->operands[command->operands_max]);
  int code = report_usage(command, "\"%s\" is one word too many", word);
  free(word);
  return code;
}


int args_parse(struct args* args,
               const struct command* command,
               int argc,
               char** argv) {
  struct parser parser;
  parser_init(&parser, args, command);
  add_specs(&parser, command->options);
  add_specs(&parser, args_common_options);
  args->operands = text_alloc(((size_t) argc + 1) * sizeof *args->operands);

  bool more = true;
  while (more) {
    int code = parse_options(&parser, argc, argv, &more);
    if (code != 0) return code;
    if (more && command->leading > 0 && args->count == command->leading) break;
    if (more) args->operands[args->count++] = argv[optind++];
  }
  while (optind < argc) args->operands[args->count++] = argv[optind++];
  return check_count(args);
}


void args_free(struct args* args) {
  free(args->operands);
  args->operands = NULL;
}
