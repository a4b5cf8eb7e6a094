/*
 * update_auto: `update auto` of a train section: what of a net C that trains on within a limit of
 * memory trains.
 *
 * Each trained parameter has a contribution, measured on samples with the weights that are built in, and
 * takes bytes of RAM: itself, its gradient, the optimizer's state, and what the backward pass has to keep and
 * compute to come to it.  Beginning with nothing, what contributes most for the bytes that it adds is
 * taken, as long as something fits.
 */
#ifndef NNC_COMMANDS_UPDATE_AUTO_H
#define NNC_COMMANDS_UPDATE_AUTO_H

#include "commands/compile.h"

/* What is not chosen is frozen.  STATUS_OK where the train section has no `update auto`; else a Status,
 * after a message. */
int update_auto(const CompileRequest *, Model *, const LowerOptions *);

#endif
