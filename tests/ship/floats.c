/* Bytes from standard input as raw floats from 0 to 1. */
#include <stdio.h>

int main(void)
{
    for (int byte; (byte = getchar()) != EOF;) {
        const float value = (float)byte / 255.0f;
        fwrite(&value, sizeof value, 1, stdout);
    }
    return 0;
}
