/*
 * Places the boxes of a figure.
 *
 * In: boxes in execution order.  Out: their positions.  A set of boxes is split at those that
 * every path passes; what is between two of them is placed in the same way, unconnected parts as
 * rows above each other.  Equal parts that follow each other are shown once, with their number.
 */
#include <math.h>
#include <string.h>

#include "report/figure.h"

enum { COLUMN_GAP = 22, ROW_GAP = 12, BRACKET = 26 };
enum { LOOSE_FROM = 100, PERIOD_MAX = 8, PLAIN_COUNT = 3, PLAIN_BOXES = 8 };

typedef struct FigurePlacer {
    Figure *figure;
    Arena *arena;
    List runs;   /* of FigureRun */
    int depth;   /* of sequences in each other */
    double *cut; /* in the outermost one: where a row may end */
    int cuts;
    bool loose; /* what repeats may differ in channels and arguments */
    int *at;    /* scratch, by box: its position in the set at hand, or −1 */
} FigurePlacer;

typedef struct FigureRun {
    List boxes;
    int count;
} FigureRun;

/* Around the axis of what was placed. */
typedef struct FigureExtent {
    double right, above, below;
} FigureExtent;

typedef struct FigureItem {
    List boxes;     /* one, or the parallel part between two */
    int repeats;    /* of a run's first item: how often it is there */
    int run_length; /* and its items */
} FigureItem;

static FigureExtent place_set(FigurePlacer *, const List *set, double x);

/* ---- splitting ------------------------------------------------------------------- */

static void number_set(FigurePlacer *p, const List *set)
{
    for (int i = 0; i < p->figure->boxes.count; i++) p->at[i] = -1;
    for (int i = 0; i < set->count; i++) p->at[((const FigureBox *)set->at[i])->id] = i;
}

static int *new_numbers(FigurePlacer *p, int count) { return arena_alloc(p->arena, ((size_t)count + 1) * sizeof(int)); }

/* Sets cut[i] where no edge of the set leads past box i.  What enters the set is an edge from
 * before it, what leaves it one to behind it. */
static bool find_cuts(FigurePlacer *p, const List *set, bool *cut)
{
    int *until = new_numbers(p, set->count + 1); /* by position + 1: how far its edges reach */
    bool *read = arena_alloc(p->arena, (size_t)set->count + 1), any = false;
    number_set(p, set);
    for (int i = 0; i < set->count; i++) {
        const FigureBox *b = set->at[i];
        bool source = true;
        for (int k = 0; k < b->from.count; k++) {
            const int from = p->at[((const FigureBox *)b->from.at[k])->id];
            if (from < 0) continue;
            source = false;
            read[from] = true;
            until[from + 1] = i;
        }
        if (source) until[0] = i;
    }
    for (int i = 0, reach = 0; i < set->count; i++) {
        if (until[i] > reach) reach = until[i];
        if (i && !read[i - 1]) reach = set->count;
        cut[i] = reach <= i;
        any |= cut[i];
    }
    return any;
}

static FigureItem *new_item(FigurePlacer *p, List *items)
{
    FigureItem *item = arena_alloc(p->arena, sizeof *item);
    list_push(p->arena, items, item);
    return item;
}

static void split_sequence(FigurePlacer *p, const List *set, List *items)
{
    bool *cut = arena_alloc(p->arena, (size_t)set->count + 1);
    const bool any = find_cuts(p, set, cut);
    FigureItem *open = NULL;
    for (int i = 0; i < set->count; i++) {
        const bool alone = cut[i] || !any;
        if (alone || !open) open = new_item(p, items);
        list_push(p->arena, &open->boxes, set->at[i]);
        if (alone) open = NULL;
    }
}

/* The unconnected parts of a set, in order of their first boxes. */
static void split_rows(FigurePlacer *p, const List *set, List *rows)
{
    int *part = new_numbers(p, set->count);
    number_set(p, set);
    for (int i = 0; i < set->count; i++) {
        const FigureBox *b = set->at[i];
        part[i] = i;
        for (int k = 0; k < b->from.count; k++) {
            const int from = p->at[((const FigureBox *)b->from.at[k])->id];
            if (from < 0 || part[from] == part[i]) continue;
            const int low = part[from] < part[i] ? part[from] : part[i], high = part[from] + part[i] - low;
            for (int j = 0; j <= i; j++)
                if (part[j] == high) part[j] = low;
        }
    }
    for (int i = 0; i < set->count; i++) {
        if (part[i] != i) continue;
        FigureItem *row = new_item(p, rows);
        for (int j = i; j < set->count; j++)
            if (part[j] == i) list_push(p->arena, &row->boxes, set->at[j]);
    }
}

/* ---- repetitions ----------------------------------------------------------------- */

