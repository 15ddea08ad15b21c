/* Where programs go wrong: callbacks that call back, handles that end while somebody waits, threads of all kinds. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static const char *home;
static octollm_t *octo;

static void pause_ms(long milliseconds) {
    struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
    nanosleep(&time, NULL);
}

static void until(atomic_int *count, int wanted) {
    for (int i = 0; i < 20000 && atomic_load(count) < wanted; i++) pause_ms(1);
    CHECK(atomic_load(count) >= wanted);
}

#define PLAN(arm, rest)                                                                                          \
    "{\"goal\": \"Do what the plan says\"" rest ", \"plan\": {\"subtasks\": [{\"step\": 1, \"action\": \"do it\", " \
    "\"required_arm\": \"" arm "\", \"input\": {}}]}}"

static void submit(const char *request, char id[64]) {
    octollm_string_t out = {0};
    WELL(octollm_submit(octo, TEXT(request), NULL, 0, &out));
    const char *begin = strstr(out.data, "task-");
    CHECK(begin != NULL && strcspn(begin, "\"") < 64);
    size_t len = strcspn(begin, "\"");
    memcpy(id, begin, len);
    id[len] = '\0';
    octollm_string_free(&out);
}

static void ends_with(const char *id, const char *words) {
    octollm_string_t out = {0};
    WELL(octollm_wait(octo, TEXT(id), 30000, &out));
    if (!strstr(out.data, words)) fprintf(stderr, "no `%s` in %s\n", words, out.data);
    CHECK(strstr(out.data, words));
    octollm_string_free(&out);
}

/* An arm that has others work, by the very library that called it. */
static void asks_others(void *env, octollm_call_t *call) {
    (void)env;
    octollm_string_t out = {0};
    WELL(octollm_run(octo, TEXT(PLAN("seven", "")), NULL, 0, 30000, &out));
    CHECK(strstr(out.data, "\"result\":7"));
    octollm_string_free(&out);
    FAILS(octollm_free(octo), "conflict", "cannot be ended by a callback");
    WELL(octollm_call_complete(call, TEXT("\"asked\"")));
}

static void seven(void *env, octollm_call_t *call) {
    (void)env;
    FAILS(octollm_call_complete(NULL, TEXT("7")), "invalid_input", "call: must not be NULL");
    FAILS(octollm_call_complete(call, "\"\xff\"", 3), "invalid_input", "is not UTF-8 from byte 1 on");
    FAILS(octollm_call_fail(call, "\xc3", 1, false, 0), "invalid_input", "is not UTF-8 from byte 0 on");
    FAILS(octollm_call_progress(call, NULL, 4, 2.0f), "invalid_input", "message: must not be NULL");
    WELL(octollm_call_progress(call, TEXT("more than all of it"), 2.0f));
    WELL(octollm_call_complete(call, TEXT("7")));
}

static atomic_int patience, calls_ended;
static atomic_bool hurried;

/* Works as long as somebody waits, and answers into the void; where it has to hurry, at once. */
static void patient(void *env, octollm_call_t *call) {
    (void)env;
    atomic_fetch_add(&patience, 1);
    if (atomic_load(&hurried)) {
        WELL(octollm_call_complete(call, TEXT("\"in time\"")));
        return;
    }
    for (int i = 0; i < 60000 && !octollm_call_is_cancelled(call); i++) pause_ms(1);
    FAILS(octollm_call_complete(call, TEXT("7")), "cancelled", "nobody waits");
    atomic_fetch_add(&calls_ended, 1);
}

/* Fails where it throws what it was given away, on a thread that the library does not know. */
static void *drop_call(void *call) {
    octollm_call_free(call);
    return NULL;
}

static void drops(void *env, octollm_call_t *call) {
    (void)env;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, drop_call, call) == 0);
    pthread_detach(thread);
}

#define BURST 24

static pthread_mutex_t seats_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t seats[BURST * 2];
static int seated;
static atomic_int at_work;

