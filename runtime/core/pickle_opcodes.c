/*
 * The opcodes of Python's pickles, protocols 0 to 5, one function each.
 *
 * Python's pickletools.py describes them all.  Those that make objects of a class (INST, OBJ,
 * NEWOBJ) or take what is elsewhere (EXT, buffers out of band) have no function: they are errors.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/core/pickle_machine.h"

/* ---- arguments -------------------------------------------------------------------------- */

/* An unsigned little-endian number; false: the pickle ends before. */
static bool take_unsigned(Pickle *p, int bytes, uint64_t *number)
{
    const unsigned char *at = pickle_take(p, (uint64_t)bytes);
    *number = 0;
    for (int i = 0; at && i < bytes; i++) *number |= (uint64_t)at[i] << (8 * i);
    return at != NULL;
}

/* Up to the line's end, which is taken, too. */
static bool take_line(Pickle *p, PickleText *line)
{
    const unsigned char *end = memchr(p->at, '\n', (size_t)(p->end - p->at));
    *line = (PickleText){(const char *)p->at, end ? (size_t)(end - p->at) : 0};
    if (end)
        p->at = end + 1;
    else
        pickle_fail(p, "it is cut, or damaged");
    return end != NULL;
}

/* A line of digits → a number. */
static bool take_decimal(Pickle *p, int64_t *number)
{
    PickleText line;
    char text[24] = "", *end;
    if (!take_line(p, &line)) return false;
    if (line.length < sizeof text) memcpy(text, line.at, line.length);
    *number = strtoll(text, &end, 10);
    if (*text && (!*end || !strcmp(end, "L"))) return true;
    pickle_fail(p, "%.*s is not a number of 64 bits", (int)(line.length > 40 ? 40 : line.length), line.at);
    return false;
}

/* ---- numbers and constants ----------------------------------------------------------------- */

static int push_kind(Pickle *p, PickleKind kind) { return pickle_push(p, pickle_value(p, kind)); }

static int push_integer(Pickle *p, PickleKind kind, int64_t integer)
{
    PickleValue *v = pickle_value(p, kind);
    if (v) v->integer = integer;
    return pickle_push(p, v);
}

static int op_none(Pickle *p) { return push_kind(p, PICKLE_NONE); }
static int op_newtrue(Pickle *p) { return push_integer(p, PICKLE_BOOL, 1); }
static int op_newfalse(Pickle *p) { return push_integer(p, PICKLE_BOOL, 0); }

static int op_int(Pickle *p) /* "00" and "01" are False and True */
{
    const bool boolean = p->end - p->at >= 3 && p->at[0] == '0' && p->at[2] == '\n';
    int64_t number;
    return take_decimal(p, &number) ? push_integer(p, boolean ? PICKLE_BOOL : PICKLE_INT, number) : -1;
}

static int op_long(Pickle *p)
{
    int64_t number;
    return take_decimal(p, &number) ? push_integer(p, PICKLE_INT, number) : -1;
}

static int op_binint(Pickle *p)
{
    uint64_t number;
    return take_unsigned(p, 4, &number) ? push_integer(p, PICKLE_INT, (int32_t)number) : -1;
}

static int op_binint1(Pickle *p)
{
    uint64_t number;
    return take_unsigned(p, 1, &number) ? push_integer(p, PICKLE_INT, (int64_t)number) : -1;
}

static int op_binint2(Pickle *p)
{
    uint64_t number;
    return take_unsigned(p, 2, &number) ? push_integer(p, PICKLE_INT, (int64_t)number) : -1;
}

/* Two's complement of so many bytes. */
static int push_long(Pickle *p, uint64_t bytes)
{
    const unsigned char *at = pickle_take(p, bytes);
    uint64_t number = 0;
    if (!at) return -1;
    if (bytes > 8) return push_kind(p, PICKLE_OPAQUE);
    for (uint64_t i = 0; i < 8; i++)
        number |= (uint64_t)(i < bytes ? at[i] : bytes && at[bytes - 1] & 0x80 ? 0xff : 0) << (8 * i);
    return push_integer(p, PICKLE_INT, (int64_t)number);
}

static int op_long1(Pickle *p)
{
    uint64_t bytes;
    return take_unsigned(p, 1, &bytes) ? push_long(p, bytes) : -1;
}