/* `inside` a parallel part, whose end shows its height and width: padding along the channels has others. */
static void add_box_signature(const FigurePlacer *p, Text *text, const FigureBox *b, bool inside)
{
    const char *sides = strchr(b->shape, 'x');
    if (p->loose)
        text_addf(text, "%s %s", b->kind, inside ? "" : sides ? sides : b->shape);
    else
        text_addf(text, "%s(%s) %s", b->kind, b->layer ? b->layer->arguments : "", b->shape);
    for (int i = 0; i < b->slabs.count; i++) text_addf(text, "/%d", ((const FigureSlab *)b->slabs.at[i])->kind);
    for (int i = 0; i < b->from.count && !(p->loose && b->from.count > 2); i++)
        text_addf(text, "-%d", b->id - ((const FigureBox *)b->from.at[i])->id);
    text_add(text, ";");
}

static const char *item_signature(const FigurePlacer *p, const FigureItem *item)
{
    Text text;
    text_init(&text, p->arena);
    for (int i = 0; i < item->boxes.count; i++) add_box_signature(p, &text, item->boxes.at[i], item->boxes.count > 1);
    return text.data;
}

/* How often the `period` items from i on are there, one after the other. */
static int count_repeats(const char **signature, int count, int i, int period)
{
    int n = 1;
    for (int k = i; k + period < count && strcmp(signature[k], signature[k + period]) == 0; k++)
        n = 1 + (k + 1 - i) / period;
    return n;
}

/* Blocks are worth folding where there are two, plain layers only where they are many. */
static bool is_worth_folding(const List *items, int i, int period, int n)
{
    for (int k = i; k < i + period; k++)
        if (((const FigureItem *)items->at[k])->boxes.count > 1) return n > 1;
    return n >= PLAIN_COUNT && n * period >= PLAIN_BOXES;
}

/* All but the last of a run's repetitions go; what read them reads what is before the run. */
static void hide_items(const List *items, int i, int hidden)
{
    FigureBox *before = ((const FigureItem *)items->at[i - 1])->boxes.at[0];
    for (int k = i; k < i + hidden; k++) {
        const FigureItem *item = items->at[k];
        for (int j = 0; j < item->boxes.count; j++) ((FigureBox *)item->boxes.at[j])->shown = before;
    }
}

/* The period from i on that covers most items, 0 for none. */
static int best_period(const List *items, const char **signature, int i, int *repeats)
{
    int best = 0;
    *repeats = 1;
    for (int period = 1; period <= PERIOD_MAX && i + 2 * period <= items->count; period++) {
        const int n = count_repeats(signature, items->count, i, period);
        if (n * period <= best * *repeats || !is_worth_folding(items, i, period, n)) continue;
        best = period;
        *repeats = n;
    }
    return best;
}

static void fold_repeats(FigurePlacer *p, const List *items, List *shown)
{
    const char **signature = arena_alloc(p->arena, ((size_t)items->count + 1) * sizeof *signature);
    for (int i = 0; i < items->count; i++) signature[i] = item_signature(p, items->at[i]);
    for (int i = 0, n; i < items->count; i++) {
        const bool after_one = i > 0 && ((const FigureItem *)items->at[i - 1])->boxes.count == 1;
        const int period = after_one ? best_period(items, signature, i, &n) : 0;
        if (period) {
            hide_items(items, i, (n - 1) * period);
            i += (n - 1) * period;
            ((FigureItem *)items->at[i])->repeats = n;
            ((FigureItem *)items->at[i])->run_length = period;
            for (int k = 1; k < period; k++) list_push(p->arena, shown, items->at[i++]);
        }
        list_push(p->arena, shown, items->at[i]);
    }
}

static void add_repeat_run(FigurePlacer *p, const List *items, int i)
{
    const FigureItem *first = items->at[i];
    FigureRun *run = arena_alloc(p->arena, sizeof *run);
    run->count = first->repeats;
    for (int k = i; k < i + first->run_length; k++) {
        const FigureItem *item = items->at[k];
        for (int j = 0; j < item->boxes.count; j++) list_push(p->arena, &run->boxes, item->boxes.at[j]);
    }
    list_push(p->arena, &p->runs, run);
}

/* ---- places ---------------------------------------------------------------------- */

static FigureExtent place_box(FigureBox *b, double x)
{
    const double own = b->depth + b->oblique, width = fmax(own, figure_label_width(b));
    const double half = (b->height + b->oblique) / 2;
    b->x = x + (width - own) / 2;
    b->y = (b->oblique - b->height) / 2;
    return (FigureExtent){x + width, half, half + 2 * FIGURE_LINE + 4};
}

/* Between two items of the outermost sequence, but not within a run. */
static void add_cut(FigurePlacer *p, const FigureItem *item, double x, int *in_run)
{
    if (p->depth == 1 && !*in_run && x > 0) p->cut[p->cuts++] = x - COLUMN_GAP / 2.0;
    if (item->repeats > 1) *in_run = item->run_length;
    if (*in_run) --*in_run;
}

static FigureExtent place_sequence(FigurePlacer *p, const List *set, double x)
{
    int in_run = 0;
    p->depth++;
    FigureExtent all = {.right = x - COLUMN_GAP};
    List items = {0}, shown = {0};
    split_sequence(p, set, &items);
    fold_repeats(p, &items, &shown);
    double below = 0;
    for (int i = 0; i < shown.count; i++) {
        const FigureItem *item = shown.at[i];
        x = all.right + COLUMN_GAP;
        add_cut(p, item, x, &in_run);
        const FigureExtent e = item->boxes.count == 1 ? place_box(item->boxes.at[0], x) : place_set(p, &item->boxes, x);
        all = (FigureExtent){e.right, fmax(all.above, e.above), fmax(all.below, e.below)};
        if (item->repeats > 1) {
            add_repeat_run(p, &shown, i);
            below = BRACKET;
        }
    }
    all.below += below;
    p->depth--;
    return all;
}

