/*
 * kernel_slice: of the kernels' text, the definitions that a net reaches.
 *
 * Enters: C text, and the names that other code uses.  Leaves: declarations of these
 * names with the types that they need, which stand before the code that uses them, and
 * the definitions of all that is reached, which may stand after it; each in the order
 * of the text.
 *
 * The text is cut by structure into its top-level items: directives,
 * declarations and definitions, each with the comment directly above it.  An
 * item defines one name (an enum: all its constants) and uses every identifier in
 * it and in the conditions around it.  A name that several items define, as
 * under #if and #else, keeps them all.  Include guards and the branches on
 * NN_LINKED are resolved here: a pasted text has each file once.  The branch that
 * is for linked kernels has the prototypes of those that are pasted as well; a used
 * name that has none there is defined among the declarations.
 */
#include "emit/kernel_slice.h"

#include <ctype.h>
#include <string.h>

typedef enum ItemKind { ITEM_CODE, ITEM_INCLUDE, ITEM_IF, ITEM_ELSE, ITEM_ENDIF } ItemKind;

typedef enum SlicePart { PART_DECLARATIONS = 1u << 0, PART_DEFINITIONS = 1u << 1 } SlicePart;

typedef struct Item {
    ItemKind kind;
    const char *text;   /* with its comment */
    const char *code;   /* without */
    struct Item *group; /* the innermost ITEM_IF around it; NULL: none */
    bool linked;        /* of ITEM_IF: #ifdef NN_LINKED */
    bool silent;        /* of ITEM_IF: resolved here, not printed */
    bool is_else;       /* of ITEM_IF: its #else has been read */
    bool is_private;    /* in the branch of what is not linked */
    bool is_prototype;  /* in the other, of the innermost header that has them */
    unsigned kept;      /* of SlicePart: where it is printed */
} Item;

typedef struct Slice {
    Arena *arena;
    List items;
    Map *definers;   /* name → List of Item */
    Map *prototypes; /* name → Item: of the branches for linked kernels */
    List pending;    /* of Item: kept, whose names have not been followed */
    Item *group;     /* while cutting */
    SlicePart part;  /* while following: for which */
} Slice;

/* ---- tokens ------------------------------------------------------------------ */

/* The end of what holds no identifiers of the program at p (a comment, string or
 * character constant), or p. */
static const char *skip_opaque(const char *p)
{
    if (p[0] == '/' && p[1] == '*') return strstr(p + 2, "*/") + 2;
    if (*p != '"' && *p != '\'') return p;
    const char quote = *p++;
    while (*p && *p != quote) p += *p == '\\' ? 2 : 1;
    return *p ? p + 1 : p;
}

/* The next identifier at or after p and its length; NULL: none. */
static const char *next_word(const char *p, size_t *length)
{
    while (*p) {
        const char *after = skip_opaque(p);
        if (after > p) {
            p = after;
        } else if (is_identifier_char(*p)) {
            for (*length = 0; is_identifier_char(p[*length]);) ++*length;
            if (!isdigit((unsigned char)*p)) return p;
            p += *length;
        } else {
            p++;
        }
    }
    return NULL;
}

static const char *directive_end(const char *p)
{
    while (*p && *p != '\n') {
        const char *after = skip_opaque(p);
        p = after > p ? after : p[0] == '\\' && p[1] == '\n' ? p + 2 : p + 1;
    }
    return p;
}

bool starts_directive(const char *line, const char *name)
{
    size_t length = strlen(name);
    return strncmp(line, name, length) == 0 && !is_identifier_char(line[length]);
}

/* How many more brackets are open after c: 1, -1 or 0. */
static int nesting(char c)
{
    switch (c) {
    case '(':
    case '[':
    case '{': return 1;
    case ')':
    case ']':
    case '}': return -1;
    default: return 0;
    }
}

/* The end of a declaration (its semicolon) or of a function (its brace). */
static const char *code_end(const char *p)
{
    int depth = 0;
    bool function = false;
    char before = '\0'; /* the last character outside all parentheses */
    while (*p) {
        const char *after = *p == '#' ? directive_end(p) : skip_opaque(p);
        if (after > p) {
            p = after;
            continue;
        }
        if (*p == '{' && depth == 0) function = before == ')';
        depth += nesting(*p);
        if (depth == 0 && (*p == ';' || (*p == '}' && function))) return p + 1;
        if (depth == 0 && !isspace((unsigned char)*p)) before = *p;
        p++;
    }
    return p;
}

