/* The C interface as a program in C uses it: arms in C beside one in Rust, faults, restarts. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static const char *home;

static void pause_ms(long milliseconds) {
    struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    nanosleep(&time, NULL);
}

/* An arm with a memory of what happened to it. */
typedef struct {
    atomic_int calls, finalized, saw_cancel;
} witness_t;

static void finalize(void *env) { atomic_fetch_add(&((witness_t *)env)->finalized, 1); }

/* Answers what it was asked, at once. */
static void echo(void *env, octollm_call_t *call) {
    atomic_fetch_add(&((witness_t *)env)->calls, 1);
    size_t len = 0;
    const char *input = octollm_call_input(call, &len);
    CHECK(strlen(input) == len);
    CHECK(octollm_call_step(call) > 0 && octollm_call_remaining_ms(call) > 0);
    CHECK(strncmp(octollm_call_task_id(call), "task-", 5) == 0);
    CHECK(strlen(octollm_call_request_id(call)) > 0);
    CHECK(!octollm_call_is_cancelled(call));
    WELL(octollm_call_progress(call, TEXT("echoing"), 0.5f));
    FAILS(octollm_call_complete(call, TEXT("{no json")), "invalid_input", "is not JSON");
    WELL(octollm_call_complete(call, input, len));
}

/* Answers later, from a thread of its own. */
static void *answer_later(void *call) {
    pause_ms(20);
    WELL(octollm_call_complete(call, TEXT("{\"said\": \"later\", \"confidence\": 0.75}")));
    return NULL;
}

static void later(void *env, octollm_call_t *call) {
    atomic_fetch_add(&((witness_t *)env)->calls, 1);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, answer_later, call) == 0);
    pthread_detach(thread);
}

/* Gives the call up. */
static void forgetful(void *env, octollm_call_t *call) {
    atomic_fetch_add(&((witness_t *)env)->calls, 1);
    octollm_call_free(call);
}

/* Fails for now the first time. */
static void flaky(void *env, octollm_call_t *call) {
    if (atomic_fetch_add(&((witness_t *)env)->calls, 1) == 0) {
        CHECK(octollm_call_attempt(call) == 1);
        WELL(octollm_call_fail(call, TEXT("busy"), true, 1));
    } else {
        CHECK(octollm_call_attempt(call) == 2);
        WELL(octollm_call_complete(call, TEXT("{}")));
    }
}

/* Works until it is told that nobody waits. */
static void patient(void *env, octollm_call_t *call) {
    witness_t *witness = env;
    atomic_fetch_add(&witness->calls, 1);
    for (int i = 0; i < 10000 && !octollm_call_is_cancelled(call); i++) pause_ms(1);
    if (octollm_call_is_cancelled(call)) atomic_fetch_add(&witness->saw_cancel, 1);
    octollm_error_free(octollm_call_complete(call, TEXT("{}")));
}

static int is_ill(void *env) {
    (void)env;
    return OCTOLLM_UNHEALTHY;
}

typedef struct {
    witness_t echo, later, forgetful, flaky, patient;
} witnesses_t;

static void add(octollm_builder_t *builder, const char *id, void (*execute)(void *, octollm_call_t *),
                int (*health)(void *), witness_t *witness) {
    char descriptor[256];
    snprintf(descriptor, sizeof descriptor,
             "{\"arm_id\": \"%s\", \"name\": \"%s\", \"capabilities\": [\"%s_work\"], \"max_concurrent\": 4}", id, id, id);
    octollm_arm_t arm = {witness, execute, health, finalize};
    WELL(octollm_builder_add_arm(builder, TEXT(descriptor), &arm));
}

static octollm_t *start(witnesses_t *witnesses) {
    octollm_builder_t *builder = NULL;
    WELL(octollm_builder_new(&builder));
    WELL(octollm_builder_set(builder, TEXT("OCTOLLM_HOME"), TEXT(home)));
    WELL(octollm_builder_set(builder, TEXT("llm_discovery"), TEXT("off")));
    add(builder, "echo", echo, NULL, &witnesses->echo);
    add(builder, "later", later, NULL, &witnesses->later);
    add(builder, "forgetful", forgetful, NULL, &witnesses->forgetful);
    add(builder, "flaky", flaky, NULL, &witnesses->flaky);
    add(builder, "patient", patient, is_ill, &witnesses->patient);
    octollm_t *octo = NULL;
    WELL(octollm_start(builder, &octo));
    return octo;
}

