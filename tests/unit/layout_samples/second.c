/* SPDX-License-Identifier: MIT */
#include "samples.h"

struct _frame {
	PyObject ob_base;
	struct _frame *f_back;
	PyObject *f_localsplus[1];
};

typedef struct block {
	uint64_t ab_size;
	uint64_t ab_offset;
	struct block *ab_next;
	void *ab_mem;
} block;

typedef struct {
	void *fmtdef;
	int64_t offset;
	int64_t size;
	int64_t repeat;
} formatcode;

struct second_samples {
	PyObject object;
	PyFrameObject frame;
	PyDictValues values;
	PyInterpreterState interpreter;
	block block;
	formatcode code;
};

extern struct second_samples *second_samples;
struct second_samples *second_samples;