static int op_long4(Pickle *p)
{
    uint64_t bytes;
    return take_unsigned(p, 4, &bytes) ? push_long(p, bytes) : -1;
}

/* What weights have no use for: that it is a float is all that is kept. */
static int op_float(Pickle *p)
{
    PickleText line;
    char text[64] = "", *end;
    if (!take_line(p, &line)) return -1;
    if (line.length < sizeof text) memcpy(text, line.at, line.length);
    (void)strtod(text, &end);
    return *text && !*end ? push_kind(p, PICKLE_FLOAT) : pickle_fail(p, "a float is damaged");
}

static int op_binfloat(Pickle *p) { return pickle_take(p, 8) ? push_kind(p, PICKLE_FLOAT) : -1; }

/* ---- texts ----------------------------------------------------------------------------------- */

static int push_text(Pickle *p, PickleText text)
{
    PickleValue *v = pickle_value(p, PICKLE_TEXT);
    if (v) v->text = text;
    return pickle_push(p, v);
}

static int push_counted(Pickle *p, int count_bytes)
{
    uint64_t length;
    if (!take_unsigned(p, count_bytes, &length)) return -1;
    const unsigned char *at = pickle_take(p, length);
    return at ? push_text(p, (PickleText){(const char *)at, length}) : -1;
}

static int op_text1(Pickle *p) { return push_counted(p, 1); }
static int op_text4(Pickle *p) { return push_counted(p, 4); }
static int op_text8(Pickle *p) { return push_counted(p, 8); }

static int op_unicode(Pickle *p)
{
    PickleText line;
    return take_line(p, &line) ? push_text(p, line) : -1;
}

static int op_string(Pickle *p) /* in quotes */
{
    PickleText line;
    if (!take_line(p, &line)) return -1;
    if (line.length < 2 || (line.at[0] != '\'' && line.at[0] != '"') || line.at[line.length - 1] != line.at[0])
        return pickle_fail(p, "a string has no quotes");
    return push_text(p, (PickleText){line.at + 1, line.length - 2});
}

static int push_bytes(Pickle *p, int count_bytes)
{
    uint64_t length;
    return take_unsigned(p, count_bytes, &length) && pickle_take(p, length) ? push_kind(p, PICKLE_OPAQUE) : -1;
}

static int op_bytes1(Pickle *p) { return push_bytes(p, 1); }
static int op_bytes4(Pickle *p) { return push_bytes(p, 4); }
static int op_bytes8(Pickle *p) { return push_bytes(p, 8); }

/* ---- containers -------------------------------------------------------------------------------- */

static int push_items(Pickle *p, PickleKind kind, PickleItems items)
{
    PickleValue *v = pickle_value(p, kind);
    if (v) v->items = items;
    return pickle_push(p, v);
}

static int push_marked(Pickle *p, PickleKind kind)
{
    PickleItems items;
    if (pickle_pop_mark(p, &items)) return -1;
    if (kind == PICKLE_DICT && items.count % 2) return pickle_fail(p, "a dictionary has a key without a value");
    return push_items(p, kind, items);
}

static int op_empty_list(Pickle *p) { return push_kind(p, PICKLE_LIST); }
static int op_empty_tuple(Pickle *p) { return push_kind(p, PICKLE_TUPLE); }
static int op_empty_dict(Pickle *p) { return push_kind(p, PICKLE_DICT); }
static int op_list(Pickle *p) { return push_marked(p, PICKLE_LIST); }
static int op_tuple(Pickle *p) { return push_marked(p, PICKLE_TUPLE); }
static int op_dict(Pickle *p) { return push_marked(p, PICKLE_DICT); }
static int op_empty_set(Pickle *p) { return push_kind(p, PICKLE_OPAQUE); }

static int op_frozenset(Pickle *p)
{
    PickleItems items;
    return pickle_pop_mark(p, &items) ? -1 : push_kind(p, PICKLE_OPAQUE);
}

static int op_additems(Pickle *p)
{
    PickleItems items;
    return pickle_pop_mark(p, &items) || !pickle_top(p) ? -1 : 0;
}

static int push_short_tuple(Pickle *p, int count)
{
    PickleItems items = {.at = pickle_alloc(p, (size_t)count * sizeof(PickleValue *)),
                         .count = (size_t)count,
                         .capacity = (size_t)count};
    if (!items.at) return -1;
    for (int i = count - 1; i >= 0; i--)
        if (!(items.at[i] = pickle_pop(p))) return -1;
    return push_items(p, PICKLE_TUPLE, items);
}