/* Remembers its thread; in a burst it waits until all of them are there. */
static void sits(void *env, octollm_call_t *call) {
    (void)env;
    pthread_mutex_lock(&seats_lock);
    int seat = 0;
    while (seat < seated && !pthread_equal(seats[seat], pthread_self())) seat++;
    if (seat == seated) seats[seated++] = pthread_self();
    CHECK(seated < BURST * 2);
    pthread_mutex_unlock(&seats_lock);
    if (strstr(octollm_call_input(call, NULL), "burst")) {
        atomic_fetch_add(&at_work, 1);
        until(&at_work, BURST);
    }
    WELL(octollm_call_complete(call, TEXT("null")));
}

#define ARMS 5

static octollm_t *start(void) {
    const char *names[ARMS] = {"asks_others", "seven", "patient", "drops", "sits"};
    void (*const works[ARMS])(void *, octollm_call_t *) = {asks_others, seven, patient, drops, sits};
    octollm_builder_t *builder = NULL;
    octollm_t *started = NULL;
    WELL(octollm_builder_new(&builder));
    WELL(octollm_builder_set(builder, TEXT("OCTOLLM_HOME"), TEXT(home)));
    WELL(octollm_builder_set(builder, TEXT("LLM_DISCOVERY"), TEXT("off")));
    for (int i = 0; i < ARMS; i++) {
        char descriptor[256];
        snprintf(descriptor, sizeof descriptor, "{\"arm_id\": \"%s\", \"name\": \"An arm\", \"capabilities\": [\"%s_work\"],"
                 " \"max_concurrent\": 100}", names[i], names[i]);
        octollm_arm_t arm = {NULL, works[i], NULL, NULL};
        WELL(octollm_builder_add_arm(builder, TEXT(descriptor), &arm));
    }
    WELL(octollm_start(builder, &started));
    return started;
}

static void arms_may_use_the_library(void) {
    char id[64];
    submit(PLAN("asks_others", ""), id);
    ends_with(id, "\"result\":\"asked\"");
    submit(PLAN("drops", ""), id);
    ends_with(id, "gave the call up without an answer");
}

/* Every thread of a burst is kept warm if each call goes to the one that waited longest: then none of them ever ends. */
static void a_trickle_of_calls_needs_few_threads(void) {
    char ids[BURST][64];
    for (int i = 0; i < BURST; i++)
        submit("{\"goal\": \"Sit down, all of you\", \"plan\": {\"subtasks\": [{\"step\": 1, \"action\": \"sit\", "
               "\"required_arm\": \"sits\", \"input\": {\"burst\": true}}]}}", ids[i]);
    for (int i = 0; i < BURST; i++) ends_with(ids[i], "\"status\":\"completed\"");
    CHECK(seated == BURST);
    pthread_mutex_lock(&seats_lock);
    seated = 0;
    pthread_mutex_unlock(&seats_lock);
    for (int i = 0; i < BURST * 2; i++) {
        submit(PLAN("sits", ""), ids[0]);
        ends_with(ids[0], "\"status\":\"completed\"");
    }
    CHECK(seated <= BURST / 3);
}

static atomic_int approved, finalized;

static void approve(void *env, const char *event, size_t len) {
    CHECK(strlen(event) == len);
    if (!strstr(event, "\"approval.requested\"")) return;
    octollm_string_t out = {0};
    WELL(octollm_approve(octo, TEXT((const char *)env), TEXT("{\"approved\": true}"), &out));
    octollm_string_free(&out);
    FAILS(octollm_free(octo), "conflict", "cannot be ended by a callback");
    atomic_fetch_add(&approved, 1);
}

/* Runs in the midst of the library's work: what would wait for it is refused, and the rest goes. */
static void refused_in_a_finalizer(void *env) {
    (void)env;
    octollm_string_t out = {0};
    FAILS(octollm_health(octo, &out), "conflict", "cannot wait for OctoLLM");
    FAILS(octollm_free(octo), "conflict", "cannot be ended by a callback");
    WELL(octollm_reflex_scan(TEXT("ada@example.org"), 0, &out));
    octollm_string_free(&out);
    atomic_fetch_add(&finalized, 1);
}

static void watchers_may_use_the_library_and_finalizers_are_told(void) {
    char id[64];
    submit(PLAN("seven", ", \"approval\": \"plan\""), id);
    WELL(octollm_watch(octo, TEXT(id), 0, approve, id, refused_in_a_finalizer));
    ends_with(id, "\"result\":7");
    until(&finalized, 1);
    CHECK(atomic_load(&approved) == 1);
}

