/*
 * The head of a run, line by line.
 */
#include "commands/train/train_facts.h"

#include <inttypes.h>

static void add_fact(Arena *arena, List *facts, const char *name, const char *text)
{
    TrainFact *fact = arena_alloc(arena, sizeof *fact);
    *fact = (TrainFact){name, arena_strdup(arena, text)};
    list_push(arena, facts, fact);
}

static const char *net_text(Arena *arena, const nn_model_info *info)
{
    size_t frozen = 0;
    for (int i = 0; i < info->tensor_count; i++)
        frozen += info->tensors[i].kind == NN_FROZEN ? info->tensors[i].count : 0;
    const char *text = arena_printf(arena, "%s, %zu parameters", info->name, info->params);
    return frozen ? arena_printf(arena, "%s (%zu frozen)", text, frozen) : text;
}

static void add_data_facts(Arena *arena, List *facts, const Feeding *f)
{
    char text[1024];
    add_fact(arena, facts, "data", feeding_data_text(f, arena));
    add_fact(arena, facts, "input", feeding_normalize_text(f, text, sizeof text));
    if (f->feed.augment) add_fact(arena, facts, "augment", feeding_augment_text(f, text, sizeof text));
}

static const char *resumed_text(Arena *arena, const TrainFactsInput *in)
{
    return arena_printf(arena, "%s: epoch %s, step %s", in->resume_path,
                        nn_tensors_metadata(in->resumed, "state.epoch"),
                        nn_tensors_metadata(in->resumed, "state.step"));
}

static const char *batch_fact(Arena *arena, const TrainFactsInput *in)
{
    const int batch = in->m->info->batch;
    return in->chunked ? arena_printf(arena, "%" PRId64 " in chunks of %d", in->chunked, batch)
                       : arena_printf(arena, "%d", batch);
}

List train_facts(const TrainFactsInput *in)
{
    Arena *arena = in->m->c->arena;
    const nn_model_info *info = in->m->info, *teacher = in->teacher->info;
    const TrainSpec *spec = in->m->spec;
    const char *memory = model_memory_text(in->m);
    List facts = {0};
    add_fact(arena, &facts, "net", net_text(arena, info));
    add_data_facts(arena, &facts, in->feeding);
    if (teacher)
        add_fact(arena, &facts, "teacher",
                 arena_printf(arena, "%s, %zu parameters, %s", teacher->name, teacher->params, spec->teacher.weights));
    add_fact(arena, &facts, "batch",
             arena_printf(arena, "%s, %s, %s", batch_fact(arena, in), info->loss, spec->optimizer.op->name));
    if (in->ranks > 1)
        add_fact(arena, &facts, "ranks",
                 arena_printf(arena, "%d with %" PRId64 " threads, %s", in->ranks, in->threads, in->engine));
    if (in->m->simulated)
        add_fact(arena, &facts, "int8",
                 in->scales ? arena_printf(arena, "simulated, scales from %" PRId64 " samples", in->scales)
                            : "simulated, learned scales");
    if (memory) add_fact(arena, &facts, "memory", memory);
    add_fact(arena, &facts, "back end", jit_name(jit_kind(in->m->jit)));
    if (in->resumed) add_fact(arena, &facts, "resumed", resumed_text(arena, in));
    return facts;
}

void train_facts_print(const List *facts, FILE *out)
{
    for (int i = 0; i < facts->count; i++) {
        const TrainFact *fact = facts->at[i];
        fprintf(out, "%-10s %s\n", fact->name, fact->text);
    }
}
