/*
 * The program that nnc writes with --main, -DPROGRAM="\"scene.c\"", with its texts replaced by bits:
 * the images of the command line are fitted and computed by the program's own functions, and for
 * each batch the inputs and the outputs are appended to x.raw and y.raw as raw floats.
 */
#define main program_main
#include PROGRAM
#undef main

static void append(const char *name, const float *values, size_t count)
{
    FILE *file = fopen(name, "ab");
    if (!file || fwrite(values, sizeof *values, count, file) != count || fclose(file))
        nn_stop(name, "cannot be written");
}

static void infer_and_append(const void *model, const float *x, float *y, void *scratch)
{
    const nn_model_info *info = NN_INFO();
    info->infer(model, x, y, scratch);
    append("x.raw", x, info->inputs * (size_t)info->batch);
    append("y.raw", y, info->outputs * (size_t)info->batch);
}

int main(int argc, char **argv)
{
    nn_samples run;
    nn_open_run(&run);
    nn_model_info info = *run.info;
    info.infer = infer_and_append;
    run.info = &info;
    run.model = NN_MODEL();
    for (int i = 1; i < argc; i++) nn_run_file(&run, argv[i]);
    return argc > 1 ? 0 : program_main(argc, argv);
}
