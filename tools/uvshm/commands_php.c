/* SPDX-License-Identifier: MIT */

/* Options and examples of the commands on PHP's variables. */

#include "commands_options.h"

#include <stddef.h>

const struct option_spec php_get_options[] = {JSON, END};

const struct option_spec php_put_options[] = {
    {OPT_TYPE,
     't',
     "type",
     OPTION_TEXT,
     "TYPE",
     "string, int, float, bool, null or serialized (default: string)"},
    END};

const struct option_spec php_keys_options[] = {
    {OPT_JSON,
     0,
     "json",
     OPTION_SWITCH,
     NULL,
     "A line of JSON for each, with type and size"},
    END};

const struct option_spec php_del_options[] = {END};

const char php_details[] =
    "SEGMENT is the key that PHP gave to shm_attach(), as 0x1234 or decimal, "
    "or\n"
    "a name as for read --foreign. A KEY below 0 stands behind --. PHP takes "
    "no\n"
    "lock, and neither does this: uvshm lock runs a script or a command alone.";

const char* const php_get_examples[] = {"uvshm php get 0x1234 1",
                                        "what shm_put_var($s, 1, ...) put",
                                        "uvshm lock m -- uvshm php get 7 1",
                                        "while no locked script writes",
                                        NULL};
const char* const php_put_examples[] = {"uvshm php put 0x1234 1 hello",
                                        "a string",
                                        "uvshm php put 0x1234 2 42 --type int",
                                        "a number",
                                        "uvshm php put 0x1234 3 < page.html",
                                        "stdin, any bytes",
                                        NULL};
const char* const php_keys_examples[] = {
    "uvshm php keys 0x1234 --json", "with types and sizes", NULL};
const char* const php_del_examples[] = {
    "uvshm php del 0x1234 1 2", "as shm_remove_var()", NULL};