static int op_tuple1(Pickle *p) { return push_short_tuple(p, 1); }
static int op_tuple2(Pickle *p) { return push_short_tuple(p, 2); }
static int op_tuple3(Pickle *p) { return push_short_tuple(p, 3); }

/* The container on top of the stack. */
static PickleValue *top_of_kind(Pickle *p, PickleKind kind)
{
    PickleValue *top = pickle_top(p);
    if (!top || top->kind == kind) return top;
    pickle_fail(p, "it adds entries to something that is no %s", kind == PICKLE_DICT ? "dictionary" : "list");
    return NULL;
}

static int append_all(Pickle *p, PickleKind kind, const PickleItems *items)
{
    PickleValue *into = top_of_kind(p, kind);
    for (size_t i = 0; into && i < items->count; i++)
        if (!pickle_append(p, &into->items, items->at[i])) return -1;
    return into ? 0 : -1;
}

static int op_append(Pickle *p)
{
    PickleValue *value = pickle_pop(p);
    return value ? append_all(p, PICKLE_LIST, &(PickleItems){&value, 1, 1}) : -1;
}

static int op_appends(Pickle *p)
{
    PickleItems items;
    return pickle_pop_mark(p, &items) ? -1 : append_all(p, PICKLE_LIST, &items);
}

static int op_setitem(Pickle *p)
{
    PickleValue *pair[2];
    if (!(pair[1] = pickle_pop(p)) || !(pair[0] = pickle_pop(p))) return -1;
    return append_all(p, PICKLE_DICT, &(PickleItems){pair, 2, 2});
}

static int op_setitems(Pickle *p)
{
    PickleItems items;
    if (pickle_pop_mark(p, &items)) return -1;
    if (items.count % 2) return pickle_fail(p, "a dictionary has a key without a value");
    return append_all(p, PICKLE_DICT, &items);
}

/* ---- stack and memo ------------------------------------------------------------------------------ */

static int op_proto(Pickle *p)
{
    uint64_t version;
    if (!take_unsigned(p, 1, &version)) return -1;
    return version <= 5 ? 0 : pickle_fail(p, "protocol %d is not known", (int)version);
}

static int op_frame(Pickle *p)
{
    uint64_t length;
    return take_unsigned(p, 8, &length) ? 0 : -1;
}

static int op_stop(Pickle *p)
{
    p->stopped = true;
    return 0;
}

static int op_mark(Pickle *p) { return pickle_mark(p); }
static int op_dup(Pickle *p) { return pickle_push(p, pickle_top(p)); }

static int op_pop(Pickle *p) { return pickle_pop(p) ? 0 : -1; }

static int op_pop_mark(Pickle *p)
{
    PickleItems items;
    return pickle_pop_mark(p, &items);
}

static int op_memoize(Pickle *p) { return pickle_memo_put(p, p->memo.count); }

static int op_put(Pickle *p)
{
    int64_t index;
    return take_decimal(p, &index) ? pickle_memo_put(p, (uint64_t)index) : -1;
}

static int op_binput(Pickle *p)
{
    uint64_t index;
    return take_unsigned(p, 1, &index) ? pickle_memo_put(p, index) : -1;
}

static int op_long_binput(Pickle *p)
{
    uint64_t index;
    return take_unsigned(p, 4, &index) ? pickle_memo_put(p, index) : -1;
}

static int op_get(Pickle *p)
{
    int64_t index;
    return take_decimal(p, &index) ? pickle_memo_get(p, (uint64_t)index) : -1;
}

static int op_binget(Pickle *p)
{
    uint64_t index;
    return take_unsigned(p, 1, &index) ? pickle_memo_get(p, index) : -1;
}

static int op_long_binget(Pickle *p)
{
    uint64_t index;
    return take_unsigned(p, 4, &index) ? pickle_memo_get(p, index) : -1;
}

/* ---- what the host knows -------------------------------------------------------------------------- */

static int clipped(PickleText text) { return (int)(text.length > 100 ? 100 : text.length); }

static bool text_equals(PickleText text, const char *name)
{
    return text.length == strlen(name) && !memcmp(text.at, name, text.length);
}

