<?php
// SPDX-License-Identifier: MIT
//
// The PHP end of test-with-others.c: shmop, and the variables of sysvshm. The
// commands are told there.

function answer($text)
{
    echo $text, "\n";
}

// A value as one word, exactly.
function word($value)
{
    switch (gettype($value)) {
        case "string":
            return "string:" . bin2hex($value);
        case "double":
            return sprintf("float:%.17g", $value);
        case "integer":
            return "int:$value";
        case "boolean":
            return "bool:" . (int) $value;
        case "NULL":
            return "null:";
        default:
            return "serialized:" . bin2hex(serialize($value));
    }
}

$shm = null;
$vars = null;
while (($line = fgets(STDIN)) !== false) {
    $words = explode(" ", rtrim($line, "\n"), 4);
    switch ($words[0]) {
        case "open": // open KIND KEY SIZE
            $key = intval($words[2], 0);
            $size = (int) $words[3];
            if ($words[1] === "vars") {
                $vars = shm_attach($key, $size ?: null, 0600);
                answer($vars ? "ok" : "none");
            } else {
                $shm = @shmop_open($key, $size ? "n" : "w", 0600, $size);
                answer($shm ? "ok" : "none");
            }
            break;
        case "size":
            answer(shmop_size($shm));
            break;
        case "write":
            shmop_write($shm, $words[2], (int) $words[1]);
            answer("ok");
            break;
        case "read":
            answer(shmop_read($shm, (int) $words[1], (int) $words[2]));
            break;
        case "close":
            $shm = null;
            answer("ok");
            break;
        case "remove":
            if ($vars) {
                shm_remove($vars);
            } else {
                shmop_delete($shm);
            }
            answer("ok");
            break;
        case "put": // put KEY CODE: the value is that of a line of PHP
            $done = @shm_put_var($vars, (int) $words[1], eval("return " . hex2bin($words[2]) . ";"));
            answer($done ? "ok" : "full");
            break;
        case "get":
            $key = (int) $words[1];
            answer(shm_has_var($vars, $key) ? word(shm_get_var($vars, $key)) : "none");
            break;
        case "del":
            answer(shm_remove_var($vars, (int) $words[1]) ? "ok" : "none");
            break;
        case "quit":
            exit(0);
    }
}