/* Whether the text holds these words; frees it. */
static bool holds(octollm_string_t text, const char *words) {
    bool found = strstr(text.data, words) != NULL;
    if (!found) fprintf(stderr, "no `%s` in %s\n", words, text.data);
    octollm_string_free(&text);
    return found;
}

static octollm_string_t run(const octollm_t *octo, const char *request) {
    octollm_string_t result = {0};
    WELL(octollm_run(octo, TEXT(request), NULL, 0, 30000, &result));
    return result;
}

/* A step of a plan: its arm, its input and what it depends on. */
#define STEP(number, arm, rest)                                                                             \
    "{\"step\": " number ", \"action\": \"do it\", \"required_arm\": \"" arm "\"" rest "}"
#define PLAN(steps) "{\"goal\": \"Do what the plan says\", \"plan\": {\"subtasks\": [" steps "]}}"

/* Copies the task's id out of a TaskResponse, and frees it. */
static void take_id(octollm_string_t response, char id[64]) {
    const char *begin = strstr(response.data, "task-");
    CHECK(begin != NULL);
    size_t len = strcspn(begin, "\"");
    CHECK(len < 64);
    memcpy(id, begin, len);
    id[len] = '\0';
    octollm_string_free(&response);
}

static void faults_are_named(void) {
    octollm_builder_t *builder = NULL;
    octollm_t *octo = NULL;
    octollm_string_t out = {0};
    witness_t witness = {0};
    FAILS(octollm_builder_new(NULL), "invalid_input", "out: must not be NULL");
    FAILS(octollm_run(NULL, TEXT("{}"), NULL, 0, 0, &out), "invalid_input", "octo: must not be NULL");
    FAILS(octollm_start(NULL, &octo), "invalid_input", "builder: must not be NULL");
    FAILS(octollm_connect("\xff", 1, &octo), "invalid_input", "is not UTF-8 from byte 0 on");
    FAILS(octollm_connect(TEXT("http://127.0.0.1:1"), &octo), "unavailable", "");

    WELL(octollm_builder_new(&builder));
    octollm_arm_t arm = {&witness, NULL, NULL, finalize};
    FAILS(octollm_builder_add_arm(builder, TEXT("{}"), &arm), "invalid_input", "");
    FAILS(octollm_builder_add_arm(builder, NULL, 7, &arm), "invalid_input", "descriptor: must not be NULL");
    CHECK(atomic_load(&witness.finalized) == 2);
    WELL(octollm_builder_set(builder, TEXT("octollm_hom"), TEXT("x")));
    FAILS(octollm_start(builder, &octo), "invalid_input", "did you mean `octollm_home`?");
    CHECK(octo == NULL && out.data == NULL);

    octollm_builder_free(NULL);
    octollm_call_free(NULL);
    octollm_error_free(NULL);
    octollm_events_free(NULL);
    octollm_string_free(NULL);
    octollm_string_free(&out);
    WELL(octollm_free(NULL));
}

static void requests_are_checked(const octollm_t *octo) {
    octollm_string_t out = {0};
    FAILS(octollm_run(octo, TEXT("{"), NULL, 0, 0, &out), "invalid_input", "request: is not JSON (line 1, column 1)");
    FAILS(octollm_run(octo, TEXT("{\"goal\": \"short\"}"), NULL, 0, 0, &out), "invalid_input", "/goal");
    FAILS(octollm_task(octo, TEXT("task-nonsense"), &out), "invalid_input", "task: must be a task's id");
    FAILS(octollm_task(octo, TEXT("task-0190f8f0-0000-7000-8000-000000000000"), &out), "not_found", "");
    octollm_error_t *error = octollm_run(octo, TEXT("{\"goal\": \"x\", \"bogus\": 1}"), NULL, 0, 0, &out);
    CHECK(strstr(octollm_error_json(error), "\"pointer\"") && !octollm_error_is_temporary(error));
    octollm_error_free(error);
}

