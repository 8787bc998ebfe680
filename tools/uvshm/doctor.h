/* SPDX-License-Identifier: MIT */

/* The checks of `uvshm doctor`. Each looks at one thing and tells what it
 * found; what a system does not have is left out, not judged. */

#ifndef UVSHM_TOOL_DOCTOR_H_
#define UVSHM_TOOL_DOCTOR_H_

#include "out.h"

#include <stdbool.h>
#include <stdint.h>

enum verdict {
  VERDICT_OK,
  VERDICT_WARN,
  VERDICT_FAIL
};

struct doctor;

/* What a check found, as printf. `hint` says what to do about it; NULL: nothing
 * needs to be done. */
void doctor_tell(struct doctor* doctor,
                 enum verdict verdict,
                 const char* check,
                 const char* hint,
                 const char* format,
                 ...) OUT_PRINTF(5, 6);

/* doctor_system.c: the machine and its limits. */
void doctor_versions(struct doctor* doctor);
void doctor_clock(struct doctor* doctor);

/* The same, of systems with /dev and /proc. */
void doctor_memory(struct doctor* doctor);
void doctor_limits(struct doctor* doctor);
void doctor_logind(struct doctor* doctor);
void doctor_runtime_dir(struct doctor* doctor);
void doctor_container(struct doctor* doctor);
void doctor_confinement(struct doctor* doctor);

/* doctor_place.c: where objects lie. */
char* doctor_place(void); /* the folder; new memory */
void doctor_mount(struct doctor* doctor);
void doctor_all_users(struct doctor* doctor);
void doctor_layout(struct doctor* doctor);

/* doctor.c in the folder of the system: what only it has. */
void doctor_native(struct doctor* doctor);

/* doctor_uvshm.c: the library itself, and what is there. */
void doctor_foreign(struct doctor* doctor);
void doctor_objects(struct doctor* doctor);
void doctor_region(struct doctor* doctor);
void doctor_liveness(struct doctor* doctor);

/* The beginning of a file of text, for free(); NULL when it cannot be read. */
char* doctor_file(const char* path);

#endif /* UVSHM_TOOL_DOCTOR_H_ */
