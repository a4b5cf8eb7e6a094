/*
 * Files and imports: the interface of the front end.
 *
 * Enters: a path or a text.  Leaves: a File that holds the definitions of all
 * imports, each file once and before its importer's own, or diagnostics.  A file
 * is known by device and inode, so that two spellings of a path are one file; the
 * files that are being read form a chain, and an import of one of the chain is a
 * circle.
 */
#include "front/parse.h"

#include "front/parser.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* The standard blocks, compiled in from compiler/std. */
extern const char std_library_text[];

static const char std_path[] = "<std>";

/* A file that has been read or is being read. */
typedef struct Unit {
    struct Unit *importer;
    Span span;        /* of the import, nowhere for the first file */
    const char *path; /* as it is named in messages */
    dev_t device;
    ino_t inode;
    bool on_disk, done;
} Unit;

typedef struct Loader {
    Compilation *c;
    File *file;
    List units; /* of Unit */
    Map *defs, *lets;
    bool failed;
} Loader;

static bool load_unit_text(Loader *, Unit *, const char *text, size_t size);

/* ---- reading ---------------------------------------------------------------------- */

static bool refuse(Loader *loader, Span span, const char *path, const char *reason)
{
    diag_error(loader->c, span, "cannot read %s: %s", path, reason);
    loader->failed = true;
    return false;
}

/* The whole stream into `text`; false and errno, or a text beyond the bound. */
static bool read_source_stream(FILE *stream, Text *text)
{
    enum { PIECE = 1 << 16 };
    char *piece = arena_alloc(text->arena, PIECE);
    size_t got;
    errno = 0;
    while ((got = fread(piece, 1, PIECE, stream)) > 0 && text->length <= FRONT_MAX_SOURCE)
        text_add_bytes(text, piece, got);
    return !ferror(stream);
}

static bool load_stream(Loader *loader, Unit *unit, FILE *stream)
{
    Text text;
    text_init(&text, loader->c->arena);
    if (!read_source_stream(stream, &text)) return refuse(loader, unit->span, unit->path, strerror(errno));
    return load_unit_text(loader, unit, text.data, text.length);
}

/* Anything that can be read may be a net, a pipe too; what is imported is a file, and nothing
 * else is waited for. */
static const char *open_source(const Unit *unit, const char *path, FILE **stream)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | (unit->importer ? O_NONBLOCK : 0));
    *stream = fd < 0 ? NULL : fdopen(fd, "rb");
    if (*stream == NULL) return strerror(errno);
    if (fstat(fd, &status) != 0 || S_ISREG(status.st_mode)) return NULL;
    if (S_ISDIR(status.st_mode)) return strerror(EISDIR);
    return unit->importer ? "it is a pipe or a device, not a file" : NULL;
}

static bool load_path(Loader *loader, Unit *unit, const char *path)
{
    FILE *stream;
    const char *reason = open_source(unit, path, &stream);
    bool good = reason ? refuse(loader, unit->span, path, reason) : load_stream(loader, unit, stream);
    if (stream) fclose(stream);
    return good;
}

/* ---- units -------------------------------------------------------------------------- */

static Unit *unit_new(Loader *loader, Unit *importer, Span span, const char *path)
{
    struct stat status;
    Unit *unit = arena_alloc(loader->c->arena, sizeof *unit);
    *unit = (Unit){.importer = importer, .span = span, .path = path};
    if (stat(path, &status) == 0) {
        unit->on_disk = true;
        unit->device = status.st_dev;
        unit->inode = status.st_ino;
    }
    return unit;
}

static bool is_same(const Unit *a, const Unit *b)
{
    if (a->on_disk && b->on_disk) return a->device == b->device && a->inode == b->inode;
    return a->on_disk == b->on_disk && strcmp(a->path, b->path) == 0;
}

static const Unit *find_unit(const Loader *loader, const Unit *unit)
{
    for (int i = 0; i < loader->units.count; i++)
        if (is_same(loader->units.at[i], unit)) return loader->units.at[i];
    return NULL;
}

static int chain_length(const Unit *unit)
{
    int length = 0;
    for (; unit != NULL; unit = unit->importer) length++;
    return length;
}

/* a.nn -> b.nn -> a.nn, and a note at each import on the way. */
static void report_circle(Loader *loader, const Unit *first, const Unit *again)
{
    const char *chain = again->path;
    for (const Unit *unit = again->importer; unit != first; unit = unit->importer)
        chain = arena_printf(loader->c->arena, "%s -> %s", unit->path, chain);
    diag_error(loader->c, again->span, "circular import: %s -> %s", first->path, chain);
    for (const Unit *unit = again->importer; unit != first; unit = unit->importer)
        diag_note(loader->c, unit->span, "%s is imported here", unit->path);
    loader->failed = true;
}

static void load_import(Loader *loader, Unit *importer, const Import *import)
{
    const char *path = import->path == NULL ? std_path : source_relative(loader->c, import->span, import->path);
    Unit *unit = unit_new(loader, importer, import->span, path);
    const Unit *known = find_unit(loader, unit);
    if (known != NULL && !known->done) {
        report_circle(loader, known, unit);
    } else if (chain_length(unit) > FRONT_MAX_IMPORTS) {
        diag_error(loader->c, import->span, "imports are nested too deeply: more than %d files", FRONT_MAX_IMPORTS);
        loader->failed = true;
    } else if (known == NULL && import->path == NULL) {
        load_unit_text(loader, unit, std_library_text, strlen(std_library_text));
    } else if (known == NULL) {
        load_path(loader, unit, path);
    }
}

/* ---- merging ---------------------------------------------------------------------------- */

