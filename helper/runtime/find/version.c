/* SPDX-License-Identifier: MIT
 * Which Python is it, exactly? The only file of this layer where version numbers are compared. Sources, best first: the
 * constant Py_Version (3.11+, in .rodata, so it takes the file), what follows the cookie (3.13+), the text that
 * Python/getversion.c keeps in a static buffer, and at last the size of _PyRuntime and the file's name, which give the
 * minor version only. Also which build: debug, free-threaded, with reference tracing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/path.h"
#include "runtime/find/opening.h"

#define VERSION_HEX(major, minor) ((uint32_t)(major) << 24 | (uint32_t)(minor) << 16)

enum { VERSION_TEXT_BYTES = 256 }; /* getversion.c: char version[250] up to 3.11, [300] later, mostly unused */

static const uint32_t oldest_supported = VERSION_HEX(3, 8);
static const uint32_t first_not_known = VERSION_HEX(3, 16);
static const uint32_t first_with_cookie = VERSION_HEX(3, 13);
static const uint32_t first_not_python3 = VERSION_HEX(4, 0);

void version_format(uint32_t hex, char *buffer, size_t capacity)
{
	const unsigned major = hex >> 24, minor = hex >> 16 & 0xff, micro = hex >> 8 & 0xff;
	const unsigned level = hex >> 4 & 0xf, serial = hex & 0xf;
	if ((hex & 0xffff) == 0)
		snprintf(buffer, capacity, "%u.%u", major, minor);
	else if (level == 0xf)
		snprintf(buffer, capacity, "%u.%u.%u", major, minor, micro);
	else
		snprintf(buffer, capacity, "%u.%u.%u%s%u", major, minor, micro,
		         level == 0xa   ? "a"
		         : level == 0xb ? "b"
		                        : "rc",
		         serial);
}

/* A number of at most two digits; false and nothing consumed if there is none. */
static bool take_number(const uint8_t **at, const uint8_t *end, uint32_t *ret_number)
{
	const uint8_t *digit = *at;
	uint32_t number = 0;
	while (digit < end && *digit >= '0' && *digit <= '9' && digit - *at < 3)
		number = number * 10 + (*digit++ - '0');
	if (digit == *at || number > 99)
		return false;
	*at = digit;
	*ret_number = number;
	return true;
}

/* "3.11.7", "3.15.0rc2", "3.12.0+" -> PY_VERSION_HEX; *at is moved behind it. */
static bool take_version(const uint8_t **at, const uint8_t *end, uint32_t *ret_hex)
{
	uint32_t major, minor, micro, level = 0xf, serial = 0;
	const uint8_t *next = *at;
	if (!take_number(&next, end, &major) || next == end || *next++ != '.' || !take_number(&next, end, &minor) ||
	    next == end || *next++ != '.' || !take_number(&next, end, &micro))
		return false;
	if (next < end && (*next == 'a' || *next == 'b')) {
		level = *next++ == 'a' ? 0xa : 0xb;
		if (!take_number(&next, end, &serial))
			return false;
	} else if (end - next > 2 && next[0] == 'r' && next[1] == 'c') {
		level = 0xc;
		next += 2;
		if (!take_number(&next, end, &serial))
			return false;
	}
	if (next < end && *next == '+')
		next++;
	if (major < 2 || major > 3 || serial > 15)
		return false;
	*ret_hex = VERSION_HEX(major, minor) | micro << 8 | level << 4 | serial;
	*at = next;
	return true;
}

/* "Apr 28 2025", "Jul  4 2026", as __DATE__ is written -> 20250428; 0: no date. Eleven bytes are read. */
static uint32_t date_at(const uint8_t *at)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint32_t year = 0, month = 0;
	for (uint32_t i = 0; i < 12 && month == 0; i++)
		month = memcmp(at, months + 3 * (size_t)i, 3) == 0 ? i + 1 : 0;
	if (month == 0 || at[3] != ' ' || (at[4] != ' ' && (at[4] < '0' || at[4] > '3')) || at[5] < '0' ||
	    at[5] > '9' || at[6] != ' ')
		return 0;
	for (unsigned i = 7; i < 11; i++) {
		if (at[i] < '0' || at[i] > '9')
			return 0;
		year = year * 10 + (at[i] - '0');
	}
	return year * 10000 + month * 100 + (at[4] == ' ' ? 0 : (uint32_t)(at[4] - '0') * 10) + (at[5] - '0');
}