static int push_global(Pickle *p, PickleText module, PickleText name)
{
    for (const PickleGlobal *g = p->host->globals; g->name; g++) {
        if (!text_equals(module, g->module) || !text_equals(name, g->name)) continue;
        PickleValue *v = pickle_value(p, PICKLE_GLOBAL);
        if (v) v->global = g;
        return pickle_push(p, v);
    }
    return pickle_fail(p,
                       "it asks for %.*s.%.*s; only tensors, numbers, texts, lists and dictionaries are read, and "
                       "nothing is executed",
                       clipped(module), module.at, clipped(name), name.at);
}

static int op_global(Pickle *p)
{
    PickleText module, name;
    return take_line(p, &module) && take_line(p, &name) ? push_global(p, module, name) : -1;
}

static int op_stack_global(Pickle *p)
{
    PickleValue *name = pickle_pop(p), *module = name ? pickle_pop(p) : NULL;
    if (!module) return -1;
    if (name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT)
        return pickle_fail(p, "the name of a global is not a text");
    return push_global(p, module->text, name->text);
}

static int op_reduce(Pickle *p)
{
    PickleValue *args = pickle_pop(p), *function = args ? pickle_pop(p) : NULL;
    if (!function) return -1;
    if (function->kind != PICKLE_GLOBAL || !function->global->call || args->kind != PICKLE_TUPLE)
        return pickle_fail(p, "it calls something that is no function");
    return pickle_push(p, function->global->call(p, &args->items));
}

/* The attributes of a dictionary, such as _metadata of a state_dict, are passed over. */
static int op_build(Pickle *p)
{
    PickleValue *state = pickle_pop(p), *object = state ? pickle_top(p) : NULL;
    if (!object) return -1;
    return object->kind == PICKLE_DICT ? 0 : pickle_fail(p, "it sets attributes of something that is no dictionary");
}

static int push_persistent(Pickle *p, const PickleValue *id)
{
    if (!p->host->persistent) return pickle_fail(p, "it refers to something outside");
    PickleValue *value = p->host->persistent(p, id);
    return value && pickle_append(p, &p->persistents, value) ? pickle_push(p, value) : -1;
}

static int op_persid(Pickle *p)
{
    PickleValue id = {.kind = PICKLE_TEXT};
    return take_line(p, &id.text) ? push_persistent(p, &id) : -1;
}

static int op_binpersid(Pickle *p)
{
    PickleValue *id = pickle_pop(p);
    return id ? push_persistent(p, id) : -1;
}

const PickleOpcode pickle_opcodes[256] = {
    [0x80] = op_proto,      [0x95] = op_frame,     ['.'] = op_stop,          ['('] = op_mark,
    ['0'] = op_pop,         ['1'] = op_pop_mark,   ['2'] = op_dup,           ['N'] = op_none,
    [0x88] = op_newtrue,    [0x89] = op_newfalse,  ['I'] = op_int,           ['J'] = op_binint,
    ['K'] = op_binint1,     ['M'] = op_binint2,    ['L'] = op_long,          [0x8a] = op_long1,
    [0x8b] = op_long4,      ['F'] = op_float,      ['G'] = op_binfloat,      ['S'] = op_string,
    ['T'] = op_text4,       ['U'] = op_text1,      ['V'] = op_unicode,       ['X'] = op_text4,
    [0x8c] = op_text1,      [0x8d] = op_text8,     ['B'] = op_bytes4,        ['C'] = op_bytes1,
    [0x8e] = op_bytes8,     [0x96] = op_bytes8,    [']'] = op_empty_list,    ['a'] = op_append,
    ['e'] = op_appends,     ['l'] = op_list,       [')'] = op_empty_tuple,   ['t'] = op_tuple,
    [0x85] = op_tuple1,     [0x86] = op_tuple2,    [0x87] = op_tuple3,       ['}'] = op_empty_dict,
    ['d'] = op_dict,        ['s'] = op_setitem,    ['u'] = op_setitems,      [0x8f] = op_empty_set,
    [0x90] = op_additems,   [0x91] = op_frozenset, ['g'] = op_get,           ['h'] = op_binget,
    ['j'] = op_long_binget, ['p'] = op_put,        ['q'] = op_binput,        ['r'] = op_long_binput,
    [0x94] = op_memoize,    ['c'] = op_global,     [0x93] = op_stack_global, ['R'] = op_reduce,
    ['b'] = op_build,       ['P'] = op_persid,     ['Q'] = op_binpersid,
};
