/* An arm in C, and a task that it does.
 *
 *   cc -std=c11 weather_arm.c -o weather_arm $(pkg-config --cflags --libs octollm)
 *   ./weather_arm [HOME]
 */
#include <octollm.h>
#include <stdio.h>
#include <string.h>

#define TEXT(text) (text), strlen(text)

/* Prints what went wrong and what to do about it, if anything did. */
static int failed(octollm_error_t *error) {
    if (!error) return 0;
    fprintf(stderr, "%s: %s\n", octollm_error_code(error), octollm_error_message(error));
    if (octollm_error_hint(error)) fprintf(stderr, "hint: %s\n", octollm_error_hint(error));
    octollm_error_free(error);
    return 1;
}

/* Does the work: runs on a thread of the library, and may take its time. The input satisfies the schema below. */
static void forecast(void *env, octollm_call_t *call) {
    const char *sky = env;
    char answer[256];
    failed(octollm_call_progress(call, TEXT("looking at the sky"), 0.5f));
    snprintf(answer, sizeof answer, "{\"asked\": %s, \"forecast\": \"%s\", \"confidence\": 0.9}",
             octollm_call_input(call, NULL), sky);
    failed(octollm_call_complete(call, TEXT(answer)));
}

static void show(void *env, const char *event, size_t len) {
    (void)env;
    printf("%.*s\n", (int)(len < 120 ? len : 120), event);
}

int main(int argc, char **argv) {
    octollm_builder_t *builder = NULL;
    octollm_t *octo = NULL;
    if (failed(octollm_builder_new(&builder))) return 1;
    if (argc > 1 && failed(octollm_builder_set(builder, TEXT("OCTOLLM_HOME"), TEXT(argv[1])))) return 1;

    octollm_arm_t weather = {.env = "sunny", .execute = forecast};
    const char *descriptor =
        "{\"arm_id\": \"weather\", \"name\": \"Weather\", \"description\": \"Weather forecast for a place\","
        " \"capabilities\": [\"weather_forecast\"], \"cost_tier\": 1,"
        " \"input_schema\": {\"type\": \"object\", \"required\": [\"location\"],"
        "   \"properties\": {\"location\": {\"type\": \"string\", \"maxLength\": 80}, \"days\": {\"type\": \"integer\"}}}}";
    if (failed(octollm_builder_add_arm(builder, TEXT(descriptor), &weather))) return 1;
    if (failed(octollm_start(builder, &octo))) return 1;

    const char *request = "{\"goal\": \"Get the weather forecast for Paris\","
                          " \"context\": {\"location\": \"Paris\", \"days\": 5}}";
    octollm_string_t result = {0};
    int bad = failed(octollm_run(octo, TEXT(request), NULL, 0, 60000, &result));
    if (!bad) {
        printf("%s\n", result.data);
        const char *id = strstr(result.data, "task-");
        bad = failed(octollm_watch(octo, id, 41, 0, show, NULL, NULL)); /* every event, as JSON */
        bad |= strstr(result.data, "sunny") == NULL;
    }
    octollm_string_free(&result);
    return failed(octollm_free(octo)) || bad;
}