/* With a comment that follows on the same line. */
static const char *with_comment(const char *end)
{
    const char *p = end;
    while (*p == ' ') p++;
    return p[0] == '/' && p[1] == '*' ? skip_opaque(p) : end;
}

/* ---- what an item defines -------------------------------------------------------- */

/* In which branch of an NN_LINKED does what is cut now stand? */
static bool is_in_branch(const Slice *s, bool is_else)
{
    for (const Item *group = s->group; group; group = group->group) {
        if (group->linked && group->is_else == is_else) return true;
    }
    return false;
}

static void add_definition(Slice *s, Item *item, const char *word, size_t length)
{
    if (!word) return;
    const char *name = arena_strndup(s->arena, word, length);
    if (is_in_branch(s, false)) {
        map_put(s->prototypes, name, item);
        return;
    }
    List *list = map_get(s->definers, name);
    if (!list) {
        list = arena_alloc(s->arena, sizeof *list);
        *list = (List){0};
        map_put(s->definers, name, list);
    }
    list_push(s->arena, list, item);
}

/* A word or character of an item's code, on the way through all of them. */
typedef struct SliceToken {
    const char *p; /* NULL: none yet */
    size_t word;   /* the length of an identifier or number; 0: another character */
    int depth;     /* brackets that are open, with one that opens here */
    char before;   /* the first character of the token before */
} SliceToken;

/* Goes on to the next token of `code`; false at the end. */
static bool next_token(SliceToken *t, const char *code)
{
    const char *p = t->p ? t->p + (t->word ? t->word : 1) : code;
    t->before = t->p ? *t->p : '\0';
    while (isspace((unsigned char)*p) || skip_opaque(p) > p) p = isspace((unsigned char)*p) ? p + 1 : skip_opaque(p);
    t->p = p;
    if (!*p) return false;
    for (t->word = 0; is_identifier_char(p[t->word]);) t->word++;
    t->depth += nesting(*p);
    return true;
}

/* The constants of an enum: what follows its brace and its commas. */
static void define_constants(Slice *s, Item *item)
{
    for (SliceToken t = {0}; next_token(&t, item->code);)
        if (t.word && t.depth == 1 && (t.before == '{' || t.before == ',')) add_definition(s, item, t.p, t.word);
}

/* The last identifier outside parentheses and before an initialiser or a function's body;
 * or the one in typedef int (*name)(…). */
static void define_declared(Slice *s, Item *item)
{
    const bool is_typedef = starts_directive(item->code, "typedef");
    bool after_star = false; /* of (* outside all others */
    SliceToken found = {0}, pointer = {0};
    for (SliceToken t = {0}; next_token(&t, item->code);) {
        if ((t.depth == 0 && *t.p == '=') || (t.depth == 1 && *t.p == '{' && t.before == ')')) break;
        if (t.word && t.depth == 0 && strncmp(t.p, "__attribute__", t.word) != 0) found = t;
        if (t.word && is_typedef && after_star && !pointer.p && found.p) pointer = t;
        after_star = t.depth == 1 && *t.p == '*' && t.before == '(';
    }
    if (pointer.p) found = pointer;
    add_definition(s, item, found.p, found.word);
}

static void define(Slice *s, Item *item)
{
    size_t length = 0;
    if (starts_directive(item->code, "#define") || starts_directive(item->code, "#undef")) {
        const char *word = next_word(item->code + (item->code[1] == 'd' ? 7 : 6), &length);
        add_definition(s, item, word, length);
        return;
    }
    if (starts_directive(item->code, "enum") || starts_directive(item->code, "typedef enum")) define_constants(s, item);
    define_declared(s, item);
}

/* ---- cutting ------------------------------------------------------------------------ */