struct version_text {
	uint32_t hex;
	uint32_t built; /* 20250428; 0: it does not say */
};

/* The whole of sys.version: "3.11.2 (main, Apr 28 2025, 14:11:48) [GCC 12.2.0]". */
static bool is_version_text(const uint8_t *at, uint64_t size, struct version_text *ret_text)
{
	const uint8_t *end = at + (size < VERSION_TEXT_BYTES ? size : VERSION_TEXT_BYTES);
	struct version_text text = { 0 };
	if (!take_version(&at, end, &text.hex) || end - at < 2 || at[0] != ' ' || (at[1] != '(' && at[1] != '|'))
		return false;
	bool has_compiler = false;
	for (; at < end && *at != 0; at++) {
		if ((*at < ' ' && *at != '\n') || *at > '~')
			return false;
		has_compiler |= at[0] == '[' && (at[-1] == ' ' || at[-1] == '\n');
		if (text.built == 0 && end - at > 11 && *at >= 'A' && *at <= 'S')
			text.built = date_at(at);
	}
	*ret_text = text;
	return has_compiler && at < end;
}

static bool find_text(void *context, const uint8_t *bytes, uint64_t starts, uint64_t readable, uint64_t address)
{
	(void)address;
	struct version_text *ret_text = context;
	/* The first dot stands behind the major version. */
	for (const uint8_t *at = bytes;;) {
		const uint8_t *dot = memchr(at, '.', (size_t)(bytes + readable - at));
		if (dot == NULL || dot > bytes + starts)
			return false;
		at = dot + 1;
		if (dot == bytes || (dot[-1] != '3' && dot[-1] != '2'))
			continue;
		/* The buffer is static, so the text follows a NUL or begins the memory. */
		if (dot - 1 > bytes && dot[-2] != 0)
			continue;
		if (is_version_text(dot - 1, readable - (uint64_t)(dot - 1 - bytes), ret_text))
			return true;
	}
}

static struct version_text read_version_text(struct opening *opening, const struct mapped_file *file)
{
	struct version_text text = { 0 };
	const bool found = file != NULL ? scan_file_data(opening, file, find_text, &text)
	                                : scan_writable(opening, find_text, &text);
	return found ? text : (struct version_text){ 0 };
}

uint32_t find_version_text(struct opening *opening, const struct mapped_file *file)
{
	return read_version_text(opening, file).hex;
}

bool cookie_is_plausible(const uint8_t *bytes, uint64_t size)
{
	if (size < 24 || !debug_offsets_has_cookie(bytes, size))
		return false;
	const uint64_t hex = load_u64(bytes + 8);
	const uint64_t free_threaded = load_u64(bytes + 16);
	return hex >= first_with_cookie && hex < first_not_python3 && free_threaded <= 1;
}

static int read_debug_offsets(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	uint8_t bytes[DEBUG_OFFSETS_BYTES];
	uint64_t size = sizeof bytes;
	/* A later struct of a smaller program may end before so many bytes. */
	while (size >= 64 && !reader_copy(&opening->reader, runtime->address, bytes, size))
		size /= 2;
	if (size < 64 || !cookie_is_plausible(bytes, size))
		return OK;
	opening->cookie_version = (uint32_t)load_u64(bytes + 8);
	opening->fingerprint.version.is_free_threaded = load_u64(bytes + 16) == 1;
	if (opening->debug_offsets == NULL)
		opening->debug_offsets = calloc(1, sizeof *opening->debug_offsets);
	if (opening->debug_offsets == NULL)
		return error_set(opening->error, ERROR_NO_MEMORY, "out of memory");
	struct error error = { 0 };
	const int status = debug_offsets_parse(opening->debug_offsets, bytes, size, &error);
	if (status == ERROR_NO_MEMORY)
		return error_set(opening->error, status, "%s", error.message);
	if (status < 0)
		runtime_warn(runtime, "_Py_DebugOffsets are not used: %s", error.message);
	else
		opening->fingerprint.debug_offsets = opening->debug_offsets;
	return OK;
}

