/* Numbers, one a line, as raw floats. */
#include <stdio.h>

int main(void)
{
    for (float value; scanf("%f", &value) == 1;) fwrite(&value, sizeof value, 1, stdout);
    return 0;
}