static Item *add_item(Slice *s, ItemKind kind, const char *text, const char *code, const char *end)
{
    Item *item = arena_alloc(s->arena, sizeof *item);
    const char *copy = arena_strndup(s->arena, text, (size_t)(end - text));
    *item = (Item){.kind = kind, .text = copy, .code = copy + (code - text), .group = s->group};
    item->is_private = is_in_branch(s, true);
    item->is_prototype = is_in_branch(s, false);
    list_push(s->arena, &s->items, item);
    return item;
}

/* #ifndef NAME, and #define NAME in the next line? */
static bool is_guard(const char *line)
{
    if (!starts_directive(line, "#ifndef")) return false;
    size_t length = strcspn(line + 7, "\n");
    const char *next = line + 7 + length;
    return strncmp(next, "\n#define", 8) == 0 && strncmp(next + 8, line + 7, length) == 0 && next[8 + length] == '\n';
}

static const char *cut_if(Slice *s, const char *line, const char *end)
{
    Item *item = add_item(s, ITEM_IF, line, line, end);
    item->linked = starts_directive(line, "#ifdef NN_LINKED") || starts_directive(line, "#ifdef NN_TEAM_LINKED");
    item->silent = item->linked || is_guard(line);
    s->group = item;
    return is_guard(line) ? directive_end(end + 1) : end;
}

static const char *cut_directive(Slice *s, const char *text, const char *line)
{
    const char *end = directive_end(line);
    if (strncmp(line, "#if", 3) == 0) return cut_if(s, line, end);
    if (strncmp(line, "#el", 3) == 0) {
        s->group->is_else = true;
        add_item(s, ITEM_ELSE, line, line, end);
    } else if (starts_directive(line, "#endif")) {
        add_item(s, ITEM_ENDIF, line, line, end);
        s->group = s->group->group;
    } else if (starts_directive(line, "#include") || starts_directive(line, "#pragma")) {
        add_item(s, ITEM_INCLUDE, line, line, end);
    } else {
        define(s, add_item(s, ITEM_CODE, text, line, end));
    }
    return end;
}

static void cut(Slice *s, const char *p)
{
    const char *comment = NULL; /* directly above what follows */
    while (*p) {
        if (isspace((unsigned char)*p)) {
            if (p[0] == '\n' && p[1] == '\n') comment = NULL;
            p++;
        } else if (p[0] == '/' && p[1] == '*') {
            if (!comment) comment = p;
            p = skip_opaque(p);
        } else if (*p == '#') {
            p = cut_directive(s, comment ? comment : p, p);
            comment = NULL;
        } else {
            const char *end = with_comment(code_end(p));
            define(s, add_item(s, ITEM_CODE, comment ? comment : p, p, end));
            p = end;
            comment = NULL;
        }
    }
}

/* ---- the closure ------------------------------------------------------------------ */

static void keep_item(Slice *s, Item *item)
{
    if (item->kept) return;
    item->kept = s->part;
    list_push(s->arena, &s->pending, item);
}

/* What only the definitions see, such as the members of a type that has a name outside,
 * is left to them. */
static bool has_public_definer(const List *list)
{
    for (int i = 0; list && i < list->count; i++)
        if (!((const Item *)list->at[i])->is_private) return true;
    return false;
}

static void keep_definers(Slice *s, const char *name)
{
    const List *list = map_get(s->definers, name);
    const bool only_public = s->part == PART_DECLARATIONS && has_public_definer(list);
    for (int i = 0; list && i < list->count; i++) {
        Item *item = list->at[i];
        if (!only_public || !item->is_private) keep_item(s, item);
    }
}

static void keep_name(Slice *s, const char *name)
{
    Item *prototype = s->part == PART_DECLARATIONS ? map_get(s->prototypes, name) : NULL;
    if (prototype)
        keep_item(s, prototype);
    else
        keep_definers(s, name);
}

static void keep_names_in(Slice *s, const char *code)
{
    size_t length;
    for (const char *p = code; (p = next_word(p, &length)); p += length)
        keep_name(s, arena_strndup(s->arena, p, length));
}

/* A condition and its #elif lines. */
static void keep_group(Slice *s, Item *group)
{
    group->kept |= s->part;
    if (group->silent) return;
    keep_names_in(s, group->code);
    for (int i = 0; i < s->items.count; i++) {
        const Item *branch = s->items.at[i];
        if (branch->kind == ITEM_ELSE && branch->group == group) keep_names_in(s, branch->code);
    }
}

