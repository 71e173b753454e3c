/* SPDX-License-Identifier: MIT */
#include "query/frames/relative_file.h"

#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "memory/files/source_file.h"
#include "object/value.h"

/* Without "./" in front. */
static const char *plain(const char *path)
{
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
		while (path[0] == '/')
			path++;
	}
	return path;
}

/* Takes folder "/" rest where a file is there; else *ret_path stays empty. */
static bool try_file(const struct query *query, const char *folder, const char *rest, struct text *ret_path)
{
	struct source_file file;
	if (folder[0] != '/')
		return true;
	text_add(ret_path, folder);
	text_add(ret_path, "/");
	text_add(ret_path, rest);
	bool done = !ret_path->failed && source_file_open(&file, query->target->space, text_string(ret_path), 0);
	if (!done || file.state == SOURCE_ABSENT)
		text_free(ret_path);
	if (done)
		source_file_close(&file);
	return done;
}

/* A folder of sys.path that ends as the folder of the path does: Python puts the script's there in full. */
static bool try_folder(const struct query *query, const char *folder, const char *path, struct text *ret_path)
{
	const char *base = path_base_name(path);
	const size_t length = strlen(folder), below = base > path ? (size_t)(base - path) - 1 : 0;
	if (below > 0 &&
	    (length <= below || folder[length - below - 1] != '/' || memcmp(folder + length - below, path, below) != 0))
		return true;
	return try_file(query, folder, base, ret_path);
}

static bool try_import_path(const struct query *query, uint64_t list, const char *path, struct text *ret_path)
{
	struct object_reader *objects = &query->target->naming.objects;
	uint64_t count, items, item;
	bool done = true;
	if (list == 0 || !value_items(objects, list, &count, &items))
		return true;
	for (uint64_t i = 0; done && i < count && i < LIMIT_IMPORT_PATH && ret_path->length == 0; i++) {
		struct text folder = { .bytes = NULL };
		if (reader_u64(&query->target->naming.reader, items + 8 * i, &item) &&
		    value_str(objects, item, LIMIT_FILE_NAME, &folder) > 0)
			done = try_folder(query, text_string(&folder), path, ret_path);
		done = done && !folder.failed;
		text_free(&folder);
	}
	return done;
}

/* posix.environ, the environment as the process began with it: a dict of bytes. */
static bool try_environment(const struct query *query, uint64_t modules, const char *path, struct text *ret_path)
{
	struct object_reader *objects = &query->target->naming.objects;
	struct dict_cursor cursor;
	uint64_t key, value;
	bool done = true;
	const uint64_t posix = dict_get_str(objects, modules, "posix");
	const uint64_t environment = posix != 0 ? value_attribute(objects, posix, "environ") : 0;
	if (environment == 0 || !dict_cursor_open(&cursor, objects, environment))
		return true;
	for (uint64_t i = 0; done && i < LIMIT_ENVIRONMENT && dict_cursor_next(&cursor, &key, &value); i++) {
		struct text word = { .bytes = NULL };
		const bool is_folder = value_bytes(objects, key, LIMIT_FILE_NAME, &word) == 3 &&
		                       strcmp(text_string(&word), "PWD") == 0;
		text_free(&word);
		if (!is_folder)
			continue;
		if (value_bytes(objects, value, LIMIT_FILE_NAME, &word) > 0)
			done = try_file(query, text_string(&word), path, ret_path);
		done = done && !word.failed;
		text_free(&word);
		break;
	}
	return done;
}

bool relative_file_find(const struct query *query, const char *path, struct text *ret_path)
{
	const struct runtime *runtime = query->target->runtime;
	struct text folder = { .bytes = NULL };
	bool done = true;
	path = plain(path);
	for (size_t i = 0; done && i < runtime->interpreters.count && ret_path->length == 0; i++)
		done = try_import_path(
		        query,
		        dict_get_str(&query->target->naming.objects, runtime->interpreters.items[i].sysdict, "path"),
		        path, ret_path);
	if (done && ret_path->length == 0) {
		source_folder_of_process(query->target->space, &folder);
		done = !folder.failed && (folder.length == 0 || try_file(query, text_string(&folder), path, ret_path));
	}
	text_free(&folder);
	for (size_t i = 0; done && i < runtime->interpreters.count && ret_path->length == 0; i++)
		done = try_environment(query, runtime->interpreters.items[i].modules, path, ret_path);
	return done;
}