static void arms_in_c_and_rust_share_a_plan(const octollm_t *octo, witnesses_t *witnesses) {
    octollm_string_t result = run(octo, PLAN(
        STEP("1", "later", "")","
        STEP("2", "retriever", ", \"input\": {\"query\": \"nothing is indexed\"}, \"depends_on\": [1]")","
        STEP("3", "echo", ", \"input\": {\"heard\": {\"$step\": 1, \"pointer\": \"/said\"}, "
                          "\"found\": {\"$step\": 2, \"pointer\": \"/total_results\"}}")));
    CHECK(strstr(result.data, "\"heard\":\"later\"") && strstr(result.data, "\"found\":0"));
    CHECK(strlen(result.data) == result.len);
    CHECK(holds(result, "\"status\":\"completed\""));
    CHECK(atomic_load(&witnesses->echo.calls) == 1 && atomic_load(&witnesses->later.calls) == 1);
}

static void failures_are_steps(const octollm_t *octo, witnesses_t *witnesses) {
    CHECK(holds(run(octo, PLAN(STEP("1", "forgetful", ""))), "gave the call up without an answer"));
    CHECK(atomic_load(&witnesses->forgetful.calls) == 1);
    CHECK(holds(run(octo, PLAN(STEP("1", "flaky", ""))), "\"attempts\":2"));
    CHECK(atomic_load(&witnesses->flaky.calls) == 2);
}

typedef struct {
    atomic_int events, finalized;
    atomic_bool completed, progressed;
} watcher_t;

static void watch(void *env, const char *event, size_t len) {
    watcher_t *watcher = env;
    CHECK(strlen(event) == len);
    atomic_fetch_add(&watcher->events, 1);
    if (strstr(event, "\"task.completed\"")) atomic_store(&watcher->completed, true);
}

static void watched(void *env) { atomic_fetch_add(&((watcher_t *)env)->finalized, 1); }

static void events_come_in_both_ways(const octollm_t *octo) {
    octollm_string_t out = {0};
    char id[64], again[64];
    const char *request = PLAN(STEP("1", "later", ""));
    WELL(octollm_submit(octo, TEXT(request), TEXT("{\"idempotency_key\": \"the same key\"}"), &out));
    take_id(out, id);
    WELL(octollm_submit(octo, TEXT(request), TEXT("{\"idempotency_key\": \"the same key\"}"), &out));
    take_id(out, again);
    CHECK(strcmp(id, again) == 0);

    watcher_t watcher = {0};
    WELL(octollm_watch(octo, TEXT(id), 0, watch, &watcher, watched));
    octollm_events_t *events = NULL;
    WELL(octollm_events_open(octo, TEXT(id), 0, &events));
    int count = 0;
    for (bool ended = false;; count++) {
        WELL(octollm_events_next(events, 10000, &out, &ended));
        if (ended) break;
        CHECK(count > 0 || strstr(out.data, "\"task.accepted\""));
        octollm_string_free(&out);
    }
    octollm_events_free(events);
    CHECK(count >= 4);
    for (int i = 0; i < 10000 && !atomic_load(&watcher.finalized); i++) pause_ms(1);
    CHECK(atomic_load(&watcher.finalized) == 1 && atomic_load(&watcher.completed));

    /* Nothing to watch: the finalizer runs all the same. */
    FAILS(octollm_watch(octo, TEXT("x"), 0, watch, &watcher, watched), "invalid_input", "");
    CHECK(atomic_load(&watcher.finalized) == 2);
}

static void cancelling_reaches_the_arm(const octollm_t *octo, witnesses_t *witnesses) {
    octollm_string_t out = {0};
    char id[64];
    WELL(octollm_submit(octo, TEXT(PLAN(STEP("1", "patient", ""))), NULL, 0, &out));
    take_id(out, id);
    FAILS(octollm_wait(octo, TEXT(id), 30, &out), "timeout", "");
    for (int i = 0; i < 10000 && !atomic_load(&witnesses->patient.calls); i++) pause_ms(1);
    WELL(octollm_cancel(octo, TEXT(id), TEXT("enough"), &out));
    CHECK(holds(out, "\"status\":\"cancelled\""));
    for (int i = 0; i < 10000 && !atomic_load(&witnesses->patient.saw_cancel); i++) pause_ms(1);
    CHECK(atomic_load(&witnesses->patient.saw_cancel) == 1);
    /* A run whose time is up is cancelled, too. */
    FAILS(octollm_run(octo, TEXT(PLAN(STEP("1", "patient", ""))), NULL, 0, 50, &out), "timeout", "was cancelled");
}

