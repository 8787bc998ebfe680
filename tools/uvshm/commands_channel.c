/* SPDX-License-Identifier: MIT */

/* Options and examples of the commands on channels. */

#include "commands_options.h"

#include <stddef.h>

#define KIND                                                                   \
 {                                                                             \
  OPT_KIND, 0, "kind", OPTION_KIND, "KIND",                                    \
      "stream, queue or topic, when it is made (default: stream)"              \
 }
#define CAPACITY                                                               \
 {                                                                             \
  OPT_CAPACITY, 0, "capacity", OPTION_SIZE, "SIZE",                            \
      "Room for messages, when it is made (default: 4M)"                       \
 }
#define LARGEST                                                                \
 {                                                                             \
  OPT_LARGEST, 0, "largest", OPTION_SIZE, "SIZE",                              \
      "Most bytes of a message, when it is made (default: 256K; queue and "    \
      "topic 64K)"                                                             \
 }
#define LOSSLESS                                                               \
 {                                                                             \
  OPT_LOSSLESS, 0, "lossless", OPTION_SWITCH, NULL,                            \
      "Topic, when it is made: writers wait for slow readers"                  \
 }
#define WAIT(help)                                                             \
 { OPT_WAIT, 'w', "wait", OPTION_SECONDS, "SECONDS", help }
#define COUNT(help)                                                            \
 { OPT_MESSAGES, 'n', "count", OPTION_NUMBER, "COUNT", help }
#define FORM(id, name, help)                                                   \
 { id, 0, name, OPTION_SWITCH, NULL, help }
#define SYSTEM_CHANNEL SYSTEM("A channel, or segment, of the whole system")

const struct option_spec send_options[] = {
    FORM(OPT_LINES, "lines", "A message for each line of stdin"),
    FORM(OPT_FRAMED,
         "framed",
         "Each message has its size before it: 4 bytes, the lowest first"),
    FORM(OPT_HEX, "hex", "A message for each line of hexadecimal digits"),
    FORM(OPT_BASE64, "base64", "A message for each line of base64"),
    FORM(OPT_JSON, "json", "A message for each line of JSON, as recv prints"),
    COUNT("So many messages at most"),
    WAIT("Wait so long at most for room or readers, then exit with 4"),
    KIND,
    CAPACITY,
    LARGEST,
    LOSSLESS,
    MODE_BITS,
    GROUP,
    SYSTEM_CHANNEL,
    END};

const struct option_spec recv_options[] = {
    FORM(OPT_LINES, "lines", "Each message on a line of its own"),
    FORM(OPT_FRAMED,
         "framed",
         "Before each message its size: 4 bytes, the lowest first"),
    FORM(OPT_HEX, "hex", "Each message as a line of hexadecimal digits"),
    FORM(OPT_BASE64, "base64", "Each message as a line of base64"),
    FORM(OPT_JSON, "json", "Each message as a line of JSON, with its number"),
    FORM(OPT_RAW, "raw", "The bytes as they are, on a terminal too"),
    COUNT("End after so many messages"),
    {OPT_FOLLOW,
     'f',
     "follow",
     OPTION_SWITCH,
     NULL,
     "Do not end with the last writer: wait for the next one"},
    {OPT_OLDEST,
     0,
     "oldest",
     OPTION_SWITCH,
     NULL,
     "Topic: begin with the oldest message that is still there"},
    WAIT("Wait so long at most for a message, then exit with 4"),
    KIND,
    CAPACITY,
    LARGEST,
    LOSSLESS,
    MODE_BITS,
    GROUP,
    SYSTEM_CHANNEL,
    END};

const struct option_spec watch_options[] = {
    {OPT_JSON, 0, "json", OPTION_SWITCH, NULL, "A line of JSON for each event"},
    COUNT("End after so many events"),
    WAIT("End with 4 when nothing has happened for so long"),
    SYSTEM("An object of the whole system"),
    END};

const char send_details[] =
    "CHANNEL is a name, or SEGMENT/NAME. Whoever comes first makes the\n"
    "channel. Known by its name alone, it lives as long as its users, so\n"
    "send ends when all was read; it exits with 1 when the reader has gone\n"
    "before. Without options stdin is a stream of bytes.";

const char recv_details[] =
    "Ends when the last writer has closed the channel and all was read; exits\n"
    "with 1 when it died before. Without options the messages are written\n"
    "one behind the other.";

const char watch_details[] =
    "Of a segment: who attaches, leaves and dies, and changes of its maps and\n"
    "cells. SEGMENT/NAME: of this map, cell or channel alone. Of a topic the\n"
    "messages are printed; of other channels only how many there were,\n"
    "because each message is for one reader.";

const char* const send_examples[] = {
    "tar c photos | uvshm send copy",
    "and in another shell: uvshm recv copy | tar x",
    "uvshm send copy < disk.img",
    "a file, with progress on a terminal",
    "tail -f log | uvshm send --kind topic --lines news",
    "for any number of readers",
    NULL};

const char* const recv_examples[] = {"uvshm recv copy > disk.img",
                                     "until the sender is through",
                                     "uvshm recv --kind topic --lines -f news",
                                     "for ever, from now on",
                                     "uvshm recv --json -n 1 shop/orders",
                                     "one message, for a script",
                                     NULL};

const char* const watch_examples[] = {
    "uvshm watch shop",
    "who comes and goes, and what changes",
    "uvshm watch shop/stock -w 60 || echo quiet",
    "a map",
    NULL};
