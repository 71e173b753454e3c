/* SPDX-License-Identifier: MIT
 * Numbers of CPython's public type interface that every version shares (Include/object.h, Include/structmember.h). */
#ifndef PYDS_OBJECT_TYPE_FLAGS_H
#define PYDS_OBJECT_TYPE_FLAGS_H

/* Bits of tp_flags. Bits 1 to 4 mean this only where the features of layout/features.def hold. */
#define TPFLAGS_STATIC_BUILTIN (UINT64_C(1) << 1)
#define TPFLAGS_INLINE_VALUES (UINT64_C(1) << 2)
#define TPFLAGS_MANAGED_WEAKREF (UINT64_C(1) << 3)
#define TPFLAGS_MANAGED_DICT (UINT64_C(1) << 4)
#define TPFLAGS_HEAPTYPE (UINT64_C(1) << 9)
#define TPFLAGS_BASETYPE (UINT64_C(1) << 10) /* a class may derive from it */
#define TPFLAGS_READY (UINT64_C(1) << 12)
#define TPFLAGS_HAVE_GC (UINT64_C(1) << 14)
#define TPFLAGS_LONG_SUBCLASS (UINT64_C(1) << 24)
#define TPFLAGS_LIST_SUBCLASS (UINT64_C(1) << 25)
#define TPFLAGS_TUPLE_SUBCLASS (UINT64_C(1) << 26)
#define TPFLAGS_BYTES_SUBCLASS (UINT64_C(1) << 27)
#define TPFLAGS_UNICODE_SUBCLASS (UINT64_C(1) << 28)
#define TPFLAGS_DICT_SUBCLASS (UINT64_C(1) << 29)
#define TPFLAGS_BASE_EXC_SUBCLASS (UINT64_C(1) << 30)
#define TPFLAGS_TYPE_SUBCLASS (UINT64_C(1) << 31)

/* PyMemberDef.type */
enum { MEMBER_OBJECT = 6, MEMBER_OBJECT_EX = 16 };

#endif