/* The names that an item and the conditions around it use. */
static void follow_item(Slice *s, const Item *item)
{
    keep_names_in(s, item->code);
    for (Item *group = item->group; group && !(group->kept & s->part); group = group->group) keep_group(s, group);
}

static void follow_pending(Slice *s)
{
    while (s->pending.count) follow_item(s, s->pending.at[--s->pending.count]);
}

/* Under a condition that is printed; other headers are included at the top of the file. */
static bool is_conditional(const Item *item)
{
    for (const Item *group = item->group; group; group = group->group)
        if (!group->silent) return true;
    return false;
}

/* What the used names need in one of the parts. */
static void keep_part(Slice *s, SlicePart part, const Map *used)
{
    s->part = part;
    for (int i = 0; i < map_count(used); i++) keep_name(s, map_key(used, i));
    follow_pending(s);
}

/* An #include keeps the conditions around it. */
static void keep_includes(Slice *s)
{
    for (int i = 0; i < s->items.count; i++) {
        Item *item = s->items.at[i];
        if (item->kind == ITEM_INCLUDE && is_conditional(item)) keep_item(s, item);
    }
    follow_pending(s);
}

/* ---- printing --------------------------------------------------------------------- */

static bool is_printed(const Item *item, SlicePart part)
{
    switch (item->kind) {
    case ITEM_CODE:
    case ITEM_INCLUDE: return item->kept & part;
    case ITEM_IF: return item->kept & part && !item->silent;
    default: return item->group->kept & part && !item->group->silent;
    }
}

static bool is_one_line(const Item *item) { return !strchr(item->text, '\n'); }

/* A prototype of a linked kernel as that of a static function, in one line. */
static void print_prototype(const Item *item, Text *out)
{
    text_add(out, "static ");
    for (const char *p = item->code; *p; p++) {
        while (isspace((unsigned char)p[0]) && isspace((unsigned char)p[1])) p++;
        text_add_bytes(out, isspace((unsigned char)*p) ? " " : p, 1);
    }
    text_add(out, "\n");
}

/* Functions stand apart; declarations and directives of a line stand together, and
 * prototypes do. */
static void print(const Slice *s, SlicePart part, bool prototypes, Text *out)
{
    const Item *before = NULL;
    for (int i = 0; i < s->items.count; i++) {
        const Item *item = s->items.at[i];
        if (!is_printed(item, part) || item->is_prototype != prototypes) continue;
        bool apart = before && !prototypes && !(is_one_line(before) && is_one_line(item)) && before->kind != ITEM_IF &&
                     before->kind != ITEM_ELSE && item->kind != ITEM_ELSE && item->kind != ITEM_ENDIF;
        if (apart) text_add(out, "\n");
        if (prototypes) {
            print_prototype(item, out);
        } else {
            text_add(out, item->text);
            text_add(out, "\n");
        }
        before = item;
    }
}

static void list_includes(const Slice *s, Map *includes)
{
    for (int i = 0; i < s->items.count; i++) {
        const Item *item = s->items.at[i];
        if (item->kind == ITEM_INCLUDE && !is_conditional(item)) map_put(includes, item->text, includes);
    }
}

KernelSlice kernel_slice(Arena *arena, const char *text, const Map *used)
{
    Slice s = {.arena = arena, .definers = map_new(arena), .prototypes = map_new(arena)};
    KernelSlice slice = {.includes = map_new(arena)};
    Text types, prototypes, definitions;
    text_init(&types, arena);
    text_init(&prototypes, arena);
    text_init(&definitions, arena);
    cut(&s, text);
    keep_part(&s, PART_DECLARATIONS, used);
    keep_part(&s, PART_DEFINITIONS, used);
    keep_includes(&s);
    list_includes(&s, slice.includes);
    print(&s, PART_DECLARATIONS, false, &types);
    print(&s, PART_DECLARATIONS, true, &prototypes);
    print(&s, PART_DEFINITIONS, false, &definitions);
    slice.types = types.data;
    slice.prototypes = prototypes.data;
    slice.definitions = definitions.data;
    return slice;
}