static void shift_boxes(const List *boxes, double down)
{
    for (int i = 0; i < boxes->count; i++) ((FigureBox *)boxes->at[i])->y += down;
}

/* Of two rows the longer one stays on the axis; more are centred on it. */
static FigureExtent stack_rows(const List *rows, const FigureExtent *e)
{
    const FigureItem *first = rows->at[0], *last = rows->at[rows->count - 1];
    const bool swapped = rows->count == 2 && last->boxes.count > first->boxes.count;
    FigureExtent all = {0};
    double total = (rows->count - 1) * ROW_GAP;
    for (int i = 0; i < rows->count; i++) total += e[i].above + e[i].below;
    double y = rows->count == 2 ? -e[swapped].above : -total / 2;
    all.above = -y;
    all.below = total + y;
    for (int i = 0; i < rows->count; i++) {
        const int k = swapped ? rows->count - 1 - i : i;
        shift_boxes(&((const FigureItem *)rows->at[k])->boxes, y + e[k].above);
        y += e[k].above + e[k].below + ROW_GAP;
        all.right = fmax(all.right, e[k].right);
    }
    return all;
}

static FigureExtent place_set(FigurePlacer *p, const List *set, double x)
{
    List rows = {0};
    split_rows(p, set, &rows);
    if (rows.count == 1) return place_sequence(p, set, x);
    p->depth++; /* what stands above each other is no outermost sequence */
    FigureExtent *e = arena_alloc(p->arena, (size_t)rows.count * sizeof *e);
    for (int i = 0; i < rows.count; i++) e[i] = place_sequence(p, &((const FigureItem *)rows.at[i])->boxes, x);
    p->depth--;
    return stack_rows(&rows, e);
}

/* ---- the figure ------------------------------------------------------------------ */

static void keep_shown(Figure *f)
{
    int count = 0;
    for (int i = 0; i < f->boxes.count; i++) {
        FigureBox *b = f->boxes.at[i];
        if (b->shown == b) f->boxes.at[count++] = b;
    }
    f->boxes.count = count;
}

static void add_bracket(FigurePlacer *p, const FigureRun *run)
{
    FigureRepeat *r = arena_alloc(p->arena, sizeof *r);
    double left = INFINITY, right = 0, y = -INFINITY;
    for (int i = 0; i < run->boxes.count; i++) {
        const FigureBox *b = run->boxes.at[i];
        if (b->shown != b) continue;
        left = fmin(left, b->x);
        right = fmax(right, b->x + b->depth + b->oblique);
        y = fmax(y, b->y + b->height + 2 * FIGURE_LINE + 8);
    }
    *r = (FigureRepeat){left, right - left, y, run->count};
    list_push(p->arena, &p->figure->repeats, r);
}

/* Moves all down so that nothing is above 0. */
static void settle(Figure *f, double above)
{
    shift_boxes(&f->boxes, above);
    for (int i = 0; i < f->repeats.count; i++) ((FigureRepeat *)f->repeats.at[i])->y += above;
    for (int i = 0; i < f->arrows.count; i++) {
        FigureArrow *arrow = f->arrows.at[i];
        for (int k = 0; k < arrow->points; k++) arrow->at[k][1] += above;
    }
}

static double highest_arrow(const Figure *f)
{
    double top = 0;
    for (int i = 0; i < f->arrows.count; i++) {
        const FigureArrow *arrow = f->arrows.at[i];
        for (int k = 0; k < arrow->points; k++) top = fmin(top, arrow->at[k][1]);
    }
    return -top;
}

Figure *figure_of(const Analysis *a, const char *title, Arena *arena)
{
    Figure *f = arena_alloc(arena, sizeof *f);
    FigurePlacer p = {.figure = f, .arena = arena};
    f->title = title;
    figure_boxes(f, a, arena);
    p.loose = f->boxes.count > LOOSE_FROM;
    p.at = new_numbers(&p, f->boxes.count);
    for (int i = 0; i < f->boxes.count; i++) ((FigureBox *)f->boxes.at[i])->shown = f->boxes.at[i];
    p.cut = arena_alloc(arena, ((size_t)f->boxes.count + 1) * sizeof *p.cut);
    const List all = f->boxes;
    FigureExtent e = place_set(&p, &all, 0);
    keep_shown(f);
    for (int i = 0; i < p.runs.count; i++) add_bracket(&p, p.runs.at[i]);
    figure_arrows(f, arena);
    e.above = fmax(e.above, highest_arrow(f));
    settle(f, e.above);
    f->width = e.right;
    f->height = e.above + e.below;
    if (!figure_fold_u(f, arena)) figure_wrap(f, p.cut, p.cuts, arena);
    return f;
}
