/* The table of targets, and the costs that the build takes from their pages. */
#include "graph/target.h"

#include <stddef.h>

#define DECLARE_COSTS(ID, NAME, ...)                \
    extern const MachineCosts machine_costs_##NAME; \
    extern const DeviceModel device_model_##NAME;
TARGET_TABLE(DECLARE_COSTS)
#undef DECLARE_COSTS

const TargetInfo *target_info(Target target)
{
#define INFO_OF(ID, NAME, TITLE, LACKING, FEATURES, TEST, ...) \
    {#NAME, #ID, TITLE, LACKING, FEATURES, TEST, __VA_ARGS__},
    static const TargetInfo infos[TARGET_COUNT] = {TARGET_TABLE(INFO_OF)};
#undef INFO_OF
    return &infos[target];
}

const MachineCosts *machine_costs(Target target)
{
#define COSTS_OF(ID, NAME, ...) &machine_costs_##NAME,
    static const MachineCosts *const costs[TARGET_COUNT] = {TARGET_TABLE(COSTS_OF)};
#undef COSTS_OF
    return costs[target];
}

const DeviceModel *device_model(Target target)
{
#define MODEL_OF(ID, NAME, ...) &device_model_##NAME,
    static const DeviceModel *const models[TARGET_COUNT] = {TARGET_TABLE(MODEL_OF)};
#undef MODEL_OF
    return models[target];
}
