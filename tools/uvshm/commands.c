/* SPDX-License-Identifier: MIT */

/* The table of commands. Everything that the tool knows of its own command line
 * is here; see args.h for who reads it.
 */

#include "commands.h"

#include <stddef.h>

/* Options that several commands share. */
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

const struct option_spec args_common_options[] = {
    {OPT_HELP, 'h', "help", OPTION_SWITCH, NULL, "Show this help"},
    {OPT_QUIET, 'q', "quiet", OPTION_SWITCH, NULL, "Say only what went wrong"},
    {OPT_VERBOSE, 'v', "verbose", OPTION_SWITCH, NULL, "Say what is done"},
    {OPT_COLOR,
     0,
     "color",
     OPTION_COLOR,
     "WHEN",
     "auto, always or never (default: auto)"},
    END};

const struct option_spec args_top_options[] = {
    {OPT_VERSION, 'V', "version", OPTION_SWITCH, NULL, "Show the version"},
    END};

static const struct option_spec ls_options[] = {
    JSON,
    BYTES,
    {OPT_COLUMNS,
     'o',
     "columns",
     OPTION_TEXT,
     "LIST",
     "Only these columns: name,kind,lifetime,size,used,max,peers,owner,age,"
     "state"},
    {OPT_NO_HEADINGS,
     0,
     "no-headings",
     OPTION_SWITCH,
     NULL,
     "Leave the first line out"},
    SYSTEM("Those of all users that can be seen"),
    END};

static const struct option_spec info_options[] = {
    JSON,
    BYTES,
    SYSTEM("An object of the whole system"),
    MANAGED,
    FOREIGN,
    END};

static const struct option_spec create_options[] = {
    SIZE("Bytes for its users (default: 64K)"),
    MAX_SIZE,
    KEEP("It stays until it is removed or the machine restarts"),
    {OPT_SEGMENT, 0, "segment", OPTION_SWITCH, NULL, "Make a segment"},
    {OPT_MUTEX, 0, "mutex", OPTION_SWITCH, NULL, "Make a mutex"},
    {OPT_RECURSIVE,
     0,
     "recursive",
     OPTION_SWITCH,
     NULL,
     "The mutex may be taken again by who has it"},
    {OPT_SEM, 0, "sem", OPTION_SWITCH, NULL, "Make a semaphore"},
    {OPT_VALUE,
     0,
     "value",
     OPTION_NUMBER,
     "NUMBER",
     "The semaphore's first value (default: 0)"},
    {OPT_EXCLUSIVE,
     'x',
     "exclusive",
     OPTION_SWITCH,
     NULL,
     "Fail when it is there already"},
    FILE_NAME,
    MANAGED,
    SYSTEM("For all users whom the permissions let in"),
    MODE_BITS,
    GROUP,
    {OPT_SDDL,
     0,
     "sddl",
     OPTION_TEXT,
     "TEXT",
     "Windows: the whole DACL, or \"service\""},
    END};

static const struct option_spec check_options[] = {
    JSON, SYSTEM("A segment of the whole system"), MANAGED, END};

static const struct option_spec repair_options[] = {
    JSON, SYSTEM("A segment of the whole system"), MANAGED, END};

static const struct option_spec rm_options[] = {
    DRY_RUN("Say what would be removed"),
    FORCE("Do not ask"),
    SYSTEM("An object of the whole system"),
    MANAGED,
    END};

static const struct option_spec read_options[] = {
    OFFSET,
    SIZE("So many bytes (default: all)"),
    {OPT_HEX,
     'x',
     "hex",
     OPTION_SWITCH,
     NULL,
     "Show offsets, digits and letters (on a terminal: always)"},
    {OPT_RAW,
     0,
     "raw",
     OPTION_SWITCH,
     NULL,
     "The bytes as they are, on a terminal too"},
    SYSTEM("An object of the whole system"),
    FILE_NAME,
    MANAGED,
    FOREIGN,
    END};

static const struct option_spec write_options[] = {
    OFFSET,
    {OPT_GROW,
     'g',
     "grow",
     OPTION_SWITCH,
     NULL,
     "Make the region larger where the input needs it"},
    {OPT_CREATE,
     'c',
     "create",
     OPTION_SWITCH,
     NULL,
     "Make the region if it is not there; needs --keep"},
    SIZE("With --create: its size (default: that of the input)"),
    MAX_SIZE,
    KEEP("With --create: it stays until it is removed"),
    MODE_BITS,
    GROUP,
    SYSTEM("An object of the whole system"),
    FILE_NAME,
    MANAGED,
    FOREIGN,
    END};

