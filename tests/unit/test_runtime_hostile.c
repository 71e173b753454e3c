/* SPDX-License-Identifier: MIT
 * A Python made of bytes: the least that runtime_open() confirms, then chains that loop, point nowhere or lie about
 * their length. No file, no process: everything is found by shape. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "layout/builtin_layouts.h"
#include "runtime/find/opening.h"

static const uint64_t base = 0x7f0000000000;

/* Offsets in the image. Structs of the runtime are large, so they are far apart. */
enum {
	IMAGE_BYTES = 1 << 22,
	AT_TEXT = 0x101,
	AT_DICT_TYPE = 0x1000,
	AT_TYPE_NAME = 0x1800,
	AT_DICT = 0x2000,
	AT_THREADS = 0x10000,
	THREAD_STRIDE = 0x1000,
	AT_FRAMES = 0x40000,
	FRAME_STRIDE = 0x400,
	AT_CODE = 0x60000,
	AT_RUNTIME = 0x100000,
	AT_INTERPRETERS = 0x200000,
	INTERPRETER_STRIDE = 0x80000,
};

struct fake {
	uint8_t *bytes;
	struct layout layout;
	struct address_space *space;
	struct runtime *runtime;
	struct error error;
};

static void put(struct fake *fake, uint64_t at, enum layout_field field, uint64_t value)
{
	const struct layout_place place = fake->layout.fields[field];
	assert_true(place.size != 0);
	memcpy(fake->bytes + at + place.offset, &value, place.size > 8 ? 8 : place.size);
}

static uint64_t thread_at(unsigned i)
{
	return AT_THREADS + (uint64_t)i * THREAD_STRIDE;
}

static uint64_t interpreter_at(unsigned i)
{
	return AT_INTERPRETERS + (uint64_t)i * INTERPRETER_STRIDE;
}

static uint64_t frame_at(unsigned i)
{
	return AT_FRAMES + (uint64_t)i * FRAME_STRIDE;
}

static bool has_interpreter_frames(const struct fake *fake)
{
	return layout_feature(&fake->layout, FEATURE_INTERPRETER_FRAMES);
}

static void put_code(struct fake *fake, uint64_t nlocals)
{
	if (layout_has(&fake->layout, FIELD_PyCodeObject_co_nlocalsplus)) {
		put(fake, AT_CODE, FIELD_PyCodeObject_co_nlocalsplus, nlocals);
		put(fake, AT_CODE, FIELD_PyVarObject_ob_size, 10);
	} else {
		put(fake, AT_CODE, FIELD_PyCodeObject_co_nlocals, nlocals);
		put(fake, AT_CODE, FIELD_PyCodeObject_co_cellvars, base + AT_DICT + 0x100);
		put(fake, AT_CODE, FIELD_PyCodeObject_co_freevars, base + AT_DICT + 0x100);
	}
}

static void put_frame(struct fake *fake, unsigned i, uint64_t previous)
{
	if (has_interpreter_frames(fake)) {
		put(fake, frame_at(i), FIELD__PyInterpreterFrame_f_executable, base + AT_CODE);
		put(fake, frame_at(i), FIELD__PyInterpreterFrame_f_func, base + AT_CODE);
		put(fake, frame_at(i), FIELD__PyInterpreterFrame_previous, previous);
	} else {
		put(fake, frame_at(i), FIELD_PyFrameObject_f_code, base + AT_CODE);
		put(fake, frame_at(i), FIELD_PyFrameObject_f_back, previous);
	}
}

static void put_first_frame(struct fake *fake, uint64_t thread, uint64_t frame)
{
	if (layout_has(&fake->layout, FIELD_PyThreadState_frame)) {
		put(fake, thread, FIELD_PyThreadState_frame, frame);
		return;
	}
	put(fake, thread, FIELD_PyThreadState_cframe, base + thread + 0x800);
	put(fake, thread + 0x800, FIELD__PyCFrame_current_frame, frame);
}

static void put_interpreter(struct fake *fake, unsigned i, uint64_t next)
{
	put(fake, interpreter_at(i), FIELD_PyInterpreterState_id, i);
	put(fake, interpreter_at(i), FIELD_PyInterpreterState_next, next);
	put(fake, interpreter_at(i), FIELD_PyInterpreterState_sysdict, base + AT_DICT);
	const uint64_t gc = interpreter_at(i) + layout_offset(&fake->layout, FIELD_PyInterpreterState_gc);
	put(fake, gc, FIELD__gc_runtime_state_generation0,
	    base + gc + layout_offset(&fake->layout, FIELD__gc_runtime_state_generations));
}

