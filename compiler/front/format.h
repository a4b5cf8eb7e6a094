/*
 * What the files of the formatter share: the pieces of a text, and where
 * lines begin.  format.c makes the pieces and decides on lines, layout.c on what
 * stands within them.  Other modules use front.h.
 */
#ifndef NNC_FORMAT_H
#define NNC_FORMAT_H

#include "front/parse.h"

enum {
    FORMAT_WIDTH = 100, /* columns; a line that is one thing may be longer */
    FORMAT_INDENT = 4,
    FORMAT_MAX_PIECES = 2 << 20, /* a bound on hostile sources */
    PIECE_COMMENT = -1           /* a kind beside those of the tokens */
};

/* What may stand in a column with its like on other lines. */
typedef enum Align {
    ALIGN_NONE,
    ALIGN_LABEL,    /* `as`: one space before it, in a column two where there is room */
    ALIGN_RESULT,   /* a statement after another one: two; or `->`: like `as` */
    ALIGN_COMMENT,  /* a comment after something: two */
    ALIGN_BLOCK,    /* { */
    ALIGN_ASSIGN,   /* = of a let */
    ALIGN_QUESTION, /* ? and : */
    ALIGN_ANSWER,   /* what follows those */
    ALIGN_COUNT
} Align;

/* A token or a comment. */
typedef struct Piece {
    int kind;              /* of a token, or PIECE_COMMENT */
    int begin, end;        /* its bytes in the source */
    int width;             /* in characters */
    int line, column, gap; /* in the source, from 0; the gap to the piece before on its line */

    int outer;       /* the innermost bracket around it, −1 where none is; that of a bracket is around both */
    int partner;     /* of a bracket: the other one */
    int next;        /* the token after it, or the count of pieces */
    int depth;       /* how many { are around it */
    bool combinator; /* a name that the loop after it makes branches of */
    bool dropped;    /* a semicolon that means nothing */
    bool starts;     /* a definition, a statement, or an entry of a train section */
    bool is_key;     /* the key of an entry */
    bool train;      /* the { of a train section */
    bool broken;     /* a { whose block has lines of its own */
    int key_width;   /* of the { of a train section: its longest key */

    int breaks; /* line ends before it: 0, 1, or 2 for an empty line */
    int space;  /* where there are none: the least space before it */
    int first;  /* the piece that its line begins with */
    Align align;
    int group; /* the first piece of its column, −1 where it is in none */
    int at;    /* its column in the result */
} Piece;

typedef struct Columns Columns; /* of layout.c */

typedef struct Format {
    Parse *parse;
    Piece *piece;
    int count;
    const char *const *keys; /* words that begin an entry of a train section, NULL at the end */
    Columns *columns;
} Format;

/* ---- what the pieces are (format_pieces.c) ---- */

/* The token before piece i, or −1; the one after it, or the count of pieces. */
int format_token_before(const Format *, int i);
int format_token_after(const Format *, int i);
/* Of the piece; that of the end of a text where i is none. */
int format_kind_at(const Format *, int i);
/* A ( or a [. */
bool format_is_bracket(const Format *, int i);
/* Whether an operand may begin with a token of that kind, after a whole operand. */
bool format_begins_operand(int kind);
/* Whether an operand ends with piece i (−1: no), so that a minus after it subtracts. */
bool format_ends_operand(const Format *, int i);
/* A two-sided operator, before or after which a line may end. */
bool format_is_operator(const Format *, int i);
/* A bracket after which a line ends: what is in it is indented, not hung on it. */
bool format_is_open_ended(const Format *, int i);

/* ---- lines (layout.c) ---- */

/* Sets `space` and `align`, which do not depend on the lines; to be called once, first. */
void layout_spaces(Format *);
/* Sets `first`, `group` and `at` for the lines that `breaks` make. */
void layout_lines(Format *);

#endif