static const struct option_spec lock_options[] = {
    {OPT_WAIT,
     'w',
     "wait",
     OPTION_SECONDS,
     "SECONDS",
     "Wait so long at most, then exit with 4 (default: for ever)"},
    {OPT_NONBLOCK,
     'n',
     "nonblock",
     OPTION_SWITCH,
     NULL,
     "Do not wait: exit with 4 when somebody has it"},
    {OPT_CONFLICT_CODE,
     'E',
     "conflict-exit-code",
     OPTION_CODE,
     "CODE",
     "Exit with this instead of 4"},
    KEEP("The mutex stays after its last user"),
    SYSTEM("A mutex of the whole system"),
    MODE_BITS,
    GROUP,
    END};

static const struct option_spec gc_options[] = {
    DRY_RUN("Say what would be removed"),
    FORCE("Do not ask"),
    SYSTEM("Look at the objects of all users"),
    END};

static const struct option_spec doctor_options[] = {JSON, END};

static const struct option_spec demo_options[] = {
    {OPT_OUTPUT,
     'o',
     "output",
     OPTION_FILE,
     "FILE",
     "Write here what the reader received"},
    {OPT_CHAT,
     0,
     "chat",
     OPTION_SWITCH,
     NULL,
     "Talk with whoever runs the same in another terminal"},
    {OPT_KILL,
     0,
     "kill",
     OPTION_SWITCH,
     NULL,
     "Kill the writer while it holds the mutex"},
    END};

static const struct option_spec map_create_options[] = {
    SIZE("Of a new segment: bytes for maps and more (default: 1M)"),
    MAX_SIZE,
    KEEP("A new segment stays until it is removed"),
    {OPT_EXCLUSIVE,
     'x',
     "exclusive",
     OPTION_SWITCH,
     NULL,
     "Fail when the map is there already"},
    MANAGED_MAP,
    SYSTEM_MAP,
    MODE_BITS,
    GROUP,
    END};

static const struct option_spec map_put_options[] = {
    INTEGER("VALUE is a number of 64 bits, as add uses"),
    {OPT_TTL,
     't',
     "ttl",
     OPTION_SECONDS,
     "SECONDS",
     "The entry ends after this time"},
    {OPT_NEW,
     'n',
     "new",
     OPTION_SWITCH,
     NULL,
     "Only when the key is not there"},
    {OPT_IF_VERSION,
     0,
     "if-version",
     OPTION_SIZE,
     "VERSION",
     "Only when the value still has this version (get --json)"},
    BASE64,
    SYSTEM_MAP,
    MANAGED_MAP,
    END};

static const struct option_spec map_get_options[] = {
    JSON,
    INTEGER("Print a value of 8 bytes as a number"),
    BASE64,
    SYSTEM_MAP,
    MANAGED_MAP,
    END};

static const struct option_spec map_del_options[] = {
    BASE64, SYSTEM_MAP, MANAGED_MAP, END};

static const struct option_spec map_keys_options[] = {
    {OPT_JSON,
     0,
     "json",
     OPTION_SWITCH,
     NULL,
     "A line of JSON for each, with the size of its value"},
    {OPT_NULL,
     '0',
     "null",
     OPTION_SWITCH,
     NULL,
     "A zero byte behind each instead of a line end"},
    BASE64,
    SYSTEM_MAP,
    MANAGED_MAP,
    END};

static const struct option_spec map_dump_options[] = {
    SYSTEM_MAP, MANAGED_MAP, END};

static const struct option_spec map_wait_options[] = {
    {OPT_WAIT,
     'w',
     "wait",
     OPTION_SECONDS,
     "SECONDS",
     "Wait so long at most, then exit with 4 (default: for ever)"},
    {OPT_SINCE,
     0,
     "since",
     OPTION_SIZE,
     "NUMBER",
     "Until it is not this version, or this count of changes, any more"},
    JSON,
    INTEGER("Print a value of 8 bytes as a number"),
    BASE64,
    SYSTEM_MAP,
    MANAGED_MAP,
    END};

