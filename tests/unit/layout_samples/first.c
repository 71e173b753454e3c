/* SPDX-License-Identifier: MIT */
#include "samples.h"

/* The wrong one: has another struct's name and none, or few, of its fields. As large as the right one. */
typedef struct block {
	uint64_t size;
	void *memory[3];
} block;

typedef struct {
	void *fmtdef;
	int64_t other[3];
} formatcode;

struct first_samples {
	PyObject object;
	PyASCIIObject text;
	PyFrameObject *frame;
	PyInterpreterState interpreter;
	_PyRuntimeState runtime;
	PyTypeObject type;
	block block;
	formatcode code;
	PyDictKeysObject keys; /* flexible: last */
};

extern struct first_samples *first_samples;
struct first_samples *first_samples;