/* One interpreter, two threads, three frames in the first. */
static struct fake fake_new(uint32_t hex, const char *version_text)
{
	struct fake fake = { .bytes = calloc(1, IMAGE_BYTES) };
	const struct layout_fingerprint fingerprint = { .version.hex = hex };
	bool is_exact;
	assert_non_null(fake.bytes);
	assert_true(builtin_layout(&fingerprint, 0, &fake.layout, &is_exact));
	memcpy(fake.bytes + AT_TEXT, version_text, strlen(version_text) + 1);
	memcpy(fake.bytes + AT_TYPE_NAME, "dict", 5);
	put(&fake, AT_DICT_TYPE, FIELD_PyTypeObject_tp_name, base + AT_TYPE_NAME);
	put(&fake, AT_DICT_TYPE, FIELD_PyTypeObject_tp_flags, UINT64_C(1) << 29); /* Py_TPFLAGS_DICT_SUBCLASS */
	put(&fake, AT_DICT, FIELD_PyObject_ob_type, base + AT_DICT_TYPE);
	put(&fake, AT_RUNTIME, FIELD__PyRuntimeState_interpreters_head, base + AT_INTERPRETERS);
	put(&fake, AT_RUNTIME, FIELD__PyRuntimeState_interpreters_main, base + AT_INTERPRETERS);
	put_interpreter(&fake, 0, 0);
	put(&fake, AT_INTERPRETERS, FIELD_PyInterpreterState_threads_head, base + thread_at(0));
	for (unsigned i = 0; i < 2; i++) {
		put(&fake, thread_at(i), FIELD_PyThreadState_interp, base + AT_INTERPRETERS);
		put(&fake, thread_at(i), FIELD_PyThreadState_next, i == 0 ? base + thread_at(1) : 0);
	}
	put_code(&fake, 5);
	put_first_frame(&fake, thread_at(0), base + frame_at(0));
	for (unsigned i = 0; i < 3; i++)
		put_frame(&fake, i, i == 2 ? 0 : base + frame_at(i + 1));
	return fake;
}

static struct fake fake_311(void)
{
	return fake_new(0x030b07f0, "3.11.7 (main, Jan  1 2024, 10:00:00) [GCC 12.2.0]");
}

static int fake_open(struct fake *fake)
{
	assert_int_equal(address_space_open_buffer(&fake->space, base, fake->bytes, IMAGE_BYTES, &fake->error), OK);
	return runtime_open(&fake->runtime, fake->space, NULL, &fake->error);
}

static void fake_free(struct fake *fake)
{
	runtime_close(fake->runtime);
	address_space_close(fake->space);
	free(fake->bytes);
}

static bool has_warning(const struct runtime *runtime, const char *part)
{
	for (size_t i = 0; i < runtime->warnings.count; i++)
		if (strstr(runtime->warnings.items[i], part) != NULL)
			return true;
	return false;
}

static struct frame_list frames_of(const struct fake *fake, unsigned thread, bool *ret_truncated)
{
	struct frame_list frames = { 0 };
	assert_true(thread < fake->runtime->threads.count);
	assert_int_equal(
	        runtime_frames(fake->runtime, &fake->runtime->threads.items[thread], &frames, ret_truncated, NULL), OK);
	return frames;
}

static void check_sane(struct fake *fake, const char *version, const char *row)
{
	bool is_truncated;
	assert_int_equal(fake_open(fake), OK);
	assert_string_equal(fake->runtime->version_text, version);
	assert_string_equal(fake->runtime->layout.row_name, row);
	assert_int_equal(fake->runtime->address, base + AT_RUNTIME);
	assert_int_equal(fake->runtime->found_by, RUNTIME_BY_STRUCTURE);
	assert_int_equal(fake->runtime->interpreters.count, 1);
	assert_int_equal(fake->runtime->interpreters.items[0].sysdict, base + AT_DICT);
	assert_int_equal(fake->runtime->threads.count, 2);
	assert_int_equal(fake->runtime->threads.items[1].address, base + thread_at(1));
	assert_true(fake->runtime->threads.items[0].is_selected);
	struct frame_list frames = frames_of(fake, 0, &is_truncated);
	assert_false(is_truncated);
	assert_int_equal(frames.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(frames.places[i].address, base + frame_at(i));
		assert_int_equal(frame_list_code(&frames, i), base + AT_CODE);
		assert_int_equal(frame_list_at(&frames, i).slot_count, 5);
	}
	frame_list_clear(&frames);
	frames = frames_of(fake, 1, &is_truncated);
	assert_int_equal(frames.count, 0);
	frame_list_clear(&frames);
}

static void test_sane_311(void **state)
{
	(void)state;
	struct fake fake = fake_311();
	check_sane(&fake, "3.11.7", "3.11.7");
	fake_free(&fake);
}