static const struct option_spec help_options[] = {JSON, END};
static const struct option_spec no_options[] = {END};

static const char* const ls_examples[] = {
    "uvshm ls",
    "everything of yours",
    "uvshm ls 'build-*'",
    "what a pattern matches",
    "uvshm ls -o name,state",
    "two columns",
    "uvshm ls --json | jq '.objects[].name'",
    "for a script",
    NULL};
static const char* const info_examples[] = {
    "uvshm info shop", "all that is known of it", NULL};
static const char* const create_examples[] = {
    "uvshm create frames --size 1M --max 1G --keep",
    "a region that may grow",
    "uvshm create slots --sem --value 4 --keep",
    "a semaphore with four units",
    "uvshm create /var/tmp/state --managed --size 1M",
    "a file, safe to share",
    NULL};
static const char* const check_examples[] = {
    "uvshm check shop && echo well", "in a script", NULL};
static const char* const repair_examples[] = {
    "uvshm repair shop", "what dead processes held is free", NULL};
static const char* const rm_examples[] = {"uvshm rm frames slots",
                                          "asks first",
                                          "uvshm rm -f frames",
                                          "in a script",
                                          NULL};
static const char* const read_examples[] = {
    "uvshm read greeting",
    "on a terminal: as digits and letters",
    "uvshm read frames --offset 64K --size 4K > frame",
    "a part of it",
    "uvshm read --foreign /psm_1f3a",
    "another program's memory",
    NULL};
static const char* const write_examples[] = {
    "echo hello | uvshm write greeting --create --keep",
    "made as large as it",
    "uvshm write frames --offset 64K < frame",
    "a part of it",
    NULL};
static const char* const lock_examples[] = {
    "uvshm lock backup -- rsync -a photos /mnt/disk",
    "one at a time",
    "uvshm lock -n backup -- true || echo busy",
    "is it free?",
    "uvshm lock -w 5 printer -- lpr letter.txt",
    "wait five seconds at most",
    NULL};
static const char* const gc_examples[] = {
    "uvshm gc -n", "what would go", "uvshm gc -f", "in a script", NULL};
static const char* const doctor_examples[] = {
    "uvshm doctor", "is this machine fit for shared memory?", NULL};
static const char* const demo_examples[] = {
    "uvshm demo",
    "pass a file from one process to another",
    "uvshm demo video.mp4 -o copy.mp4",
    "your own, and keep what arrived",
    "uvshm demo --kill",
    "kill one while it holds the lock",
    "uvshm demo --chat",
    "in two terminals",
    NULL};
static const char* const map_create_examples[] = {
    "uvshm map create shop/stock --keep --max 1G",
    "a segment that may grow, and a map in it",
    NULL};
static const char* const map_put_examples[] = {
    "uvshm map put shop/stock apple green",
    "a word",
    "uvshm map put shop/stock photo < apple.jpg",
    "any bytes",
    "uvshm map put shop/session 17 alice --ttl 3600",
    "for an hour",
    NULL};
static const char* const map_get_examples[] = {
    "uvshm map get shop/stock photo > apple.jpg",
    "the bytes as they are",
    NULL};
static const char* const map_del_examples[] = {
    "uvshm map del shop/stock apple photo", "two keys", NULL};
static const char* const map_keys_examples[] = {
    "uvshm map keys shop/stock 'app*'", "what a pattern matches", NULL};
static const char* const map_add_examples[] = {
    "uvshm map add shop/stock apples -- -3",
    "three fewer, prints the rest",
    NULL};
static const char* const map_take_examples[] = {
    "uvshm map take shop/jobs next", "of many who try, one gets it", NULL};
static const char* const map_dump_examples[] = {
    "uvshm map dump shop/stock > stock.jsonl", "to keep", NULL};
static const char* const map_load_examples[] = {
    "uvshm map load shop/stock < stock.jsonl", "and back", NULL};
static const char* const map_wait_examples[] = {
    "uvshm map wait shop/stock apple",
    "its next value",
    "uvshm map wait shop/stock -w 60 || echo quiet",
    "has anything changed within a minute?",
    NULL};
static const char* const map_sweep_examples[] = {
    "uvshm map sweep shop/session", "free what is over", NULL};
