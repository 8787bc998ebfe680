/* SPDX-License-Identifier: MIT */

/* One table says what the tool can do: commands, their operands and options, a
 * line of help for each, examples. Parsing, --help, completion and the check of
 * the manual page all read it (commands.c), so none of them can forget what
 * another knows.
 */

#ifndef UVSHM_TOOL_ARGS_H_
#define UVSHM_TOOL_ARGS_H_

#include <stdbool.h>
#include <stdint.h>

/* The same everywhere, documented in the manual page. */
enum exit_code {
  EXIT_OK = 0,
  EXIT_FAILED = 1,
  EXIT_USAGE = 2,
  EXIT_NOT_FOUND = 3,
  EXIT_TIMEOUT = 4, /* or it would have had to wait */
  EXIT_PERMISSION = 5,
  EXIT_BUSY = 6,
  EXIT_DAMAGED = 7, /* or incompatible */
  EXIT_INTERRUPTED = 130
};

enum option_id {
  OPT_NONE,
  OPT_BASE64,
  OPT_BYTES,
  OPT_CAPACITY,
  OPT_CHAT,
  OPT_COLOR,
  OPT_COLUMNS,
  OPT_CONFLICT_CODE,
  OPT_CREATE,
  OPT_DELAY,
  OPT_DIR,
  OPT_DRY_RUN,
  OPT_EXCLUSIVE,
  OPT_FILE,
  OPT_FOLLOW,
  OPT_FORCE,
  OPT_FOREIGN,
  OPT_FRAMED,
  OPT_GROUP,
  OPT_GROW,
  OPT_HELP,
  OPT_HEX,
  OPT_IF_VERSION,
  OPT_INTEGER,
  OPT_JSON,
  OPT_KEEP,
  OPT_KILL,
  OPT_KIND,
  OPT_LARGEST,
  OPT_LINES,
  OPT_LOSSLESS,
  OPT_MANAGED,
  OPT_MAX,
  OPT_MESSAGES,
  OPT_MODE,
  OPT_MUTEX,
  OPT_NATIVE,
  OPT_NEW,
  OPT_NO_HEADINGS,
  OPT_NONBLOCK,
  OPT_NULL,
  OPT_OFFSET,
  OPT_OLDEST,
  OPT_OUTPUT,
  OPT_QUIET,
  OPT_RAW,
  OPT_RECURSIVE,
  OPT_REVERSE,
  OPT_SDDL,
  OPT_SEGMENT,
  OPT_SEM,
  OPT_SINCE,
  OPT_SIZE,
  OPT_SORT,
  OPT_SVG,
  OPT_SYSTEM,
  OPT_SYSV_ID,
  OPT_SYSV_KEY,
  OPT_TTL,
  OPT_TYPE,
  OPT_VALUE,
  OPT_VERBOSE,
  OPT_VERSION,
  OPT_WAIT,
  OPT_COUNT
};

/* What an option takes. A value is checked before the command runs. */
enum option_kind {
  OPTION_SWITCH,
  OPTION_TEXT,
  OPTION_SIZE,
  OPTION_NUMBER, /* up to 2^31 - 1 */
  OPTION_CODE,   /* an exit code */
  OPTION_MODE,
  OPTION_SECONDS, /* number[] holds milliseconds */
  OPTION_FILE,    /* text; completes to files */
  OPTION_FOLDER,  /* text, not empty; completes to folders */
  OPTION_COLOR,
  OPTION_KIND, /* of a channel; number[] is the flag */
  OPTION_ORDER /* text; by what top sorts */
};

struct option_spec {
  enum option_id id;
  char letter;      /* 0: none */
  const char* name; /* NULL ends a list */
  enum option_kind kind;
  const char* value; /* what the value is called; NULL for a switch */
  const char* help;
};

/* What an operand completes to. */
enum operand_kind {
  OPERAND_NONE,
  OPERAND_NAME,
  OPERAND_FILE,
  OPERAND_COMMAND, /* of this tool */
  OPERAND_PROGRAM, /* a name, then another program */
  OPERAND_SHELL,
  OPERAND_BENCH /* a group of measurements */
};

struct args;

struct command {
  const char* name;                  /* "ls", or two words: "map put" */
  const char* operands;              /* as in the usage line */
  const char* summary;               /* one line */
  const char* details;               /* paragraphs, or NULL */
  const struct option_spec* options; /* beside args_common_options */
  const char* const* examples;       /* command, meaning ... NULL */
  enum operand_kind operand;
  int operands_min;
  int operands_max; /* -1: any number */
  int leading;      /* that many operands, and what follows */
                    /* is another program's; 0: all ours */
  bool hidden;      /* the tool starts it itself */
  bool nowhere;     /* has no objects of ours: takes no --dir */
  int (*run)(const struct args* args);
};

/* A parsed command line. */
struct args {
  const struct command* command;
  bool given[OPT_COUNT];
  const char* text[OPT_COUNT]; /* the value as it was written */
  uint64_t number[OPT_COUNT];  /* and what it means */
  int count;
  char** operands; /* ends with NULL */
};

extern const struct command commands[]; /* ends with name NULL */
extern const struct option_spec args_common_options[];
extern const struct option_spec args_top_options[];

/* By its name. By one or two words of a command line, where the second may be
 * NULL: *words is how many of them are the name. */
const struct command* command_find(const char* name);
const struct command* command_of(const char* first,
                                 const char* second,
                                 int* words);

/* Is it the first word of commands with two? */
bool command_is_group(const char* word);

/* Of the name: its first word (for free()), and what follows or NULL. */
char* command_first(const struct command* command);
const char* command_second(const struct command* command);

/* The words that an operand or the value of an option can be, "lock map ...";
 * NULL: it can be anything. */
const char* operand_choices(enum operand_kind operand);
const char* option_choices(enum option_kind option);

/* Does the table have this first word for the first time here? */
bool command_begins(const struct command* command);

/* Parse what stands before the command's name: options of the tool itself.
 * *next is the first word behind them. 0, or EXIT_USAGE after saying why. */
int args_parse_top(struct args* args, int argc, char** argv, int* next);

/* Parse a command's own words, argv[0] being its name. 0 or EXIT_USAGE. */
int args_parse(struct args* args,
               const struct command* command,
               int argc,
               char** argv);

void args_free(struct args* args);

/* What the tool keeps from the command line for all its parts. */
extern bool args_quiet;
extern bool args_verbose;
extern const char* args_dir; /* where objects lie; NULL: the system's place */

#endif /* UVSHM_TOOL_ARGS_H_ */
