/* What a task costs through the C interface with an arm that does nothing, and whether memory stays flat.
 *
 *   ./calls HOME [TASKS]      100,000 tasks by default, of one step each, one after the other
 *
 * A task is durable before it is begun, so most of a task's time is the disk's. The second half may grow by a twentieth
 * over the first; more is a leak, and the exit code says so.
 */
#include "../tests/check.h"

#include <time.h>
#include <unistd.h>

#define PARTS 10
#define TASKS_PER_PLAN 64

static void nothing(void *env, octollm_call_t *call) {
    (void)env;
    WELL(octollm_call_complete(call, TEXT("null")));
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Resident memory in MiB. */
static double resident(void) {
    long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    CHECK(statm && fscanf(statm, "%*d %ld", &pages) == 1);
    fclose(statm);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static void run(octollm_t *octo, const char *request) {
    octollm_string_t result = {0};
    WELL(octollm_run(octo, TEXT(request), NULL, 0, 0, &result));
    CHECK(strstr(result.data, "\"status\":\"completed\""));
    octollm_string_free(&result);
}

/* A plan of steps that wait for nothing. */
static char *wide(void) {
    char *text = malloc(TASKS_PER_PLAN * 96 + 96);
    CHECK(text);
    size_t at = (size_t)sprintf(text, "{\"goal\": \"Do nothing many times\", \"plan\": {\"subtasks\": [");
    for (int step = 1; step <= TASKS_PER_PLAN; step++)
        at += (size_t)sprintf(text + at, "%s{\"step\": %d, \"action\": \"x\", \"required_arm\": \"nothing\", \"input\": {}}",
                              step > 1 ? "," : "", step);
    sprintf(text + at, "]}}");
    return text;
}

int main(int argc, char **argv) {
    CHECK(argc > 1);
    long part = (argc > 2 ? atol(argv[2]) : 100000) / PARTS;
    octollm_builder_t *builder = NULL;
    octollm_t *octo = NULL;
    octollm_arm_t arm = {.execute = nothing};
    WELL(octollm_builder_new(&builder));
    WELL(octollm_builder_set(builder, TEXT("OCTOLLM_HOME"), TEXT(argv[1])));
    WELL(octollm_builder_set(builder, TEXT("LLM_DISCOVERY"), TEXT("off")));
    WELL(octollm_builder_add_arm(builder, TEXT("{\"arm_id\": \"nothing\", \"name\": \"Nothing\", \"capabilities\": [\"nothing\"],"
                                               " \"side_effects\": \"none\", \"max_concurrent\": 1000}"), &arm));
    WELL(octollm_start(builder, &octo));

    char *many = wide();
    run(octo, many);
    double start = now();
    for (int round = 0; round < 20; round++) run(octo, many);
    printf("%d steps at once: %.1f us per step\n", TASKS_PER_PLAN, (now() - start) / 20 / TASKS_PER_PLAN * 1e6);
    free(many);

    const char *one = "{\"goal\": \"Do nothing at all\", \"plan\": {\"subtasks\": [{\"step\": 1, \"action\": \"x\","
                      " \"required_arm\": \"nothing\", \"input\": {}}]}}";
    double figures[PARTS];
    for (int number = 0; number < PARTS; number++) {
        start = now();
        for (long task = 0; task < part; task++) run(octo, one);
        figures[number] = resident();
        printf("%8ld tasks: %.1f us each, %.1f MiB\n", (number + 1) * part, (now() - start) / (double)(part ? part : 1) * 1e6,
               figures[number]);
        fflush(stdout);
    }
    WELL(octollm_free(octo));
    return figures[PARTS - 1] > figures[PARTS / 2 - 1] * 1.05 + 1;
}
