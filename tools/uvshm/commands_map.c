/* SPDX-License-Identifier: MIT */

/* Options and examples of the commands on maps. */

#include "commands_options.h"

#include <stddef.h>

const struct option_spec map_create_options[] = {
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

const struct option_spec map_put_options[] = {
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

const struct option_spec map_get_options[] = {
    JSON,
    INTEGER("Print a value of 8 bytes as a number"),
    BASE64,
    SYSTEM_MAP,
    MANAGED_MAP,
    END};

const struct option_spec map_del_options[] = {
    BASE64, SYSTEM_MAP, MANAGED_MAP, END};

const struct option_spec map_keys_options[] = {
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

const struct option_spec map_dump_options[] = {SYSTEM_MAP, MANAGED_MAP, END};

const struct option_spec map_wait_options[] = {
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

const char* const map_create_examples[] = {
    "uvshm map create shop/stock --keep --max 1G",
    "a segment that may grow, and a map in it",
    NULL};
const char* const map_put_examples[] = {
    "uvshm map put shop/stock apple green",
    "a word",
    "uvshm map put shop/stock photo < apple.jpg",
    "any bytes",
    "uvshm map put shop/session 17 alice --ttl 3600",
    "for an hour",
    NULL};
const char* const map_get_examples[] = {
    "uvshm map get shop/stock photo > apple.jpg",
    "the bytes as they are",
    NULL};
const char* const map_del_examples[] = {
    "uvshm map del shop/stock apple photo", "two keys", NULL};
const char* const map_keys_examples[] = {
    "uvshm map keys shop/stock 'app*'", "what a pattern matches", NULL};
const char* const map_add_examples[] = {"uvshm map add shop/stock apples -- -3",
                                        "three fewer, prints the rest",
                                        NULL};
const char* const map_take_examples[] = {
    "uvshm map take shop/jobs next", "of many who try, one gets it", NULL};
const char* const map_dump_examples[] = {
    "uvshm map dump shop/stock > stock.jsonl", "to keep", NULL};
const char* const map_load_examples[] = {
    "uvshm map load shop/stock < stock.jsonl", "and back", NULL};
const char* const map_wait_examples[] = {
    "uvshm map wait shop/stock apple",
    "its next value",
    "uvshm map wait shop/stock -w 60 || echo quiet",
    "has anything changed within a minute?",
    NULL};
const char* const map_sweep_examples[] = {
    "uvshm map sweep shop/session", "free what is over", NULL};
