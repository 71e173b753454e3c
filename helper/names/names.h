/* SPDX-License-Identifier: MIT
 * names: from what a person types to an object ("app.cache.SESSIONS['u:1'].items[3]", "frame:2.rows"), and from a
 * reference or a frame to what a person would call it. */
#ifndef PYDS_NAMES_NAMES_H
#define PYDS_NAMES_NAMES_H

#include "base/escape.h"
#include "base/text.h"
#include "decode/decoder.h"
#include "runtime/runtime.h"

/* What is shown. Names of the program always are: attributes, modules, types, functions, locals. Other strings are
 * contents, and a core holds secrets: they are shown with show_values only. Keys of plain dicts stand between: a str
 * key is shown if names_key_is_shown(); ints, True, False, None and tuples of what is shown, too. Any other str, bytes
 * or tuple key is spoken of by its place, "[key 12 of 40]", the entry of the table counted from 1, deleted entries
 * included; keys of other types by their address, "[0x7f31c02a8e40]". All these forms can be typed as subscripts. */
struct name_options {
	bool show_values; /* --values */
	uint32_t depth, length; /* with show_values: containers in containers that names_describe() opens, 0: none;
	                           items of each that it shows */
	bool hide_keys; /* --hide-keys: no key of a dict, whatever it looks like; attributes' names are shown all the
	                   same */
	bool is_quiet; /* within names_resolve(): nobody wants to know what is near a name that is not there */
	uint64_t selected_thread; /* PyThreadState for names in "the" frame; 0: runtime's selected one */
	uint32_t selected_frame; /* 0: innermost */
	struct text
	        *note; /* names_resolve() appends a line where a name means something else as well; NULL: nobody asks */
};

/* Resolves one target X of the design; names/expression.h has the grammar. In this order:
 *   0x7f31c02a8e40           an address, which must be that of an object; steps may follow it
 *   rows, frame:2.rows, thread:4243.frame:0.rows
 *                            a name in a frame, the selected one if none is named: locals (cells opened), the namespace
 *                            of a module or class body, globals, builtins. frame:N counts from the innermost Python
 *                            frame, 0
 *   app.cache.SESSIONS       a Python path: the longest prefix that sys.modules has (main interpreter first; interp:N.
 *                            before it: that one only), then steps; if these fail, shorter prefixes. module:app.cache
 *                            is never what a frame means by `app`
 * Steps: .name as Python would find it (slots and members, instance dict or values, fields of a namedtuple, then what
 * the class has; of a class, along its MRO), without running code: what a property would compute is an error that says
 * so. [key] on dicts, lists, tuples, deques, mappingproxies and what derives from them. ERROR_NOT_FOUND says how far it
 * got, what was there instead and what is near; ERROR_ARGUMENT: not one of these forms, and at which column. */
int names_resolve(struct decoder *decoder, const char *expression, const struct name_options *options,
                  uint64_t *ret_object, struct error *error);

/* What may stand in place of the beginning of such a target, "app.cache.SE": appends each to lines, sorted, with a
 * newline behind it, at most LIMIT_COMPLETIONS. The names are those of modules, of the selected frame ("frame:N."
 * another), of attributes that lie in memory (not what only the class has), and keys as labels show them; those that
 * begin with _ only where that has been typed. What cannot be found completes to nothing. ERROR_NO_MEMORY. */
int names_complete(struct decoder *decoder, const char *beginning, const struct name_options *options,
                   struct text *lines, struct error *error);

/* Appends the label of slot `index` of a run: "['key']", "[3]", ".attr", "local x". Escaped. */
void names_label(struct decoder *decoder, const struct run *run, uint64_t index, const struct name_options *options,
                 struct text *text);
/* Appends a short description of an object for a person: "dict, 3 entries", "app.models.Session", "str, 12 characters",
 * "function app.views.index", "module app.cache". Values only with show_values. Escaped. */
void names_describe(struct decoder *decoder, uint64_t object, const struct name_options *options, struct text *text);
/* What is in a list, tuple, set, dict or deque, as Python writes it, down to options->depth; whatever else is in there
 * is its type and address. Strings are cut. False: it is none of these, or nothing is to be opened. Escaped.
 */
bool names_contents(struct decoder *decoder, uint64_t object, const struct name_options *options, struct text *text);
/* The number that a scalar of numpy holds; false: it is none, or one of a kind that C has no number for. */
bool names_numpy_scalar(struct decoder *decoder, uint64_t object, struct text *text);
/* Where a frame stands: name of function, file name (as in co_filename), current line (0: unknown). Not escaped. */
void names_frame(struct decoder *decoder, const struct python_frame *frame, struct text *function, struct text *file,
                 int64_t *ret_line);
/* The same in a few words, "render() report.py:88"; of a frame object where it is one (false: it is none). Escaped. */
void names_place(struct decoder *decoder, const struct python_frame *frame, struct text *text);
/* With another line than the frame's own, a traceback's; not above 0: without one. */
void names_place_at(struct decoder *decoder, const struct python_frame *frame, int64_t line, struct text *text);
/* names_place() with that path for the name of the file; "": with co_filename as it is. */
void names_place_in_file(struct decoder *decoder, const struct python_frame *frame, const char *path,
                         struct text *text);
bool names_frame_object(struct decoder *decoder, uint64_t object, struct text *text);
/* Name of localsplus slot `index`; empty if the code object does not say. Not escaped. */
void names_local(struct decoder *decoder, uint64_t code, uint64_t index, struct text *text);
/* Name of a type, "module.qualname" without "builtins."; "?" for NULL. Escaped. */
void names_type(struct text *text, const struct type_info *type);
/* The module of a type: of a class made in Python its __module__; of others what stands before the last dot. Escaped.
 */
void names_type_module(struct decoder *decoder, const struct type_info *type, struct text *text);
/* Whether a str key of a plain dict may be shown; without show_values: an identifier or dotted name of at most 40
 * bytes, of which at most 4 are digits. Programs name their own things so; tokens, mail addresses and ids rarely look
 * it. */
bool names_key_is_shown(const struct name_options *options, const char *key, size_t length);

/* As text_escape() of base/escape.h. */
static inline void names_escape(struct text *text, const char *bytes, size_t length, bool quote)
{
	text_escape(text, bytes, length, quote);
}

#endif