static atomic_int lines;

/* A receiver that answers every line with more work would never see the last one. */
static void refused_in_the_log(void *env, int level, const char *line, size_t len) {
    CHECK(env == &lines && level > 0 && strlen(line) == len);
    octollm_t *server = NULL;
    octollm_string_t out = {0};
    FAILS(octollm_connect(TEXT("http://127.0.0.1:1"), &server), "conflict", "cannot wait for OctoLLM");
    WELL(octollm_reflex_redact(line, len, 0, TEXT("mask"), NULL, &out));
    octollm_string_free(&out);
    atomic_fetch_add(&lines, 1);
}

static atomic_int let_go;

static void *run_it(void *unused) {
    octollm_string_t out = {0};
    FAILS(octollm_run(octo, TEXT(PLAN("patient", "")), NULL, 0, 0, &out), "unavailable", "is shutting down");
    CHECK(out.data == NULL);
    atomic_fetch_add(&let_go, 1);
    return unused;
}

static void *wait_for_it(void *id) {
    octollm_string_t out = {0};
    FAILS(octollm_wait(octo, TEXT((const char *)id), 0, &out), "unavailable", "is shutting down");
    atomic_fetch_add(&let_go, 1);
    return NULL;
}

static void *follow_it(void *events) {
    for (;;) {
        bool ended = false;
        octollm_string_t event = {0};
        octollm_error_t *error = octollm_events_next(events, 0, &event, &ended);
        octollm_string_free(&event);
        if (!error) continue;
        CHECK(!ended && strcmp(octollm_error_code(error), "unavailable") == 0);
        octollm_error_free(error);
        break;
    }
    atomic_fetch_add(&let_go, 1);
    return NULL;
}

static void ignore(void *env, const char *event, size_t len) { (void)env, (void)event, (void)len; }

static void count(void *env) { atomic_fetch_add((atomic_int *)env, 1); }

/* Everybody who waits is let go, and nothing that was accepted is lost. */
static void an_end_lets_everybody_go(void) {
    char waiting[64];
    pthread_t threads[3];
    atomic_int unwatched = 0;
    octollm_events_t *events = NULL;
    submit(PLAN("seven", ", \"approval\": \"plan\""), waiting);
    WELL(octollm_events_open(octo, TEXT(waiting), 0, &events));
    WELL(octollm_watch(octo, TEXT(waiting), 0, ignore, &unwatched, count));
    CHECK(pthread_create(&threads[0], NULL, run_it, NULL) == 0);
    CHECK(pthread_create(&threads[1], NULL, wait_for_it, waiting) == 0);
    CHECK(pthread_create(&threads[2], NULL, follow_it, events) == 0);
    until(&patience, 1);
    pause_ms(50);
    WELL(octollm_free(octo));
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK(atomic_load(&let_go) == 3);
    octollm_events_free(events);
    until(&unwatched, 1);
    until(&calls_ended, 1);

    atomic_store(&hurried, true);
    octo = start();
    octollm_string_t out = {0};
    until(&patience, 2); /* the run goes on */
    for (bool done = false; !done; pause_ms(1)) {
        WELL(octollm_list(octo, TEXT("{\"limit\": 1}"), &out)); /* it came last */
        CHECK(!strstr(out.data, "cancelled"));
        done = strstr(out.data, "\"status\":\"completed\"") != NULL;
        octollm_string_free(&out);
    }
    WELL(octollm_approve(octo, TEXT(waiting), TEXT("{\"approved\": true}"), &out));
    octollm_string_free(&out);
    ends_with(waiting, "\"result\":7");
    WELL(octollm_free(octo));
    octo = NULL;
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    home = argv[1];
    WELL(octollm_log_to(OCTOLLM_LOG_TRACE, refused_in_the_log, &lines, NULL));
    octo = start();
    arms_may_use_the_library();
    a_trickle_of_calls_needs_few_threads();
    watchers_may_use_the_library_and_finalizers_are_told();
    an_end_lets_everybody_go();
    CHECK(atomic_load(&lines) > 0);
    puts("C, edges: all is well");
    return 0;
}
