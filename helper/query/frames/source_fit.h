/* SPDX-License-Identifier: MIT
 * source_fit: whether a code object can have been made of a text: a file that was changed since has other words where
 * the code says that its instructions come from. */
#ifndef PYDS_QUERY_SOURCE_FIT_H
#define PYDS_QUERY_SOURCE_FIT_H

#include "decode/decoder.h"
#include "memory/files/source_file.h"

/* False: some instruction would come from a piece of text that is not there or that begins or ends inside of a word
 * (3.11 and later, where the code knows columns), or the text of the code lacks a name that it uses. Of the standard
 * library's codes one in 10,000 seems not to fit its own file; lines that moved are seen in all but a few. */
bool source_fits(struct decoder *decoder, uint64_t code, const struct source_file *source);

#endif
