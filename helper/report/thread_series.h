/* SPDX-License-Identifier: MIT
 * thread_series: threads of a pool that stand alike, by the numbers in their names. */
#ifndef PYDS_REPORT_THREAD_SERIES_H
#define PYDS_REPORT_THREAD_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "query/threads/threads.h"

/* Appends "ThreadPoolExecutor-0_1 .. _4" where row index and those that are the same as it have names that differ in
 * one number only, and no number between is missing or there twice. False: they do not, nothing is appended. */
bool thread_series_text(const struct threads_answer *found, uint32_t index, struct text *text);

#endif