static const char* const completion_examples[] = {
    "uvshm completion bash > /etc/bash_completion.d/uvshm",
    "for all users",
    "uvshm completion fish | source",
    "for this shell",
    NULL};
static const char* const help_examples[] = {
    "uvshm help lock", "the same as uvshm lock --help", NULL};

const struct command commands[] = {
    {.name = "ls",
     .operands = "[PATTERN]",
     .summary = "List what there is",
     .details =
         "Without --system: yours. USED is what the blocks of a segment take,\n"
         "of others the memory that exists; PEERS are the processes that have\n"
         "it open and live.",
     .options = ls_options,
     .examples = ls_examples,
     .operand = OPERAND_NAME,
     .operands_max = 1,
     .run = cmd_ls},
    {.name = "info",
     .operands = "NAME",
     .summary = "Tell all about one object",
     .options = info_options,
     .examples = info_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_info},
    {.name = "create",
     .operands = "NAME",
     .summary = "Make a region, segment, mutex or semaphore",
     .details = "An object lives until its last user closes it, and this "
                "command ends\n"
                "at once: so it needs --keep, or a file.",
     .options = create_options,
     .examples = create_examples,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_create},
    {.name = "check",
     .operands = "NAME",
     .summary = "Read a whole segment and see whether it is well",
     .details =
         "Changes nothing, and may run while others use it. Exits with 7 and\n"
         "says what is wrong first, if anything is.",
     .options = check_options,
     .examples = check_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_check},
    {.name = "repair",
     .operands = "NAME",
     .summary = "Clear up after dead users of a segment",
     .details =
         "Whoever is blocked by a dead one does this by himself; this does it\n"
         "for all of them at once, and clears locks that name nobody.",
     .options = repair_options,
     .examples = repair_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_repair},
    {.name = "rm",
     .operands = "NAME...",
     .summary = "Remove names",
     .details =
         "Who has the object open keeps it; the name is free at once. Asks on\n"
         "a terminal, needs -f elsewhere.",
     .options = rm_options,
     .examples = rm_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = -1,
     .run = cmd_rm},
    {.name = "read",
     .operands = "NAME",
     .summary = "Write the bytes of a region to stdout",
     .options = read_options,
     .examples = read_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_read},
    {.name = "write",
     .operands = "NAME",
     .summary = "Write stdin into a region",
     .options = write_options,
     .examples = write_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_write},
    {.name = "lock",
     .operands = "NAME -- COMMAND...",
     .summary = "Run a command while holding a mutex",
     .details =
         "Exits with the command's own code. The mutex is made if it is not\n"
         "there, and is free again when the command ends or this process dies.",
     .options = lock_options,
     .examples = lock_examples,
     .operand = OPERAND_PROGRAM,
     .operands_min = 2,
     .operands_max = -1,
     .leading = 1,
     .run = cmd_lock},
    {.name = "map create",
     .operands = "SEGMENT/MAP",
     .summary = "Make a map, and its segment when it is not there",
     .options = map_create_options,
     .examples = map_create_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_map_create},
    {.name = "map put",
     .operands = "SEGMENT/MAP KEY [VALUE]",
     .summary = "Set the value of a key",
     .details = "Without VALUE, or when it is -, the value is stdin.",
     .options = map_put_options,
     .examples = map_put_examples,
     .operand = OPERAND_NAME,
     .operands_min = 2,
     .operands_max = 3,
     .run = cmd_map_put},
    {.name = "map get",
     .operands = "SEGMENT/MAP KEY",
     .summary = "Write the value of a key to stdout",
     .details =
         "The bytes as they are. On a terminal what is not text is shown by\n"
         "its digits, and 8 bytes as a number.",
     .options = map_get_options,
     .examples = map_get_examples,
     .operand = OPERAND_NAME,
     .operands_min = 2,
     .operands_max = 2,
     .run = cmd_map_get},
    {.name = "map del",
     .operands = "SEGMENT/MAP KEY...",
     .summary = "Remove keys",
     .options = map_del_options,
     .examples = map_del_examples,
     .operand = OPERAND_NAME,
     .operands_min = 2,
     .operands_max = -1,
     .run = cmd_map_del},
    {.name = "map keys",
     .operands = "SEGMENT/MAP [PATTERN]",
     .summary = "List the keys",
     .options = map_keys_options,
     .examples = map_keys_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 2,
     .run = cmd_map_keys},
    {.name = "map add",
     .operands = "SEGMENT/MAP KEY [NUMBER]",
     .summary = "Add to a counter, and print what it is then",
     .details = "NUMBER is 1 when it is not given. Behind --, it may be "
                "negative.",
     .options = map_del_options,
     .examples = map_add_examples,
     .operand = OPERAND_NAME,
     .operands_min = 2,
     .operands_max = 3,
     .run = cmd_map_add},
    {.name = "map take",
     .operands = "SEGMENT/MAP KEY",
     .summary = "Write the value of a key to stdout and remove it, at once",
     .options = map_get_options,
     .examples = map_take_examples,
     .operand = OPERAND_NAME,
     .operands_min = 2,
     .operands_max = 2,
     .run = cmd_map_take},
    {.name = "map dump",
     .operands = "SEGMENT/MAP",
     .summary = "Write all entries to stdout, as lines of JSON",
     .details =
         "{\"key\":...,\"value\":...}, with key_base64 or value_base64 for\n"
         "what is not text. Times to live are left out.",
     .options = map_dump_options,
     .examples = map_dump_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_map_dump},
    {.name = "map load",
     .operands = "SEGMENT/MAP",
     .summary = "Put entries from lines of JSON on stdin",
     .details = "Lines as map dump writes them. What a map has besides stays.",
     .options = map_dump_options,
     .examples = map_load_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_map_load},
    {.name = "map wait",
     .operands = "SEGMENT/MAP [KEY]",
     .summary = "Wait until a value, or anything, changes",
     .details =
         "With KEY its new value is printed (exit code 3: it was removed),\n"
         "else the count of changes so far.",
     .options = map_wait_options,
     .examples = map_wait_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 2,
     .run = cmd_map_wait},
    {.name = "map sweep",
     .operands = "SEGMENT/MAP",
     .summary = "Free the memory of entries whose time is over",
     .options = map_dump_options,
     .examples = map_sweep_examples,
     .operand = OPERAND_NAME,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_map_sweep},
    {.name = "gc",
     .operands = "[PATTERN]",
     .summary = "Remove what dead processes left behind",
     .details =
         "Only what nobody has open, as the kernel proves, and whose lifetime\n"
         "has ended. Asks on a terminal, needs -f elsewhere.",
     .options = gc_options,
     .examples = gc_examples,
     .operand = OPERAND_NAME,
     .operands_max = 1,
     .run = cmd_gc},
    {.name = "doctor",
     .operands = "",
     .summary = "Check whether this machine is fit for shared memory",
     .options = doctor_options,
     .examples = doctor_examples,
     .run = cmd_doctor},
    {.name = "demo",
     .operands = "[FILE | NAME]",
     .summary = "See two processes share memory",
     .details =
         "Passes FILE (default: this program) from a writer to a reader, two\n"
         "processes of their own. With --chat, NAME is the room to meet in.",
     .options = demo_options,
     .examples = demo_examples,
     .operand = OPERAND_FILE,
     .operands_max = 1,
     .run = cmd_demo},
    {.name = "completion",
     .operands = "bash|zsh|fish|powershell",
     .summary = "Print a completion script for a shell",
     .options = no_options,
     .examples = completion_examples,
     .operand = OPERAND_SHELL,
     .operands_min = 1,
     .operands_max = 1,
     .run = cmd_completion},
    {.name = "help",
     .operands = "[COMMAND...]",
     .summary = "Show help",
     .details = "With --json: every command and option, for programs.",
     .options = help_options,
     .examples = help_examples,
     .operand = OPERAND_COMMAND,
     .operands_max = 2,
     .run = cmd_help},
    {.name = "demo-writer",
     .operands = "NAME FILE",
     .operands_min = 2,
     .operands_max = 2,
     .hidden = true,
     .run = cmd_demo_writer},
    {.name = "demo-reader",
     .operands = "NAME [FILE]",
     .operands_min = 1,
     .operands_max = 2,
     .hidden = true,
     .run = cmd_demo_reader},
    {.name = "demo-holder",
     .operands = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .hidden = true,
     .run = cmd_demo_holder},
    {.name = "demo-heir",
     .operands = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .hidden = true,
     .run = cmd_demo_heir},
    {.name = NULL}};
