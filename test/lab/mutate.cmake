# SPDX-License-Identifier: MIT
#
# Plants one fault: writes OUT, which is IN with the text of file OLD, found
# there exactly once, replaced by that of file NEW.

file(READ "${IN}" text)
file(READ "${OLD}" old)
file(READ "${NEW}" new)
string(FIND "${text}" "${old}" first)
string(FIND "${text}" "${old}" last REVERSE)
if(first EQUAL -1 OR NOT first EQUAL last)
  # Its test says so too: an unchanged source has nothing to be found.
  message(WARNING "${IN} does not have this once, so no fault is planted:\n${old}")
else()
  string(REPLACE "${old}" "${new}" text "${text}")
endif()
file(WRITE "${OUT}" "${text}")