static void test_sane_310(void **state)
{
	(void)state;
	struct fake fake = fake_new(0x030a0df0, "3.10.13 (main, Jan  1 2024, 10:00:00) [GCC 12.2.0]");
	check_sane(&fake, "3.10.13", "3.10.13");
	fake_free(&fake);
}

static void test_build_date(void **state)
{
	static const struct {
		const char *text;
		uint32_t built;
	} rows[] = {
		{ "3.11.7 (main, Apr 28 2025, 14:11:48) [GCC 12.2.0]", 20250428 },
		{ "3.11.7 (tags/v3.11.7:fa7a6f2, Jul  4 2026, 00:00:00) [Clang 17]", 20260704 },
		{ "3.11.7 (main, Apr 28 20x5, 14:11:48) [GCC 12.2.0]", 0 },
		{ "3.11.7 (main) [Oct 1]", 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fake fake = fake_new(0x030b07f0, rows[i].text);
		assert_int_equal(fake_open(&fake), OK);
		assert_int_equal(fake.runtime->layout.version.built, rows[i].built);
		fake_free(&fake);
	}
}

static void test_thread_loop(void **state)
{
	(void)state;
	struct fake fake = fake_311();
	put(&fake, thread_at(1), FIELD_PyThreadState_next, base + thread_at(0));
	assert_int_equal(fake_open(&fake), OK);
	assert_int_equal(fake.runtime->threads.count, 2);
	assert_true(has_warning(fake.runtime, "does not end"));
	fake_free(&fake);
}

static void test_thread_wild(void **state)
{
	(void)state;
	struct fake fake = fake_311();
	put(&fake, thread_at(1), FIELD_PyThreadState_next, 0xdead0000beef);
	assert_int_equal(fake_open(&fake), ERROR_NO_PYTHON);
	fake_free(&fake);
	/* One that is there but belongs to nobody ends the chain, with a sentence. */
	fake = fake_311();
	put_interpreter(&fake, 1, 0);
	put(&fake, AT_INTERPRETERS, FIELD_PyInterpreterState_next, base + interpreter_at(1));
	put(&fake, interpreter_at(1), FIELD_PyInterpreterState_threads_head, base + thread_at(5));
	assert_int_equal(fake_open(&fake), OK);
	assert_int_equal(fake.runtime->interpreters.count, 2);
	assert_int_equal(fake.runtime->threads.count, 2);
	assert_true(has_warning(fake.runtime, "broken"));
	fake_free(&fake);
}

static void test_interpreter_loop(void **state)
{
	(void)state;
	struct fake fake = fake_311();
	put_interpreter(&fake, 1, base + AT_INTERPRETERS);
	put(&fake, AT_RUNTIME, FIELD__PyRuntimeState_interpreters_head, base + interpreter_at(1));
	put(&fake, AT_INTERPRETERS, FIELD_PyInterpreterState_next, base + interpreter_at(1));
	assert_int_equal(fake_open(&fake), OK);
	assert_int_equal(fake.runtime->interpreters.count, 2);
	assert_int_equal(fake.runtime->interpreters.items[0].id, 0);
	assert_int_equal(fake.runtime->interpreters.items[1].id, 1);
	assert_true(has_warning(fake.runtime, "does not end"));
	fake_free(&fake);
}

/* A chain 0 -> 1 -> 2 -> 3 -> 4 -> `back`: each frame once, and a sign that it is not all. */
static void check_frame_loop(unsigned back)
{
	struct fake fake = fake_311();
	bool is_truncated;
	for (unsigned i = 0; i < 5; i++)
		put_frame(&fake, i, base + frame_at(i == 4 ? back : i + 1));
	assert_int_equal(fake_open(&fake), OK);
	struct frame_list frames = frames_of(&fake, 0, &is_truncated);
	assert_true(is_truncated);
	assert_int_equal(frames.count, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(frames.places[i].address, base + frame_at(i));
	frame_list_clear(&frames);
	fake_free(&fake);
}

static void test_frame_loop(void **state)
{
	(void)state;
	for (unsigned back = 0; back < 5; back++)
		check_frame_loop(back);
}

static void check_wild_frame(uint64_t previous)
{
	struct fake fake = fake_311();
	bool is_truncated;
	put_frame(&fake, 1, previous);
	assert_int_equal(fake_open(&fake), OK);
	struct frame_list frames = frames_of(&fake, 0, &is_truncated);
	assert_true(is_truncated);
	assert_int_equal(frames.count, 2);
	frame_list_clear(&frames);
	fake_free(&fake);
}

static void test_frame_wild(void **state)
{
	(void)state;
	check_wild_frame(0xdead0000beef8);
	check_wild_frame(base + frame_at(2) + 1);
	check_wild_frame(base + IMAGE_BYTES - 8);
	check_wild_frame(UINT64_MAX - 7);
	/* Zeros, which gdb's gcore leaves where it could not read. */
	check_wild_frame(base + 0x70000);
}

static void test_slot_count_lies(void **state)
{
	(void)state;
	struct fake fake = fake_311();
	bool is_truncated;
	put_code(&fake, LIMIT_FRAME_SLOTS + 1);
	assert_int_equal(fake_open(&fake), OK);
	struct frame_list frames = frames_of(&fake, 0, &is_truncated);
	assert_true(is_truncated);
	assert_int_equal(frames.count, 3);
	assert_int_equal(frame_list_at(&frames, 0).slot_count, 0);
	frame_list_clear(&frames);
	fake_free(&fake);
}

static void test_shims_are_left_out(void **state)
{
	(void)state;
	struct fake fake = fake_311();
	bool is_truncated;
	put(&fake, frame_at(1), FIELD__PyInterpreterFrame_owner, 3);
	assert_int_equal(fake_open(&fake), OK);
	struct frame_list frames = frames_of(&fake, 0, &is_truncated);
	assert_false(is_truncated);
	assert_int_equal(frames.count, 2);
	assert_int_equal(frames.places[1].address, base + frame_at(2));
	struct reader reader;
	struct python_frame frame;
	reader_init(&reader, fake.space);
	assert_false(runtime_read_frame(fake.runtime, &reader, base + frame_at(1), &frame));
	assert_true(runtime_read_frame(fake.runtime, &reader, base + frame_at(2), &frame));
	assert_false(runtime_read_frame(fake.runtime, &reader, 0, &frame));
	frame_list_clear(&frames);
	fake_free(&fake);
}

static void test_generation0_must_point_home(void **state)
{
	(void)state;
	struct fake fake = fake_311();
	const uint64_t gc = AT_INTERPRETERS + layout_offset(&fake.layout, FIELD_PyInterpreterState_gc);
	put(&fake, gc, FIELD__gc_runtime_state_generation0, base + gc + 0x100);
	assert_int_equal(fake_open(&fake), ERROR_NO_PYTHON);
	fake_free(&fake);
}

static void test_no_python(void **state)
{
	(void)state;
	struct fake fake = { .bytes = calloc(1, IMAGE_BYTES) };
	/* The cookie alone, as in the strings of a debugger, is no runtime. */
	memcpy(fake.bytes + 0x1000, "xdebugpy", 8);
	assert_int_equal(fake_open(&fake), ERROR_NO_PYTHON);
	assert_null(fake.runtime);
	assert_non_null(strstr(fake.error.message, "cookie"));
	assert_non_null(strstr(fake.error.message, "4.0 MiB"));
	fake_free(&fake);
}

static void test_old_python_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = { "2.7.18 (default, Jul 14 2021, 08:11:37) \n[GCC 10.2.1 20210110]",
		                             "3.7.3 (default, Oct 31 2022, 14:04:00) \n[GCC 8.3.0]" };
	for (unsigned i = 0; i < 2; i++) {
		struct fake fake = { .bytes = calloc(1, IMAGE_BYTES) };
		memcpy(fake.bytes + AT_TEXT, texts[i], strlen(texts[i]));
		assert_int_equal(fake_open(&fake), ERROR_NO_LAYOUT);
		assert_non_null(strstr(fake.error.message, i == 0 ? "2.7.18" : "3.7.3"));
		fake_free(&fake);
	}
}

static void test_version_format(void **state)
{
	(void)state;
	static const struct {
		uint32_t hex;
		const char *text;
	} cases[] = { { 0x030b07f0, "3.11.7" },   { 0x030f00c2, "3.15.0rc2" }, { 0x030e00a7, "3.14.0a7" },
		      { 0x030d00b1, "3.13.0b1" }, { 0x03090000, "3.9" },       { 0x030a0df0, "3.10.13" } };
	char text[32];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		version_format(cases[i].hex, text, sizeof text);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sane_311),
		cmocka_unit_test(test_sane_310),
		cmocka_unit_test(test_build_date),
		cmocka_unit_test(test_thread_loop),
		cmocka_unit_test(test_thread_wild),
		cmocka_unit_test(test_interpreter_loop),
		cmocka_unit_test(test_frame_loop),
		cmocka_unit_test(test_frame_wild),
		cmocka_unit_test(test_slot_count_lies),
		cmocka_unit_test(test_shims_are_left_out),
		cmocka_unit_test(test_generation0_must_point_home),
		cmocka_unit_test(test_no_python),
		cmocka_unit_test(test_old_python_is_refused),
		cmocka_unit_test(test_version_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