static void people_are_asked(const octollm_t *octo) {
    octollm_string_t out = {0};
    char id[64];
    const char *request = "{\"goal\": \"Do what the plan says\", \"approval\": \"plan\", \"plan\": {\"subtasks\": ["
                          STEP("1", "echo", ", \"input\": {\"asked\": true}") "]}}";
    WELL(octollm_submit(octo, TEXT(request), NULL, 0, &out));
    take_id(out, id);
    for (;;) {
        WELL(octollm_task(octo, TEXT(id), &out));
        bool waits = strstr(out.data, "\"status\":\"awaiting_approval\"") != NULL;
        octollm_string_free(&out);
        if (waits) break;
        pause_ms(2);
    }
    FAILS(octollm_approve(octo, TEXT(id), TEXT("{}"), &out), "invalid_input", "");
    WELL(octollm_approve(octo, TEXT(id), TEXT("{\"approved\": true}"), &out));
    octollm_string_free(&out);
    WELL(octollm_wait(octo, TEXT(id), 10000, &out));
    CHECK(holds(out, "\"asked\":true"));
}

static void everything_is_listed(const octollm_t *octo) {
    octollm_string_t out = {0};
    WELL(octollm_arms(octo, &out));
    CHECK(strstr(out.data, "\"patient\"") && strstr(out.data, "\"retriever\""));
    octollm_string_free(&out);
    WELL(octollm_health(octo, &out));
    CHECK(holds(out, "\"status\""));
    WELL(octollm_list(octo, TEXT("{\"status\": \"failed\"}"), &out));
    CHECK(holds(out, "Do what the plan says"));
    FAILS(octollm_list(octo, TEXT("{\"limit\": 0}"), &out), "invalid_input", "/limit");
}

static void reflexes_work_alone(void) {
    octollm_string_t out = {0};
    const char *text = "\xc3\xa9: write to ada@example.org";
    const unsigned char key[32] = {7};
    WELL(octollm_reflex_scan(TEXT(text), 0, &out));
    CHECK(holds(out, "\"type\":\"email\",\"start\":13,\"end\":28"));
    WELL(octollm_reflex_redact(TEXT(text), 0, TEXT("placeholder"), NULL, &out));
    CHECK(holds(out, ": write to <EMAIL_1>"));
    WELL(octollm_reflex_redact(TEXT(text), 0, TEXT("hash"), key, &out));
    CHECK(holds(out, "[EMAIL:"));
    FAILS(octollm_reflex_redact(TEXT(text), 0, TEXT("hash"), NULL, &out), "invalid_input", "key: must not be NULL");
    FAILS(octollm_reflex_redact(TEXT(text), 0, TEXT("blur"), NULL, &out), "invalid_input", "the style");
    WELL(octollm_reflex_scan(NULL, 0, OCTOLLM_REFLEX_EXTERNAL, &out));
    CHECK(holds(out, "[]"));

    /* Names only where they are asked for. */
    const char *named = "Ask Maria Schneider, please";
    WELL(octollm_reflex_scan(TEXT(named), 0, &out));
    CHECK(holds(out, "[]"));
    WELL(octollm_reflex_scan(TEXT(named), OCTOLLM_REFLEX_NAMES | OCTOLLM_REFLEX_EXTERNAL, &out));
    CHECK(holds(out, "\"type\":\"person\",\"start\":4,\"end\":19"));
    WELL(octollm_reflex_redact(TEXT(named), OCTOLLM_REFLEX_NAMES, TEXT("placeholder"), NULL, &out));
    CHECK(holds(out, "Ask <PERSON_1>, please"));
    FAILS(octollm_reflex_scan(TEXT(named), 8, &out), "invalid_input", "flags: has bits that stand for nothing here");
    FAILS(octollm_reflex_redact(TEXT(named), OCTOLLM_REFLEX_EXTERNAL, TEXT("mask"), NULL, &out), "invalid_input", "flags");
}

typedef struct {
    int looked;
    int ended;
} watch_t;

static void forget(void *env) {
    ((watch_t *)env)->ended++;
}

