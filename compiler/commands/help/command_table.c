/*
 * The commands, in the order in which help lists them.
 */
#include "commands/support/command.h"

const Command *const command_table[] = {
    &command_compile, &command_build,    &command_train, &command_eval,   &command_predict, &command_show,
    &command_report,  &command_trace,    &command_page,  &command_check,  &command_bench,   &command_data,
    &command_verify,  &command_quantize, &command_fmt,   &command_import, &command_export,  NULL,
};
