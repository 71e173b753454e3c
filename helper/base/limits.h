/* SPDX-License-Identifier: MIT
 * Every cap on a loop or a size that target data drives, with its reason. A cap is far above anything
 * a sane process shows and far below what would hang or exhaust a debugger. */
#ifndef PYDS_BASE_LIMITS_H
#define PYDS_BASE_LIMITS_H

enum {
	LIMIT_TYPE_CHAIN = 1000, /* tp_base links: CPython's own MRO work is quadratic in this */
	LIMIT_TYPE_NAME_BYTES = 512, /* a dotted type name shown or compared */
	LIMIT_TYPE_SLOTS = 4096, /* PyMemberDef rows of one type */
	LIMIT_MODULES = 65536, /* mapped ELF files */
	LIMIT_CORE_SEGMENTS = 1 << 22, /* program headers; the kernel's own map limit is 65530 by default */
	LIMIT_CORE_EXTENTS = 1 << 24, /* pieces of data between holes of a core file */
	LIMIT_NOTE_BYTES = 1 << 28, /* PT_NOTE of a core with many threads and files */
	LIMIT_INTERPRETERS = 65536,
	LIMIT_THREADS = 1 << 20,
	LIMIT_GC_STACK_BYTES = 64 << 20, /* of all stacks, searched for the collector's own lists */
	LIMIT_FRAMES = 1 << 20, /* frames of one thread; recursion limits are far lower */
	LIMIT_FRAME_SLOTS = 1 << 20, /* localsplus words of one frame */
	LIMIT_INT_DIGITS = 1 << 30, /* 30-bit digits of one int: 4 GiB of them */
	LIMIT_BSS_BYTES = 1 << 28, /* writable data of one ELF file that is searched */
	LIMIT_PATH_STEPS = 4096, /* steps of one Python path typed by the user */
	LIMIT_MODULE_DOTS = 64, /* parts of a dotted module name that is looked up */
	LIMIT_CODE_UNITS =
	        1 << 16, /* instructions of a code object whose stack is worked out: for one row of a stack */
	LIMIT_LINE_TABLE_BYTES = 1 << 26, /* line table or bytecode of one code object */
	LIMIT_DEQUE = 1 << 30, /* items of a deque that is indexed: a link is followed for every 64 */
	LIMIT_IMPORT_PATH = 1024, /* entries of sys.path that are looked at */
	LIMIT_ENVIRONMENT = 65536, /* variables of an environment */
	LIMIT_FILE_NAME = 4096, /* characters of a co_filename: PATH_MAX */
	LIMIT_NAMES_COMPARED = 65536, /* names looked at for "did you mean" */
	LIMIT_COMPLETIONS = 2000, /* names that complete what was typed */
	LIMIT_NAMED_TYPES = 4096, /* types whose name is looked for in modules; CPython and its library have 400 */
	LIMIT_TYPE_SHAPE = 1024, /* names in the namespace of a static type that is told by them */
	LIMIT_NAMESPACE = 1 << 22, /* entries of a module, class or instance dict that a name is looked for in */
	LIMIT_STRING_SHOWN = 64, /* characters of a string or name in a label or description */
	LIMIT_CONTENTS_DEPTH = 16, /* containers in containers that --values opens, whatever was asked for */
	LIMIT_CONTENTS_LENGTH = 256, /* items of one of them */
	LIMIT_CONTENTS_BYTES = 8192, /* of text for one object, all in it together */
	LIMIT_SOURCE_BYTES = 1 << 26, /* of a file that lines of source are read from */
	LIMIT_SOURCE_LINES = 1 << 22, /* of it */
	LIMIT_SOURCE_FILES = 4096, /* that one answer has lines of */
	LIMIT_SOURCE_SHOWN = 200, /* bytes of one line */
	LIMIT_POLLED = 1 << 12, /* descriptors that one thread waits for */
	LIMIT_FILE_LOCKS = 1 << 16, /* lines of the kernel's table of them */
	LIMIT_DESCRIPTORS = 1 << 20, /* of a live process: the most that the kernel gives by default */
	LIMIT_PROCESSES = 1 << 16, /* of this machine, that are asked whether they share memory */
	LIMIT_SHARING_PROCESSES = 256, /* that are named */
	LIMIT_NATIVE_FRAMES = 1 << 16, /* of C code in one stack */
	LIMIT_MIMALLOC_SEGMENTS = 1 << 18, /* multiples of 32 MiB that are looked at for one: 8 TiB */
	LIMIT_MIMALLOC_SLICES = 1 << 26, /* pages and parts of its map: all that 42 bits of address can have */
	LIMIT_MALLOC_ARENAS = 1 << 16, /* of glibc: eight for each processor by default */
	LIMIT_MALLOC_HEAPS = 1 << 16, /* of 64 MiB of one arena: 4 TiB */
	LIMIT_CONTEXT_VARIABLES = 1 << 20, /* words of the trie of one context */
	LIMIT_AWAIT_CHAIN = 1 << 16, /* coroutines that await one another below one task */
	LIMIT_CALLBACKS = 1 << 20, /* of one future */
	LIMIT_POOL_THREADS = 1 << 16, /* threads looked through for the work of pools */
	LIMIT_TRACED_FRAMES = 65535, /* frames of one traceback of tracemalloc: what tracemalloc.start() takes */
	LIMIT_MALLOC_CACHED = 1 << 24, /* chunks in one list of a thread's cache or one fast bin */
	LIMIT_JEMALLOC_LEAVES = 1 << 18, /* of its tree of pages: all that 48 bits of address can have */
	LIMIT_NATIVE_EDGES = 1 << 28, /* words that point to native blocks: 2 GiB of them */
	LIMIT_BLOCK_LOOKS = 1 << 28, /* at words in memory of C code, for what a walk reaches by them */
	LIMIT_OWNED_BLOCK = 1 << 22, /* bytes of one block below an object of an unknown C type that are searched */
	LIMIT_OWNED_BLOCKS = 1 << 26, /* of all of them: a tenth of a second */
	LIMIT_PYMALLOC_ARENAS = 1 << 22, /* entries of a table of them: 4 TiB */
	LIMIT_FREE_LIST = 1 << 16, /* entries of one free list; tuples of one length are the most, 2000 */
	LIMIT_GROUP_MEMBERS = 1 << 26, /* members of all different sets of groups that retain something: 256 MiB */
	LIMIT_OWNER_SETS = 1 << 20, /* different sets of modules that share something */
	LIMIT_OWNER_PASSES = 256, /* over the heap, till what is shared is known; real heaps take 3 to 8 */
};

/* Writable memory searched for _PyRuntime where no ELF file says where it is: seconds, not minutes. */
#define LIMIT_SCANNED_BYTES (UINT64_C(1) << 34)

#endif
