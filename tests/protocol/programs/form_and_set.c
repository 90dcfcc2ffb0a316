/* Forms and SETs the bit-line device of the selected bit, then leaves its pads to the SMUs.

   form_and_set ADDRESS SL BL: the channels that take the parts of SL and BL. Prints the library's
   errors and ends with status 1 if a call fails. */
#include <stdio.h>
#include <stdlib.h>
#include "wgfmu.h"

enum { BLB = 201, WL = 202, SEN = 301, BYP = 302 };

static void check(int code)
{
    int size = 0;
    char *text;
    if (code == WGFMU_NO_ERROR)
        return;
    WGFMU_getErrorSummarySize(&size);
    text = calloc(size + 1, 1);
    WGFMU_getErrorSummary(text, &size);
    fprintf(stderr, "code %d\n%s", code, text);
    exit(1);
}

/* The line's part of a pulse: up within rise, top for width, down; idle before and after. */
static void line(int channel, const char *name, double top, double before, double rise, double width)
{
    check(WGFMU_createPattern(name, 0.0));
    check(WGFMU_addVector(name, before, 0.0));
    check(WGFMU_addVector(name, rise, top));
    check(WGFMU_addVector(name, width, top));
    check(WGFMU_addVector(name, 30e-9, 0.0));
    check(WGFMU_addVector(name, before, 0.0));
    check(WGFMU_addSequence(channel, name, 1));
}

/* One pulse on SL, whose complement follows, with the gate up before and after it. */
static void pulse(int sl, int bl, double top, double rise, double width)
{
    double end = rise + width + 30e-9;
    check(WGFMU_clear());
    line(WL, "WL", 1.6, 100e-9, 30e-9, 400e-9 + end);
    line(sl, "SL", top, 330e-9, rise, width);
    line(BLB, "BLB", top, 330e-9, rise, width);
    check(WGFMU_createPattern("BL", 0.0));
    check(WGFMU_addVector("BL", 660e-9 + end, 0.0));
    check(WGFMU_addSequence(bl, "BL", 1));
    check(WGFMU_execute());
    check(WGFMU_waitUntilCompleted());
}

static void connect(int channel, int mode)
{
    check(WGFMU_setOperationMode(channel, mode));
    check(WGFMU_connect(channel));
}

int main(int count, char **arguments)
{
    int sl = atoi(arguments[2]), bl = atoi(arguments[3]), index, status;
    int pulsed[] = {sl, bl, BLB, WL};
    double elapsed, total;
    (void)count;
    check(WGFMU_openSession(arguments[1]));
    check(WGFMU_initialize());
    connect(SEN, WGFMU_OPERATION_MODE_DC);
    connect(BYP, WGFMU_OPERATION_MODE_DC);
    check(WGFMU_dcforceVoltage(BYP, 1.2));
    for (index = 0; index < 4; ++index)
        connect(pulsed[index], WGFMU_OPERATION_MODE_FASTIV);
    pulse(sl, bl, 3.3, 3.3e-3, 100e-9);
    pulse(sl, bl, 2.0, 30e-9, 1e-6);
    check(WGFMU_getStatus(&status, &elapsed, &total));
    connect(WL, WGFMU_OPERATION_MODE_DC);
    check(WGFMU_dcforceVoltage(WL, 3.3));
    for (index = 0; index < 3; ++index)
        connect(pulsed[index], WGFMU_OPERATION_MODE_SMU);
    check(WGFMU_closeSession());
    printf("%d %.9g\n", status, total);
    return 0;
}
