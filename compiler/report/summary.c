/*
 * The summary of one net: totals, memory, other batches.
 */
#include "report/summary.h"

#include "report/metrics.h"
#include "report/number_text.h"

const char *summary_heading(const Report *r, Arena *arena)
{
    const Analysis *a = r->net[0];
    Text text;
    text_init(&text, arena);
    text_addf(&text, "%s:", r->title[0]);
    for (int i = 0; i < a->net->inputs.count; i++) {
        const Tensor *t = a->net->inputs.at[i];
        text_addf(&text, "%s %s", i ? "," : "", shape_text(arena, t->shape));
    }
    text_addf(&text, " -> %s", shape_text(arena, a->net->output->shape));
    for (int i = 0; i < a->net->outputs.count; i++) {
        const Head *output = a->net->outputs.at[i];
        text_addf(&text, ", %s %s", output->name, shape_text(arena, output->output->shape));
    }
    text_addf(&text, "; bytes are for a batch of %lld", (long long)a->batch);
    return text.data;
}

const char *head_words(Arena *arena, const Head *head)
{
    Text text;
    text_init(&text, arena);
    text_addf(&text, "weight %g", head->weight);
    if (head->loss.op) text_addf(&text, ", loss %s", head->loss.op->name);
    if (head->target) text_addf(&text, ", target %s", head->target);
    return text.data;
}

List *summary_parts(const Analysis *a, Arena *arena, int depth)
{
    int heads = a->net->heads.count;
    List *part = arena_alloc(arena, (size_t)(heads + 2) * sizeof *part);
    block_rows(arena, block_tree(a, arena, LAYER_MAIN, NULL), depth, &part[0]);
    for (int h = 0; h < heads; h++)
        block_rows(arena, block_tree(a, arena, LAYER_HEAD, a->net->heads.at[h]), depth, &part[1 + h]);
    block_rows(arena, block_tree(a, arena, LAYER_UNUSED, NULL), depth, &part[1 + heads]);
    return part;
}

/* ---- totals --------------------------------------------------------------------- */

static ReportTable *totals_table(const Analysis *a, Arena *arena)
{
    ReportTable *t = report_table_new(arena, "totals");
    report_table_column(t, NULL, true);
    report_table_column(t, NULL, false);
    report_table_column(t, NULL, true);
    List all = net_metrics(a, arena);
    for (int i = 0; i < all.count; i++) {
        const Metric *f = all.at[i];
        if (!metric_is_shown(f, false)) continue;
        const char **row = report_table_row(t);
        row[0] = f->label;
        row[1] = f->text;
        row[2] = f->note;
    }
    return t;
}

/* ---- memory ---------------------------------------------------------------------- */

static void memory_row(ReportTable *t, const char *what, int64_t model, int64_t scratch, const char *note)
{
    const char **row = report_table_row(t);
    row[0] = what;
    row[1] = number_grouped(t->arena, model);
    row[2] = number_grouped(t->arena, scratch);
    row[3] = number_grouped(t->arena, model + scratch);
    row[4] = note;
}

static const char *lower_bound_note(Arena *arena, const ReportMemory *m)
{
    return arena_printf(arena, "scratch is at least %s in any plan", number_grouped(arena, m->lower_bound));
}

static const char *model_text(const Analysis *a, Arena *arena)
{
    Text text;
    text_init(&text, arena);
    text_addf(&text, "%s of parameters", number_grouped(arena, a->parameter_bytes));
    if (a->buffer_bytes) text_addf(&text, ", %s of buffers", number_grouped(arena, a->buffer_bytes));
    if (a->prepared_bytes) text_addf(&text, ", %s of prepacked weights", number_grouped(arena, a->prepared_bytes));
    if (a->step.plan) text_addf(&text, ", %s of optimizer state", number_grouped(arena, a->optimizer_bytes));
    return text.data;
}

static ReportTable *memory_table(const Analysis *a, Arena *arena)
{
    ReportTable *t = report_table_new(arena, arena_printf(arena, "memory in bytes, batch %lld", (long long)a->batch));
    report_table_column(t, "", true);
    report_table_column(t, "model", false);
    report_table_column(t, "scratch", false);
    report_table_column(t, "total", false);
    report_table_column(t, "", true);
    memory_row(t, "inference", a->infer_model, a->infer.arena, lower_bound_note(arena, &a->infer));
    if (a->step.plan) {
        memory_row(t, "training", a->train_model, a->train_arena, "covers step, gradients and evaluation");
        memory_row(t, "  a step", a->train_model, a->step.arena, lower_bound_note(arena, &a->step));
    } else {
        const char **row = report_table_row(t);
        row[0] = "training";
        row[1] = row[2] = row[3] = "n/a";
        row[4] = "there is no train section";
    }
    return t;
}

static ReportTable *model_note(const Analysis *a, Arena *arena)
{
    ReportTable *t = report_table_new(arena, NULL);
    report_table_column(t, NULL, true);
    report_table_row(t)[0] = arena_printf(
        arena, "The model holds %s; the caller provides %s of input and %s of output.%s", model_text(a, arena),
        number_grouped(arena, a->input_bytes), number_grouped(arena, a->output_bytes),
        a->options.bf16_values ? "  Layers hand bf16 to each other." : "");
    return t;
}

/* ---- other batches ------------------------------------------------------------------ */

static ReportTable *growth_table(const Analysis *a, Arena *arena)
{
    ReportTable *t = report_table_new(arena, "memory for other batch sizes, model and scratch");
    bool limit = a->options.memory_limit;
    report_table_column(t, "batch", false);
    report_table_column(t, "inference", false);
    report_table_column(t, "training", false);
    report_table_column(t, limit ? "within the limit" : NULL, true);
    for (int i = 0; i < a->growth.count; i++) {
        const MemoryAt *at = a->growth.at[i];
        const char **row = report_table_row(t);
        row[0] = number_grouped(arena, at->batch);
        row[1] = number_grouped(arena, at->infer_model + at->infer);
        row[2] = at->train ? number_grouped(arena, a->train_model + at->train) : "n/a";
        row[3] = limit ? (at->fits ? "yes" : "no") : NULL;
    }
    return t;
}

static ReportTable *limit_table(const Analysis *a, Arena *arena)
{
    ReportTable *t = report_table_new(arena, NULL);
    const char *what = a->largest_trains ? "training" : "inference";
    const char *limit = number_grouped(arena, a->options.memory_limit);
    report_table_column(t, NULL, true);
    const char **row = report_table_row(t);
    if (a->largest_batch > 0)
        row[0] = arena_printf(arena, "largest batch for %s within %s bytes: %s", what, limit,
                              number_grouped(arena, a->largest_batch));
    else
        row[0] = arena_printf(arena, "no batch size fits for %s within %s bytes", what, limit);
    return t;
}

List summary_sections(const Report *r, Arena *arena)
{
    const Analysis *a = r->net[0];
    List sections = {0};
    if (r->backward) list_push(arena, &sections, backward_table(a, arena));
    list_push(arena, &sections, totals_table(a, arena));
    list_push(arena, &sections, memory_table(a, arena));
    list_push(arena, &sections, model_note(a, arena));
    if (a->growth.count) list_push(arena, &sections, growth_table(a, arena));
    if (a->largest_batch >= 0) list_push(arena, &sections, limit_table(a, arena));
    return sections;
}