static void report_twice(Loader *loader, const char *kind, const char *name, Span second, Span first)
{
    diag_error(loader->c, second, "%s `%s` is defined twice", kind, name);
    diag_note(loader->c, first, "the first definition is here");
    loader->failed = true;
}

static void merge_lets(Loader *loader, const List *lets)
{
    for (int i = 0; i < lets->count; i++) {
        Let *let = lets->at[i];
        const Let *first = map_get(loader->lets, let->name);
        if (first != NULL) report_twice(loader, "constant", let->name, let->name_span, first->name_span);
        map_put(loader->lets, let->name, let);
        list_push(loader->c->arena, &loader->file->lets, let);
    }
}

static void merge_defs(Loader *loader, const List *defs, List *into)
{
    static const char *const kind[] = {"block", "net"};
    for (int i = 0; i < defs->count; i++) {
        Def *def = defs->at[i];
        const Def *first = map_get(loader->defs, def->name);
        if (first != NULL && first->kind == def->kind) {
            report_twice(loader, kind[def->kind], def->name, def->name_span, first->name_span);
        } else if (first != NULL) {
            diag_error(loader->c, def->name_span, "`%s` cannot be both a block and a net", def->name);
            diag_note(loader->c, first->name_span, "the %s is here", kind[first->kind]);
            loader->failed = true;
        }
        map_put(loader->defs, def->name, def);
        list_push(loader->c->arena, into, def);
    }
}

/* A net has one train section in a file; that of an import may be followed by another. */
static void merge_trains(Loader *loader, const List *trains)
{
    Map *known = map_new(loader->c->arena);
    for (int i = 0; i < trains->count; i++) {
        Train *train = trains->at[i];
        const Train *first = map_get(known, train->name);
        if (first != NULL)
            report_twice(loader, "the train section of", train->name, train->name_span, first->name_span);
        map_put(known, train->name, train);
        list_push(loader->c->arena, &loader->file->trains, train);
    }
}

/* ---- parsing ---------------------------------------------------------------------------- */

Parse parse_source(Compilation *c, const char *path, const char *text, size_t size, int begin, ParseStart start)
{
    Parse parse = {.c = c, .arena = c->arena, .size = (int)size, .last_error = -1};
    parse.file = source_add(c, path, text, size);
    parse.text = ((const Source *)c->sources.at[parse.file])->text;
    parse.memory_before = arena_used(c->arena);
    literal_check_utf8(&parse);
    tokens_open(&parse, begin, start);
    if (parser_parse(&parse) != 0) parse.failed = true;
    tokens_close(&parse);
    return parse;
}

static bool load_unit_text(Loader *loader, Unit *unit, const char *text, size_t size)
{
    if (size > FRONT_MAX_SOURCE)
        return refuse(loader, unit->span, unit->path,
                      arena_printf(loader->c->arena, "it is larger than %d MiB", FRONT_MAX_SOURCE >> 20));
    list_push(loader->c->arena, &loader->units, unit);
    Parse parse = parse_source(loader->c, unit->path, text, size, 0, START_AT_FILE);
    loader->failed = loader->failed || parse.failed;
    for (int i = 0; i < parse.imports.count && !diag_full(loader->c); i++)
        load_import(loader, unit, parse.imports.at[i]);
    merge_lets(loader, &parse.lets);
    merge_defs(loader, &parse.blocks, &loader->file->blocks);
    merge_defs(loader, &parse.nets, &loader->file->nets);
    merge_trains(loader, &parse.trains);
    loader->file->source = parse.file; /* the last one to come here is the file itself */
    loader->file->own_nets = parse.nets.count;
    unit->done = true;
    return !parse.failed;
}

static Loader loader_new(Compilation *c)
{
    Loader loader = {.c = c, .defs = map_new(c->arena), .lets = map_new(c->arena)};
    loader.file = arena_alloc(c->arena, sizeof *loader.file);
    return loader;
}

File *front_parse_file(Compilation *c, const char *path)
{
    Loader loader = loader_new(c);
    bool is_stdin = strcmp(path, "-") == 0;
    Unit *unit = unit_new(&loader, NULL, span_nowhere(), is_stdin ? "<stdin>" : path);
    if (is_stdin)
        load_stream(&loader, unit, stdin);
    else
        load_path(&loader, unit, path);
    return loader.failed ? NULL : loader.file;
}

File *front_parse_text(Compilation *c, const char *path, const char *text, size_t size)
{
    Loader loader = loader_new(c);
    load_unit_text(&loader, unit_new(&loader, NULL, span_nowhere(), path), text, size);
    return loader.failed ? NULL : loader.file;
}

Expr *front_parse_expr(Compilation *c, const char *path, const char *text)
{
    return front_parse_expr_at(c, path, text, 0);
}

Expr *front_parse_expr_at(Compilation *c, const char *path, const char *text, int begin)
{
    Parse parse = parse_source(c, path, text, strlen(text), begin, START_AT_EXPR);
    return parse.failed ? NULL : parse.expr;
}

Train *front_parse_train_items(Compilation *c, const char *path, const char *text)
{
    Parse parse = parse_source(c, path, text, strlen(text), 0, START_AT_ITEMS);
    if (parse.failed) return NULL;
    Train *train = arena_alloc(c->arena, sizeof *train);
    Span all = {parse.file, 0, parse.size};
    *train = (Train){.name = "", .name_span = all, .span = all, .items = *parse.items};
    return train;
}

const char *front_expr_text(const Compilation *c, const Expr *expr)
{
    const Source *source = c->sources.at[expr->span.file];
    return arena_strndup(c->arena, source->text + expr->span.begin, (size_t)(expr->span.end - expr->span.begin));
}
