/* SPDX-License-Identifier: MIT
 * instance_bytes: what an instance of a class made in Python takes, with the dict of its attributes if it has one. */
#ifndef PYDS_QUERY_FINDINGS_INSTANCE_BYTES_H
#define PYDS_QUERY_FINDINGS_INSTANCE_BYTES_H

#include "query/findings/rule.h"

/* Rules that ask one after the other are answered from memory; good till the next object is asked for. */
const struct instance_bytes *instance_bytes_of(struct rule_run *run, uint64_t address);

#endif