/* Refuses what shouts, quiets what is loud, says nonsense about nonsense, and lets the rest pass. */
static void no_shouting(void *env, const char *text, size_t len, const char *origin, octollm_reaction_t *reaction) {
    ((watch_t *)env)->looked++;
    CHECK(text[len] == 0 && strlen(text) == len && strcmp(origin, "document") == 0);
    if (strstr(text, "HEY"))
        WELL(octollm_reaction_say(reaction, TEXT("{\"refuse\": \"shouting\"}")));
    else if (strstr(text, "LOUD"))
        WELL(octollm_reaction_say(reaction, TEXT("{\"rewrite\": \"quiet, ada@example.org\"}")));
    else if (strstr(text, "later"))
        WELL(octollm_reaction_say(reaction, TEXT("{\"throttle\": 1.5}")));
    else if (strstr(text, "nonsense"))
        FAILS(octollm_reaction_say(reaction, TEXT("{\"secret\": 1}")), "internal", "no reaction");
}

/* Sees what the detectors left. */
static void no_addresses(void *env, const char *text, size_t len, const char *origin, octollm_reaction_t *reaction) {
    (void)len, (void)origin, (void)reaction;
    ((watch_t *)env)->looked++;
    CHECK(!strchr(text, '@'));
}

static void reflexes_of_the_program_work_in_a_chain(void) {
    watch_t before = {0}, behind = {0};
    octollm_reflex_t reflexes[] = {
        {.name = "no_shouting", .name_len = 11, .env = &before, .react = no_shouting, .finalize = forget},
        {.name = "no_addresses", .name_len = 12, .behind = true, .env = &behind, .react = no_addresses, .finalize = forget},
    };
    octollm_chain_t *chain = NULL;
    octollm_string_t out = {0};
    WELL(octollm_chain_new(TEXT("{\"policy\": \"default\"}"), reflexes, 2, &chain));
    WELL(octollm_chain_screen(chain, TEXT("LOUD"), TEXT("document"), &out));
    CHECK(strstr(out.data, "\"verdict\":\"rewrite\"") && strstr(out.data, "\"text\":\"quiet, <EMAIL_1>\""));
    CHECK(holds(out, "\"actions\":[\"redact\"]"));
    WELL(octollm_chain_screen(chain, TEXT("HEY"), TEXT("document"), &out));
    CHECK(strstr(out.data, "\"verdict\":\"refuse\"") && holds(out, "\"code\":\"shouting\""));
    WELL(octollm_chain_screen(chain, TEXT("later"), TEXT("document"), &out));
    CHECK(strstr(out.data, "\"verdict\":\"throttle\"") && holds(out, "\"retry_after\":1.5"));
    /* What cannot be judged goes no further. */
    WELL(octollm_chain_screen(chain, TEXT("nonsense"), TEXT("document"), &out));
    CHECK(holds(out, "\"code\":\"reflex_failed\""));
    FAILS(octollm_chain_screen(chain, TEXT("x"), TEXT("me"), &out), "invalid_input", "the origin");
    CHECK(before.looked == 4 && behind.looked == 1 && before.ended == 0);
    octollm_chain_free(chain);
    CHECK(before.ended == 1 && behind.ended == 1);

    /* Finalizers run also where no chain comes of it; no reflexes and no policy are fine. */
    FAILS(octollm_chain_new(TEXT("{\"pii\": \"maybe\"}"), reflexes, 2, &chain), "invalid_input", "/pii");
    reflexes[1].react = NULL;
    FAILS(octollm_chain_new(NULL, 0, reflexes, 2, &chain), "invalid_input", "reflexes.react: must not be NULL");
    CHECK(before.ended == 3 && behind.ended == 3);
    FAILS(octollm_chain_new(NULL, 0, NULL, 1, &chain), "invalid_input", "reflexes: must not be NULL");
    WELL(octollm_chain_new(NULL, 0, NULL, 0, &chain));
    WELL(octollm_chain_screen(chain, TEXT("ada@example.org"), TEXT("user"), &out));
    CHECK(holds(out, "<EMAIL_1>"));
    octollm_chain_free(chain);
    octollm_chain_free(NULL);
}

