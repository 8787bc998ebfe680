/* SPDX-License-Identifier: MIT */

/* Options and examples of the commands that watch and measure. */

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
     OPTION_TEXT,
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
