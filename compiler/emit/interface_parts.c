/*
 * Several outputs, targets and losses, in the header and in the record.
 *
 * Enters: the objectives of the net.  Leaves: constants that tell the parts of rows apart, the
 * function that gives the losses, and tables of all of these; nothing where there is one of each.
 */
#include "elab/value.h"
#include "emit/emitter.h"

/* "3, {1, 32, 32, 0}" */
const char *interface_dims(Emitter *e, Shape s)
{
    Text out;
    text_init(&out, e->arena);
    text_addf(&out, "%d, {", s.rank);
    for (int i = 0; i < MAX_RANK; i++) text_addf(&out, "%s%lld", i ? ", " : "", (long long)s.dim[i]);
    text_add(&out, "}");
    return out.data;
}

/* ---- the header -------------------------------------------------------------- */

/* NET_OUTPUT_NAME_OFFSET, NET_OUTPUT_NAME_COUNT; of the first, which has no name, the count. */
static void write_part_constants(Emitter *e, const char *what, const char *name, int64_t offset, int64_t count)
{
    emitter_put_parts(e, &e->header,
                      name ? "    {PREFIX}_{what}_{name}_OFFSET = {offset},\n"
                             "    {PREFIX}_{what}_{name}_COUNT = {count},\n"
                           : "    {PREFIX}_{what}_COUNT = {count}, /* the first, at 0 */\n",
                      PARTS({"what", what}, {"name", name ? emitter_upper(e, name) : ""},
                            {"offset", emitter_number(e, offset)}, {"count", emitter_number(e, count)}));
}

static void write_loss_constants(Emitter *e, const Objectives *all)
{
    if (!e->losses) return;
    emitter_put_parts(e, &e->header, "    {PREFIX}_LOSSES = {count},\n",
                      PARTS({"count", emitter_number(e, e->losses)}));
    for (int i = 1; i < e->losses; i++)
        emitter_put_parts(e, &e->header, "    {PREFIX}_LOSS_{name} = {i},\n",
                          PARTS({"name", emitter_upper(e, all->at[i].name)}, {"i", emitter_number(e, i)}));
}

void interface_write_part_constants(Emitter *e)
{
    const Objectives all = train_objectives(e->spec, e->net);
    for (int i = 0; i < net_output_parts(e->net) && net_output_parts(e->net) > 1; i++) {
        const OutputPart part = net_output_part(e->net, i);
        write_part_constants(e, "OUTPUT", part.name, part.offset, part.count);
    }
    if (all.targets > 1)
        emitter_put_parts(e, &e->header, "    {PREFIX}_TARGETS = {count},\n",
                          PARTS({"count", emitter_number(e, all.target_count)}));
    for (int i = 0; i < all.targets && all.targets > 1; i++)
        write_part_constants(e, "TARGET", all.target[i].name, all.target[i].offset, all.target[i].count);
    write_loss_constants(e, &all);
}

const char *interface_target_comment(Emitter *e)
{
    const Objectives all = train_objectives(e->spec, e->net);
    if (all.targets == 1) return "";
    return arena_printf(e->arena, "/* target: [%s_BATCH][%s_TARGETS]%s. */\n", e->upper, e->upper,
                        all.classes ? "" : "; a class is a whole number");
}

void interface_write_losses_prototype(Emitter *e)
{
    if (!e->losses) return;
    emitter_put(e, &e->header,
                "/* Of the last eval, step or grad: each loss without its weight. */\n"
                "const float *{prefix}_losses(const void *scratch);\n\n");
}

/* ---- the record ------------------------------------------------------------ */

static void write_part_row(Emitter *e, const char *name, bool classes, Shape shape, int64_t offset, int64_t count)
{
    emitter_put_parts(e, &e->source, "    {\"{name}\", {kind}, {dims}, {offset}, {count}},\n",
                      PARTS({"name", name ? name : ""}, {"kind", classes ? "NN_CLASSES" : "NN_VALUES"},
                            {"dims", interface_dims(e, shape)}, {"offset", emitter_number(e, offset)},
                            {"count", emitter_number(e, count)}));
}

static void write_output_parts(Emitter *e)
{
    if (net_output_parts(e->net) == 1) return;
    emitter_put(e, &e->source, "static const nn_part_info {prefix}_output_parts[] = {\n");
    for (int i = 0; i < net_output_parts(e->net); i++) {
        const OutputPart p = net_output_part(e->net, i);
        write_part_row(e, p.name, false, p.output->shape, p.offset, p.count);
    }
    text_add(&e->source, "};\n\n");
}

static void write_target_parts(Emitter *e, const Objectives *all)
{
    if (all->targets == 1) return;
    emitter_put(e, &e->source, "static const nn_part_info {prefix}_target_parts[] = {\n");
    for (int i = 0; i < all->targets; i++) {
        const TargetPart *p = &all->target[i];
        write_part_row(e, p->name, p->is.classes, p->is.shape, p->offset, p->count);
    }
    text_add(&e->source, "};\n\n");
}

static void write_losses(Emitter *e, const Objectives *all)
{
    if (!e->losses) return;
    emitter_put_parts(e, &e->source,
                      "const float *{prefix}_losses(const void *scratch)\n{\n"
                      "    return (const float *)scratch + {offset};\n}\n\n"
                      "static const nn_loss_info {prefix}_loss_list[] = {\n",
                      PARTS({"offset", emitter_number(e, e->losses_offset / (int64_t)sizeof(float))}));
    for (int i = 0; i < e->losses; i++)
        emitter_put_parts(e, &e->source, "    {\"{name}\", \"{loss}\", {weight}, {target}, {evaluated}},\n",
                          PARTS({"name", all->at[i].name ? all->at[i].name : ""}, {"loss", all->at[i].loss.op->name},
                                {"weight", real_text(e->arena, all->at[i].weight)},
                                {"target", emitter_number(e, all->at[i].target)},
                                {"evaluated", emitter_number(e, all->at[i].at_inference)}));
    text_add(&e->source, "};\n\n");
}

void interface_write_part_tables(Emitter *e)
{
    const Objectives all = train_objectives(e->spec, e->net);
    write_output_parts(e);
    write_target_parts(e, &all);
    write_losses(e, &all);
}

static void write_list(Emitter *e, int count, const char *name)
{
    emitter_put_parts(e, &e->source, count ? "        {count}, {prefix}_{name},\n" : "        0, NULL,\n",
                      PARTS({"count", emitter_number(e, count)}, {"name", name}));
}

void interface_write_part_members(Emitter *e)
{
    const int outputs = net_output_parts(e->net), targets = train_objectives(e->spec, e->net).targets;
    write_list(e, outputs > 1 ? outputs : 0, "output_parts");
    write_list(e, targets > 1 ? targets : 0, "target_parts");
    write_list(e, e->losses, "loss_list");
    emitter_put(e, &e->source, e->losses ? "        {prefix}_losses,\n" : "        NULL,\n");
}
