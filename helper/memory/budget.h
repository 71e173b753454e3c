/* SPDX-License-Identifier: MIT
 * budget: how much memory of ours an analysis may take. In the control group of its target every byte that we take is
 * one that the target lacks, and the kernel may end the target for it: so what is needed is asked for before it is
 * taken, and what is taken bit by bit is looked at on the way. */
#ifndef PYDS_MEMORY_BUDGET_H
#define PYDS_MEMORY_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct memory_budget {
	_Atomic uint64_t most; /* bytes that this process may have in all, as the user says; 0: what there is */
	_Atomic uint64_t taken; /* bytes of a live target that were fetched one by one */
	_Atomic uint64_t next_look; /* at what is left, when so many were taken */
	atomic_bool is_exceeded; /* nothing more is fetched */
};

/* OK if so many more bytes may be taken, and some are left to others. Else ERROR_LIMIT: "PURPOSE needs ...": how much,
 * what leaves how much, what to do. What goes to --spill need not be asked for. */
int budget_require(const struct memory_budget *budget, uint64_t bytes, const char *purpose, struct error *error);
/* So many bytes of the target are about to be fetched. False: they may not. */
bool budget_take(struct memory_budget *budget, uint64_t bytes);
/* Why budget_take() said no. */
int budget_exceeded(const struct memory_budget *budget, struct error *error);

#endif
