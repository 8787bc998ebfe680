/* SPDX-License-Identifier: MIT */

/* Options and examples of the commands that watch, measure and show. */

#include "commands_options.h"

#include <stddef.h>

const struct option_spec top_options[] = {
    {OPT_DELAY,
     'd',
     "delay",
     OPTION_SECONDS,
     "SECONDS",
     "Look again after so long (default: 1)"},
    {OPT_MESSAGES,
     'n',
     "count",
     OPTION_NUMBER,
     "COUNT",
     "End after so many looks"},
    {OPT_SORT,
     's',
     "sort",
     OPTION_ORDER,
     "COLUMN",
     "name, kind, peers, used, fill, depth, rate or waiters (default: name)"},
    {OPT_REVERSE, 'r', "reverse", OPTION_SWITCH, NULL, "The other way round"},
    {OPT_JSON, 0, "json", OPTION_SWITCH, NULL, "A line of JSON for each look"},
    {OPT_NO_HEADINGS,
     0,
     "no-headings",
     OPTION_SWITCH,
     NULL,
     "Leave the line with the names of the columns out"},
    SYSTEM("Those of all users that can be seen"),
    END};

const char top_details[] =
    "On a terminal: one screen. Keys: q ends; s, left and right choose what\n"
    "to sort by; r reverses; up, down and pages move; p shows all peers; "
    "space\n"
    "pauses; + and - look less or more often. Elsewhere, and with -n 1: one\n"
    "table after the other. Looking disturbs nobody: top is no peer of what "
    "it\n"
    "shows.";

const char* const top_examples[] = {
    "uvshm top",
    "on a terminal",
    "uvshm top -n 1 --sort rate",
    "a table, what is busiest first",
    "uvshm top --json -d 10 'shop*' >> shop.log",
    "for a script",
    NULL};

const struct option_spec bench_options[] = {
    JSON,
    {OPT_SVG, 0, "svg", OPTION_FILE, "FILE", "Draw a plot into FILE too"},
    {OPT_MESSAGES,
     'n',
     "rounds",
     OPTION_NUMBER,
     "COUNT",
     "So many rounds, up to 99 (default: 9)"},
    END};

const char bench_details[] =
    "Takes some seconds. Every case gets a round of 25 ms, and then the next\n"
    "one, so that what disturbs the machine disturbs all alike; the median of\n"
    "the rounds is told, the least beside it. In the plot o is the median and\n"
    "--- the range. Dim lines are no part of uvshm: they are what one would\n"
    "take without it, or the limit that the machine sets.";

const char* const bench_examples[] = {"uvshm bench",
                                      "all of it",
                                      "uvshm bench lock --rounds 31",
                                      "only locks, with more care",
                                      "uvshm bench --json > bench.json",
                                      "for a script",
                                      "uvshm bench --svg bench.svg",
                                      "a picture",
                                      NULL};

const struct option_spec doctor_options[] = {JSON, END};

const struct option_spec demo_options[] = {
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

const char demo_details[] =
    "Passes FILE (default: this program) from a writer to a reader, two\n"
    "processes of their own, through a channel; then measures channel,\n"
    "pipe and socket side by side. With --chat, NAME is the room to meet "
    "in.";

const char* const doctor_examples[] = {
    "uvshm doctor", "is this machine fit for shared memory?", NULL};
const char* const demo_examples[] = {"uvshm demo",
                                     "pass a file from one process to another",
                                     "uvshm demo video.mp4 -o copy.mp4",
                                     "your own, and keep what arrived",
                                     "uvshm demo --kill",
                                     "kill one while it holds the lock",
                                     "uvshm demo --chat",
                                     "in two terminals",
                                     NULL};