static void documents_are_found(const octollm_t *octo) {
    octollm_string_t out = {0};
    char path[512], request[600];
    snprintf(path, sizeof path, "%s/lamp.md", home);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs("# Lamp\n\nThe lamp burns whale oil.\n", file) >= 0 && fclose(file) == 0);
    snprintf(request, sizeof request, "[\"%s\"]", path);
    WELL(octollm_index(octo, TEXT(request), &out));
    CHECK(holds(out, "\"added\":1"));
    WELL(octollm_search(octo, TEXT("{\"query\": \"What does the lamp burn?\"}"), &out));
    CHECK(holds(out, "lamp.md:3"));
    FAILS(octollm_search(octo, TEXT("{}"), &out), "invalid_input", "query");
    FAILS(octollm_index(octo, TEXT("[\"/nowhere/at/all\"]"), &out), "not_found", "there is no such file");
}

/* Copies the first id in the text, and frees it. */
static void take_uuid(octollm_string_t entity, char id[40]) {
    const char *begin = strstr(entity.data, "\"id\":\"");
    CHECK(begin != NULL && strlen(begin) > 6 + 36);
    memcpy(id, begin + 6, 36);
    id[36] = '\0';
    octollm_string_free(&entity);
}

static void memory_is_shared(const octollm_t *octo) {
    octollm_string_t out = {0};
    char ada[40], engine[40], request[400];
    WELL(octollm_memory(octo, TEXT("{\"call\": \"put_entity\", \"entity_type\": \"person\", \"name\": \"Ada\"}"), &out));
    take_uuid(out, ada);
    WELL(octollm_memory(octo, TEXT("{\"call\": \"put_entity\", \"entity_type\": \"machine\", \"name\": \"Engine\"}"), &out));
    take_uuid(out, engine);
    snprintf(request, sizeof request,
             "{\"call\": \"put_relationship\", \"from_entity_id\": \"%s\", \"to_entity_id\": \"%s\", "
             "\"relationship_type\": \"wrote_for\", \"strength\": 0.5}", ada, engine);
    WELL(octollm_memory(octo, TEXT(request), &out));
    octollm_string_free(&out);
    snprintf(request, sizeof request, "{\"call\": \"neighbours\", \"id\": \"%s\", \"limit\": 5}", ada);
    WELL(octollm_memory(octo, TEXT(request), &out));
    CHECK(holds(out, "\"name\":\"Engine\""));

    WELL(octollm_memory(octo, TEXT("{\"call\": \"cache_get\", \"key\": [\"answer\", 1]}"), &out));
    CHECK(holds(out, "null"));
    WELL(octollm_memory(octo, TEXT("{\"call\": \"cache_set\", \"key\": [\"answer\", 1], \"value\": 42, \"ttl_seconds\": 60}"), &out));
    octollm_string_free(&out);
    WELL(octollm_memory(octo, TEXT("{\"call\": \"cache_get\", \"key\": [\"answer\", 1]}"), &out));
    CHECK(holds(out, "{\"value\":42}"));

    WELL(octollm_memory(octo, TEXT("{\"call\": \"remember\", \"collection\": \"notes\", \"records\": ["
                                   "{\"id\": \"1\", \"text\": \"An octopus has three hearts\"}, "
                                   "{\"id\": \"2\", \"text\": \"The train leaves at noon\"}]}"), &out));
    octollm_string_free(&out);
    WELL(octollm_memory(octo, TEXT("{\"call\": \"recall\", \"collection\": \"notes\", \"text\": \"hearts of an octopus\", \"limit\": 1}"), &out));
    CHECK(holds(out, "An octopus has three hearts"));

    FAILS(octollm_memory(octo, TEXT("{\"call\": \"drop_database\"}"), &out), "invalid_input", "the call of memory");
    FAILS(octollm_memory(octo, NULL, 3, &out), "invalid_input", "call: must not be NULL");
    FAILS(octollm_memory(octo, TEXT("{}"), NULL), "invalid_input", "out: must not be NULL");
}

/* What became of a receiver of the log. */
typedef struct {
    atomic_int lines, finalized;
} log_t;

static void take_line(void *env, int level, const char *line, size_t len) {
    log_t *log = env;
    CHECK(strlen(line) == len && len > 0 && strchr(line, '\n') == NULL);
    CHECK(level >= OCTOLLM_LOG_ERROR && level <= OCTOLLM_LOG_DEBUG);
    atomic_fetch_add(&log->lines, 1);
}

static void log_finalized(void *env) { atomic_fetch_add(&((log_t *)env)->finalized, 1); }