/* The value of the constant Py_Version; 0: not there. */
static uint32_t read_py_version(struct opening *opening)
{
	struct elf_symbol symbol;
	if (opening->elf == NULL || !elf_file_symbol(opening->elf, "Py_Version", &symbol))
		return 0;
	const uint8_t *bytes = elf_file_bytes(opening->elf, symbol.address, 4);
	uint32_t value = 0;
	if (bytes != NULL)
		value = load_u32(bytes);
	else if (!reader_u32(&opening->reader, symbol.address + opening->runtime->file->load_bias, &value))
		return 0;
	return value >= VERSION_HEX(3, 0) && value < first_not_python3 ? value : 0;
}

/* The minor version that a file's name tells: python3.9, libpython3.9.so.1.0; 0: none. */
static uint32_t version_of_name(const char *path)
{
	const char *digit = strstr(path_base_name(path), "python");
	if (digit == NULL)
		return 0;
	const uint8_t *at = (const uint8_t *)digit + 6;
	const uint8_t *end = at + strlen((const char *)at);
	uint32_t major, minor;
	if (!take_number(&at, end, &major) || at == end || *at++ != '.' || !take_number(&at, end, &minor))
		return 0;
	return VERSION_HEX(major, minor);
}

/* Sizes of _PyRuntime and of PyType_Type that only one minor version has (release builds for x86-64). */
static uint32_t version_of_sizes(const struct layout_fingerprint *fingerprint)
{
	static const struct {
		uint32_t runtime_bytes, type_type_bytes, hex;
	} known[] = {
		{ 1464, 416, VERSION_HEX(3, 8) },    { 656, 408, VERSION_HEX(3, 9) },
		{ 672, 408, VERSION_HEX(3, 10) },    { 166688, 408, VERSION_HEX(3, 11) },
		{ 459944, 416, VERSION_HEX(3, 12) }, { 475960, 416, VERSION_HEX(3, 12) },
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (fingerprint->runtime_bytes == known[i].runtime_bytes &&
		    (fingerprint->type_type_bytes == known[i].type_type_bytes || fingerprint->type_type_bytes == 0))
			return known[i].hex;
	return 0;
}

bool version_is_old(uint32_t hex)
{
	return hex != 0 && hex < oldest_supported;
}

bool version_is_newer_than_known(uint32_t hex)
{
	return hex >= first_not_known;
}

void version_advice(uint32_t hex, struct text *text)
{
	text_format(text,
	            "install the debug symbols of that Python (Debian's package python%u.%u-dbg), or name the place of "
	            "its debug files with --debug-dir, or have them fetched with --debuginfod",
	            hex >> 24, hex >> 16 & 0xff);
}

int refuse_old_version(struct opening *opening, uint32_t hex, const struct mapped_file *file)
{
	if (!version_is_old(hex))
		return OK;
	char text[32];
	version_format(hex, text, sizeof text);
	return error_set(opening->error, ERROR_NO_LAYOUT,
	                 "the target is Python %s%s%s; Pythons before 3.8 are not supported, known are %s", text,
	                 file != NULL ? ", " : "", file != NULL ? file->path : "", builtin_layout_versions());
}

static void find_sizes(struct opening *opening)
{
	struct layout_fingerprint *fingerprint = &opening->fingerprint;
	if (opening->elf == NULL)
		return;
	struct elf_symbol symbol;
	if (elf_file_symbol(opening->elf, "PyType_Type", &symbol))
		fingerprint->type_type_bytes = symbol.bytes;
	if (elf_file_symbol(opening->elf, "_Py_NoneStruct", &symbol))
		fingerprint->none_bytes = symbol.bytes;
}

static void find_build(struct opening *opening)
{
	const struct layout_fingerprint *fingerprint = &opening->fingerprint;
	struct python_version *version = &opening->fingerprint.version;
	/* Without symbols only the cookie tells of free threading; choose_layout() tries both builds. */
	opening->build_is_known = fingerprint->none_bytes != 0;
	if (!opening->build_is_known)
		return;
	struct elf_symbol symbol;
	/* Include/object.h: only a build with Py_REF_DEBUG counts all references. */
	version->is_debug = elf_file_symbol(opening->elf, "_Py_RefTotal", &symbol) ||
	                    elf_file_symbol(opening->elf, "_Py_NegativeRefcount", &symbol);
	/* Include/modsupport.h: up to 3.12 a build with Py_TRACE_REFS calls this function so. It counts all references
	 * too, be it a debug build or not: choose_layout() asks the interpreter. Later nothing but the size of the
	 * interpreter tells, by which the row is chosen. */
	version->has_trace_refs = elf_file_symbol(opening->elf, "PyModule_Create2TraceRefs", &symbol);
	/* Before 3.13 --with-trace-refs puts two pointers before each object, later free threading makes it larger. */
	if (version->hex >= first_with_cookie)
		version->is_free_threaded |= fingerprint->none_bytes == 32;
	else
		version->has_trace_refs |= fingerprint->none_bytes == 32;
	if (version->has_trace_refs) {
		version->is_debug = false;
		opening->build_is_known = false;
	}
}

static void describe_version(struct opening *opening)
{
	struct runtime *runtime = opening->runtime;
	const struct python_version *version = &opening->fingerprint.version;
	version_format(version->hex, runtime->version_text, sizeof runtime->version_text);
	if ((version->hex & 0xffff) == 0)
		runtime_warn(runtime, "only the minor version %s is known (by %s)", runtime->version_text,
		             opening->version_source);
}

static bool same_minor(uint32_t left, uint32_t right)
{
	return left >> 16 == right >> 16;
}

/* A source of less worth that contradicts the one chosen is worth a sentence: it may be the wrong file. */
static void compare_sources(struct opening *opening, uint32_t other, const char *other_source)
{
	const uint32_t hex = opening->fingerprint.version.hex;
	if (other == 0 || other == hex || ((hex & 0xffff) == 0 && same_minor(hex, other)))
		return;
	char left[32], right[32];
	version_format(hex, left, sizeof left);
	version_format(other, right, sizeof right);
	runtime_warn(opening->runtime, "%s says Python %s, but %s says %s", opening->version_source, left, other_source,
	             right);
}

int find_version(struct opening *opening)
{
	struct python_version *version = &opening->fingerprint.version;
	const struct mapped_file *file = opening->runtime->file;
	version->built = 0;
	TRY(read_debug_offsets(opening));
	const uint32_t constant = read_py_version(opening);
	if (constant != 0) {
		version->hex = constant;
		opening->version_source = "Py_Version";
		compare_sources(opening, opening->cookie_version, "_Py_DebugOffsets");
	} else if (opening->cookie_version != 0) {
		version->hex = opening->cookie_version;
		opening->version_source = "_Py_DebugOffsets";
	} else {
		const struct version_text text = read_version_text(opening, file);
		version->hex = text.hex;
		version->built = text.built;
		opening->version_source = "the text of sys.version";
	}
	find_sizes(opening);
	if (version->hex == 0) {
		version->hex = version_of_sizes(&opening->fingerprint);
		opening->version_source = "the size of _PyRuntime";
	}
	if (version->hex == 0 && file != NULL) {
		version->hex = version_of_name(file->path);
		opening->version_source = "the file's name";
	}
	if (version->hex == 0)
		return error_set(opening->error, ERROR_NO_LAYOUT,
		                 "_PyRuntime is at 0x%" PRIx64
		                 ", but nothing tells which Python it belongs to; give the "
		                 "program with --exe or the target's files with --sysroot",
		                 opening->runtime->address);
	TRY(refuse_old_version(opening, version->hex, file));
	if (version->built == 0 && layout_depends_on_build_date(version))
		version->built = read_version_text(opening, file).built;
	find_build(opening);
	describe_version(opening);
	return OK;
}
