/* SPDX-License-Identifier: MIT
 * native_words: how answers show bytes of C code beside the objects' own, and how much of the memory is explained. */
#ifndef PYDS_REPORT_NATIVE_WORDS_H
#define PYDS_REPORT_NATIVE_WORDS_H

#include "query/memory/native_beside.h"
#include "report/report.h"

/* "~Native", or "Native" where no owner is an estimate. */
const char *native_beside_heading(const struct native_beside *beside);
/* "Of 356.6 MiB private memory 97.0% have an owner that is known; 190.7 MiB of C code hang on objects (~ an estimate)".
 */
void native_beside_line(struct report *report, const struct native_beside *beside);
/* What is left out where nobody asked for that, why, and what to type; nothing where nothing is. */
/* "~10.2 MiB of C code" */
void native_beside_bytes(struct report *report, const struct native_beside *beside, uint64_t bytes);
/* "  236 objects, 3.8 MiB apart: unreachable, ..."; nothing where there are none. */
void garbage_apart_line(struct report *report, uint64_t count, uint64_t bytes, const struct native_beside *beside);
void native_left_out_line(struct report *report, const struct native_beside *beside);
/* Keys "memory" and "native" of the open object; native is null where it is not known, and "native_left_out" says
 * why. */
void native_beside_json(struct json *json, const struct native_beside *beside);
/* "  native   ~ 190.7 MiB   of C code, hang on it": a line of the head of an answer about one number of the dominator
 * tree; nothing where there is none. */
void native_beside_size(struct report *report, const struct native_beside *beside, uint32_t number);
/* Key "native" of the open object: the same bytes; null where they are not known. */
void native_beside_number(struct json *json, const struct native_beside *beside, uint32_t number);
/* Key "native" of a row of such an answer: bytes; null where they were not looked for. */
void native_beside_row(struct json *json, const struct native_beside *beside, uint64_t bytes);

#endif