static void what_is_logged_can_be_had(log_t *log) {
    FAILS(octollm_log_to(9, take_line, log, log_finalized), "invalid_input", "level: must be OCTOLLM_LOG_ERROR");
    FAILS(octollm_log_to(OCTOLLM_LOG_INFO, NULL, log, log_finalized), "invalid_input", "callback: must not be NULL");
    CHECK(atomic_load(&log->finalized) == 2);
    WELL(octollm_log_to(OCTOLLM_LOG_DEBUG, take_line, log, log_finalized));
    FAILS(octollm_log_to(OCTOLLM_LOG_DEBUG, take_line, log, log_finalized), "conflict", "has a receiver already");
    CHECK(atomic_load(&log->finalized) == 3);
}

static void answers_are_given_again_unless_fresh_ones_are_wanted(void) {
    octollm_builder_t *builder = NULL;
    octollm_t *octo = NULL;
    witness_t witness = {0};
    octollm_arm_t arm = {&witness, echo, NULL, finalize};
    char place[512];
    snprintf(place, sizeof place, "%s/answers", home);
    WELL(octollm_builder_new(&builder));
    WELL(octollm_builder_set(builder, TEXT("OCTOLLM_HOME"), TEXT(place)));
    WELL(octollm_builder_set(builder, TEXT("LLM_DISCOVERY"), TEXT("off")));
    WELL(octollm_builder_set(builder, TEXT("ANSWER_CACHE"), TEXT("10m")));
    WELL(octollm_builder_add_arm(builder, TEXT("{\"arm_id\": \"quiet\", \"name\": \"Quiet\", \"capabilities\": [\"quiet\"],"
                                               " \"side_effects\": \"none\"}"), &arm));
    WELL(octollm_start(builder, &octo));
    const char *request = PLAN(STEP("1", "quiet", ", \"input\": {\"word\": \"aye\"}"));
    for (int i = 0; i < 2; i++) CHECK(holds(run(octo, request), "aye"));
    CHECK(atomic_load(&witness.calls) == 1);
    octollm_string_t out = {0};
    WELL(octollm_run(octo, TEXT(request), TEXT("{\"fresh\": true}"), 30000, &out));
    CHECK(holds(out, "aye") && atomic_load(&witness.calls) == 2);
    FAILS(octollm_run(octo, TEXT(request), TEXT("{\"fresch\": true}"), 0, &out), "invalid_input", "fresch");
    FAILS(octollm_submit(octo, TEXT(request), TEXT("a key"), &out), "invalid_input", "options: is not JSON");
    WELL(octollm_free(octo));
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    home = argv[1];
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", OCTOLLM_VERSION_MAJOR, OCTOLLM_VERSION_MINOR, OCTOLLM_VERSION_PATCH);
    CHECK(strcmp(octollm_version(), version) == 0);
    static log_t log;
    what_is_logged_can_be_had(&log);
    faults_are_named();
    reflexes_work_alone();
    reflexes_of_the_program_work_in_a_chain();
    answers_are_given_again_unless_fresh_ones_are_wanted();

    witnesses_t first = {0};
    octollm_t *octo = start(&first);
    requests_are_checked(octo);
    arms_in_c_and_rust_share_a_plan(octo, &first);
    failures_are_steps(octo, &first);
    events_come_in_both_ways(octo);
    cancelling_reaches_the_arm(octo, &first);
    people_are_asked(octo);
    documents_are_found(octo);
    memory_is_shared(octo);
    everything_is_listed(octo);
    WELL(octollm_free(octo));
    CHECK(atomic_load(&first.echo.finalized) == 1 && atomic_load(&first.flaky.finalized) == 1);

    /* The tasks are still there for the next process, or the next orchestrator. */
    witnesses_t second = {0};
    octo = start(&second);
    octollm_string_t out = {0};
    WELL(octollm_list(octo, NULL, 0, &out));
    CHECK(holds(out, "Do what the plan says"));
    WELL(octollm_free(octo));
    CHECK(atomic_load(&second.echo.finalized) == 1 && atomic_load(&second.echo.calls) == 0);
    CHECK(atomic_load(&log.lines) > 0 && atomic_load(&log.finalized) == 3);
    puts("C: all is well");
    return 0;
}
