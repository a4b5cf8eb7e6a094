/*
 * run_curve: the curves of a log as a picture: `nnc show --curve LOG -o FILE.svg|FILE.png`.
 */
#ifndef NNC_RUN_CURVE_H
#define NNC_RUN_CURVE_H

/* Returns a Status, the message printed. */
int run_curve_draw(const char *log, const char *path);

#endif
