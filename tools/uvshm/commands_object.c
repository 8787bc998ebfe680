/* SPDX-License-Identifier: MIT */

/* Options and examples of the commands on whole objects, their bytes and their
 * locks. */

#include "commands_options.h"

#include <stddef.h>

const struct option_spec ls_options[] = {
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
    {OPT_FOREIGN,
     0,
     "foreign",
     OPTION_SWITCH,
     NULL,
     "Memory of other programs; columns: name,key,id,owner,mode,bytes,attached,"
     "status"},
    END};

const struct option_spec info_options[] = {
    JSON,
    BYTES,
    SYSTEM("An object of the whole system"),
    MANAGED,
    FOREIGN,
    END};

const struct option_spec create_options[] = {
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
    FOREIGN,
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

const struct option_spec check_options[] = {
    JSON, SYSTEM("A segment of the whole system"), MANAGED, END};

const struct option_spec repair_options[] = {
    JSON, SYSTEM("A segment of the whole system"), MANAGED, END};

const struct option_spec rm_options[] = {
    DRY_RUN("Say what would be removed"),
    FORCE("Do not ask"),
    SYSTEM("An object of the whole system"),
    MANAGED,
    FOREIGN,
    {OPT_SYSV_KEY,
     0,
     "sysv-key",
     OPTION_SWITCH,
     NULL,
     "NAME is the key of a System V segment"},
    {OPT_SYSV_ID,
     0,
     "sysv-id",
     OPTION_SWITCH,
     NULL,
     "NAME is the id of a System V segment"},
    END};

const struct option_spec read_options[] = {
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

const struct option_spec write_options[] = {
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

const struct option_spec lock_options[] = {
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
    {OPT_NATIVE,
     0,
     "native",
     OPTION_SWITCH,
     NULL,
     "Windows: NAME is the system's own mutex, of CreateMutex()"},
    SYSTEM("A mutex of the whole system"),
    MODE_BITS,
    GROUP,
    END};

const struct option_spec gc_options[] = {
    DRY_RUN("Say what would be removed"),
    FORCE("Do not ask"),
    SYSTEM("Look at the objects of all users"),
    END};

const char ls_details[] =
    "Without --system: yours. USED is what the blocks of a segment take,\n"
    "of others the memory that exists; PEERS are the processes that have\n"
    "it open and live.";

const char create_details[] =
    "An object lives until its last user closes it, and this "
    "command ends\n"
    "at once: so it needs --keep, or a file.";

const char check_details[] =
    "Changes nothing, and may run while others use it. Exits with 7 and\n"
    "says what is wrong first, if anything is.";

const char repair_details[] =
    "Whoever is blocked by a dead one does this by himself; this does it\n"
    "for all of them at once, and clears locks that name nobody.";

const char rm_details[] =
    "Who has the object open keeps it; the name is free at once. Asks on\n"
    "a terminal, needs -f elsewhere.";

const char lock_details[] =
    "Exits with the command's own code. The mutex is made if it is not\n"
    "there, and is free again when the command ends or this process dies.";

const char gc_details[] =
    "Only what nobody has open, as the kernel proves, and whose lifetime\n"
    "has ended. Asks on a terminal, needs -f elsewhere.";

const char* const ls_examples[] = {"uvshm ls",
                                   "everything of yours",
                                   "uvshm ls 'build-*'",
                                   "what a pattern matches",
                                   "uvshm ls -o name,state",
                                   "two columns",
                                   "uvshm ls --json | jq '.objects[].name'",
                                   "for a script",
                                   "uvshm ls --foreign",
                                   "what other programs have",
                                   NULL};
const char* const info_examples[] = {
    "uvshm info shop", "all that is known of it", NULL};
const char* const create_examples[] = {
    "uvshm create frames --size 1M --max 1G --keep",
    "a region that may grow",
    "uvshm create slots --sem --value 4 --keep",
    "a semaphore with four units",
    "uvshm create /var/tmp/state --managed --size 1M",
    "a file, safe to share",
    NULL};
const char* const check_examples[] = {
    "uvshm check shop && echo well", "in a script", NULL};
const char* const repair_examples[] = {
    "uvshm repair shop", "what dead processes held is free", NULL};
const char* const rm_examples[] = {"uvshm rm frames slots",
                                   "asks first",
                                   "uvshm rm -f frames",
                                   "in a script",
                                   "uvshm rm --sysv-key 0x1234",
                                   "a segment of shmget()",
                                   NULL};
const char* const read_examples[] = {
    "uvshm read greeting",
    "on a terminal: as digits and letters",
    "uvshm read frames --offset 64K --size 4K > frame",
    "a part of it",
    "uvshm read --foreign /psm_1f3a",
    "another program's memory",
    NULL};
const char* const write_examples[] = {
    "echo hello | uvshm write greeting --create --keep",
    "made as large as it",
    "uvshm write frames --offset 64K < frame",
    "a part of it",
    NULL};
const char* const lock_examples[] = {
    "uvshm lock backup -- rsync -a photos /mnt/disk",
    "one at a time",
    "uvshm lock -n backup -- true || echo busy",
    "is it free?",
    "uvshm lock -w 5 printer -- lpr letter.txt",
    "wait five seconds at most",
    NULL};
const char* const gc_examples[] = {
    "uvshm gc -n", "what would go", "uvshm gc -f", "in a script", NULL};
