/*
 * texts: files of the repository as strings inside the compiler, made by the
 * Makefile, so that the generated C stands alone and nnc is one file.
 */
#ifndef NNC_EMIT_TEXTS_H
#define NNC_EMIT_TEXTS_H

extern const char nn_header_text[]; /* runtime/nn.h */

typedef struct KernelText {
    const char *name; /* "conv.h", of runtime/kernels/ */
    const char *text;
} KernelText;

extern const char *const reserved_names[]; /* reserved_names.txt, sorted for strcmp */
extern const int reserved_name_count;

extern const KernelText kernel_texts[]; /* a name of NULL at the end */
extern const int kernel_text_count;

#endif
