/*
 * A contact sheet: pictures of samples with what the net says of them.
 */
#ifndef NNC_PREDICT_SHEET_H
#define NNC_PREDICT_SHEET_H

#include "commands/pictures/canvas.h"
#include "commands/predict/predict_output.h"

enum { SHEET_CELLS = 400 };

typedef struct Sheet {
    Arena *arena;
    List cells;   /* private */
    int left_out; /* samples that there was no room for */
    int right, judged;
} Sheet;

void sheet_init(Sheet *, Arena *);
bool sheet_is_full(const Sheet *);
/* `output`: a picture, too, or NULL.  What is added to a full sheet is only counted. */
void sheet_add(Sheet *, const Prediction *, const Canvas *input, const Canvas *output);
/* Returns a Status, the message printed. */
int sheet_write(const Sheet *, const char *path);

#endif
