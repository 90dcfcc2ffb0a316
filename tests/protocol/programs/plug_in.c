/* Loads the library named by its argument as a plug-in host would, and measures with it. */
#include <dlfcn.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    int (*open)(const char *), (*initialize)(void), (*mode)(int, int), (*connect)(int);
    int (*force)(int, double), (*measure)(int, int, int, double *), (*close)(void);
    double volts = -1;
    (void)count;
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    open = dlsym(library, "WGFMU_openSession");
    initialize = dlsym(library, "WGFMU_initialize");
    mode = dlsym(library, "WGFMU_setOperationMode");
    connect = dlsym(library, "WGFMU_connect");
    force = dlsym(library, "WGFMU_dcforceVoltage");
    measure = dlsym(library, "WGFMU_dcmeasureAveragedValue");
    close = dlsym(library, "WGFMU_closeSession");
    if (open("GPIB0::17::INSTR") || initialize() || mode(101, 2000) || connect(101)
        || force(101, 0.5) || measure(101, 10000, 1, &volts) || close())
        return 1;
    printf("%.6f\n", volts);
    return 0;
}
