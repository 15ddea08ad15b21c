/* OctoLLM for C, C++ and every language that can call C.
 *
 * - What can fail answers an octollm_error_t *, NULL if it went well. Out-parameters are written only then.
 * - Texts that go in are (pointer, length) in UTF-8, and are copied where they are kept. Texts that come out are
 *   octollm_string_t, freed with octollm_string_free. The contract's types travel as JSON.
 * - Handles are opaque. Each has one function that frees it, which takes NULL, too.
 * - A callback gets the env that it was given with, may be called from any thread, and must not throw or jump out. Its
 *   finalizer runs exactly once, when nothing can call it any more. A finalizer and a receiver of the log must not wait
 *   for the library: functions that would (all that take an octollm_t) answer `conflict` there.
 * - Functions may be called from several threads at once where their handle says thread-safe.
 * - All orchestrators of a process share one set of threads. After a fork the child must not call the library.
 */

#pragma once

/* Generated from bindings/c/src by `make -C bindings/c header`. Change it there. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 The major version of this header.
 */
#define OCTOLLM_VERSION_MAJOR 0

/*
 The minor version of this header.
 */
#define OCTOLLM_VERSION_MINOR 1

/*
 The patch version of this header.
 */
#define OCTOLLM_VERSION_PATCH 0

/*
 The arm is well.
 */
#define OCTOLLM_HEALTHY 0

/*
 The arm works, but not as it should.
 */
#define OCTOLLM_DEGRADED 1

/*
 The arm cannot work; others are asked.
 */
#define OCTOLLM_UNHEALTHY 2

/*
 What failed.
 */
#define OCTOLLM_LOG_ERROR 1

/*
 What may need attention.
 */
#define OCTOLLM_LOG_WARN 2

/*
 What happens.
 */
#define OCTOLLM_LOG_INFO 3

/*
 What a developer looks for.
 */
#define OCTOLLM_LOG_DEBUG 4

/*
 Every detail.
 */
#define OCTOLLM_LOG_TRACE 5

/*
 The text comes from outside (a document, a page) and is judged more strictly.
 */
#define OCTOLLM_REFLEX_EXTERNAL 1

/*
 Names of persons and street addresses are looked for, too: by a model that errs, and takes longer.
 */
#define OCTOLLM_REFLEX_NAMES 2

/*
 What an orchestrator will be made of. Not thread-safe.
 */
typedef struct octollm_builder_t octollm_builder_t;

/*
 A call of an arm. It belongs to the arm until it is answered with `octollm_call_complete` or `octollm_call_fail`, or
 given up with `octollm_call_free`: exactly one of the three must be called, on any thread, now or later. All other
 functions of a call may be used from several threads at once until then.
 */
typedef struct octollm_call_t octollm_call_t;

/*
 Reflexes in their order, and the policy that decides what they do. Thread-safe, where the program's reflexes are.
 */
typedef struct octollm_chain_t octollm_chain_t;

/*
 An error. Every function that can fail answers one, or NULL if it went well. Free it with `octollm_error_free`.

 Its texts live as long as the error. They hold no value that a user or a model wrote. Thread-safe.
 */
typedef struct octollm_error_t octollm_error_t;

/*
 The events of one task, from one of them on. May be used from several threads: each event goes to one of them.
 */
typedef struct octollm_events_t octollm_events_t;

/*
 What a reflex says about a text. It lives as long as the callback that it is given to.
 */
typedef struct octollm_reaction_t octollm_reaction_t;

/*
 An orchestrator, in this process (`octollm_start`) or on a server (`octollm_connect`). Thread-safe.
 */
typedef struct octollm_t octollm_t;

/*
 Ends the life of an `env`. NULL where there is nothing to end.
 */
typedef void (*octollm_finalizer_t)(void *env);

/*
 What an arm does. `execute` and `health` are called from threads of the library, which they may block, and from
 several at once: as many as the descriptor's `max_concurrent` says.
 */
typedef struct {
  /*
   Given to every callback.
   */
  void *env;
  /*
   Takes a call, and answers it before or after it returns: see `octollm_call_t`. Must not be NULL.
   */
  void (*execute)(void *env, octollm_call_t *call);
  /*
   `OCTOLLM_HEALTHY`, `OCTOLLM_DEGRADED` or `OCTOLLM_UNHEALTHY`. NULL for an arm that is always well.
   */
  int (*health)(void *env);
  /*
   Called once, when nothing calls the arm any more. NULL where `env` needs no end.
   */
  octollm_finalizer_t finalize;
} octollm_arm_t;

/*
 A reflex of the program's own.
 */
typedef struct {
  /*
   Its name, in reports: `name_len` bytes.
   */
  const char *name;
  /*
   Bytes of the name.
   */
  size_t name_len;
  /*
   Whether it sees a text as it goes on, with placeholders for what was found, instead of as it came.
   */
  bool behind;
  /*
   Given to the callbacks.
   */
  void *env;
  /*
   Looks at a text of `len` bytes, which end with a NUL that `len` does not count, and whose `origin` is `user`, `arm`,
   `document` or `tool`. It says what to do with `octollm_reaction_say`, or nothing for a text that may pass. Called on the
   threads that screen texts, from several at once. Must not be NULL.
   */
  void (*react)(void *env, const char *text, size_t len, const char *origin, octollm_reaction_t *reaction);
  /*
   Called once, when nothing calls the reflex any more. NULL where `env` needs no end.
   */
  octollm_finalizer_t finalize;
} octollm_reflex_t;

/*
 A text that the library made: UTF-8, `len` bytes at `data`, and a NUL after them that `len` does not count. Free it
 with `octollm_string_free`.
 */
typedef struct {
  /*
   The bytes; NULL once freed.
   */
  char *data;
  /*
   How many there are.
   */
  size_t len;
} octollm_string_t;

/*
 Takes one event, as JSON: `len` bytes and a NUL. It lives as long as the call of the callback.
 */
typedef void (*octollm_event_callback_t)(void *env, const char *event, size_t len);

/*
 Takes one line: `len` bytes without a line end, and a NUL. It lives as long as the call of the callback.
 */
typedef void (*octollm_log_callback_t)(void *env, int level, const char *line, size_t len);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 The version of the library that is loaded, as `0.1.0`. NUL-terminated, never freed. Thread-safe.
 */
const char *octollm_version(void);

/*
 Begins an orchestrator with every default: durable, in one SQLite file in the platform's data folder, with the arms
 that come with OctoLLM. `*out` goes to `octollm_start`, or to `octollm_builder_free`.

 # Safety
 `out` is NULL or writable.
 */
octollm_error_t *octollm_builder_new(octollm_builder_t **out);

/*
 Sets a setting by its name, in either spelling: `OCTOLLM_HOME`, `octollm_home`. It wins over `octollm.toml` and the
 environment. Names and values are checked by `octollm_start`, all of them at once.

 # Safety
 `builder` is NULL or living; texts are NULL or point to as many bytes as they say.
 */
octollm_error_t *octollm_builder_set(octollm_builder_t *builder,
                                     const char *name,
                                     size_t name_len,
                                     const char *value,
                                     size_t value_len);

/*
 Adds an arm of the program's own. `descriptor` is an ArmDescriptor as JSON; `arm_id`, `name` and `capabilities` must be
 there, as `{"arm_id": "weather", "name": "Weather", "capabilities": ["weather_forecast"]}`. `arm` is copied. Its
 finalizer runs once, also if this fails.

 # Safety
 `builder` is NULL or living; `descriptor` is NULL or points to `descriptor_len` bytes; `arm` is NULL or readable, and
 its callbacks may be called from any thread with its `env`.
 */
octollm_error_t *octollm_builder_add_arm(octollm_builder_t *builder,
                                         const char *descriptor,
                                         size_t descriptor_len,
                                         const octollm_arm_t *arm);

/*
 Adds an arm behind HTTP, by its address. `octollm_start` fails if it does not answer.

 # Safety
 `builder` is NULL or living; `url` is NULL or points to `url_len` bytes.
 */
octollm_error_t *octollm_builder_add_arm_url(octollm_builder_t *builder, const char *url, size_t url_len);

/*
 Frees a builder that was not started. NULL is allowed.

 # Safety
 `builder` is NULL or living, and not used afterwards.
 */
void octollm_builder_free(octollm_builder_t *builder);

/*
 Starts what the builder describes; the builder is gone afterwards, also if this fails. Tasks that an earlier process
 left unfinished go on. `*out` is to be freed with `octollm_free`.

 # Safety
 `builder` is NULL or living, and not used afterwards; `out` is NULL or writable.
 */
octollm_error_t *octollm_start(octollm_builder_t *builder,
                               octollm_t **out);

/*
 Works on the server at this address, as `http://127.0.0.1:8000`. `*out` is to be freed with `octollm_free`.

 # Safety
 `url` is NULL or points to `url_len` bytes; `out` is NULL or writable.
 */
octollm_error_t *octollm_connect(const char *url, size_t url_len, octollm_t **out);

/*
 Ends an orchestrator: running steps may end within 5 seconds, the rest stays in the journal and goes on at the next
 start. Calls that wait in other threads meanwhile end with `unavailable`; their tasks go on at the next start, too.
 Must not be called from a callback: then it answers `conflict` and the handle lives on. NULL is allowed.

 # Safety
 `octo` is NULL or living; no call begins with it once this has begun, unless it answers an error.
 */
octollm_error_t *octollm_free(octollm_t *octo);

/*
 The input, as JSON: it satisfies the arm's `input_schema`. NUL-terminated, `*len` bytes where `len` is not NULL; lives
 as long as the call. NULL for NULL.

 # Safety
 `call` is NULL or a living call, `len` NULL or writable.
 */
const char *octollm_call_input(const octollm_call_t *call,
                               size_t *len);

/*
 The task that the call is for. NUL-terminated; lives as long as the call. NULL for NULL.

 # Safety
 `call` is NULL or a living call.
 */
const char *octollm_call_task_id(const octollm_call_t *call);

/*
 The same for every attempt at one step: an idempotency key. NUL-terminated; lives as long as the call. NULL for NULL.

 # Safety
 `call` is NULL or a living call.
 */
const char *octollm_call_request_id(const octollm_call_t *call);

/*
 The step of the task's plan, from 1; 0 for NULL.

 # Safety
 `call` is NULL or a living call.
 */
uint32_t octollm_call_step(const octollm_call_t *call);

/*
 Which attempt at the step this is, from 1; 0 for NULL.

 # Safety
 `call` is NULL or a living call.
 */
uint32_t octollm_call_attempt(const octollm_call_t *call);

/*
 Milliseconds until the answer is of no more use; 0 when that is past, and for NULL.

 # Safety
 `call` is NULL or a living call.
 */
uint64_t octollm_call_remaining_ms(const octollm_call_t *call);

/*
 Whether nobody waits for the answer any more: the task was cancelled, the time is up, or the program ends. Long work
 should look now and then, and end. True for NULL.

 # Safety
 `call` is NULL or a living call.
 */
bool octollm_call_is_cancelled(const octollm_call_t *call);

/*
 Says what is being done, and how much of it is done: 0..1, or a negative number where nobody knows.

 # Safety
 `call` is NULL or a living call; `message` is NULL or points to `message_len` bytes.
 */
octollm_error_t *octollm_call_progress(const octollm_call_t *call,
                                       const char *message,
                                       size_t message_len,
                                       float fraction);

/*
 Answers the call with this output, as JSON. A number `confidence` (0..1) and an object `usage` in it are read. The call
 is gone afterwards, unless the output is no JSON: then it still waits for an answer. `cancelled` if nobody waits any
 more.

 # Safety
 `call` is NULL or a living call, and not used afterwards; `output` is NULL or points to `output_len` bytes.
 */
octollm_error_t *octollm_call_complete(octollm_call_t *call,
                                       const char *output,
                                       size_t output_len);

/*
 Answers the call with a failure. A temporary one is tried again, after `retry_after_ms` if that is not 0; any other
 hands the step to another arm or fails it. `message` says what failed, for people and for the journal: no secrets, no
 personal data. The call is gone afterwards, unless the message is not UTF-8.

 # Safety
 `call` is NULL or a living call, and not used afterwards; `message` is NULL or points to `message_len` bytes.
 */
octollm_error_t *octollm_call_fail(octollm_call_t *call,
                                   const char *message,
                                   size_t message_len,
                                   bool temporary,
                                   uint64_t retry_after_ms);

/*
 Gives a call up without an answer: its step fails. NULL is allowed.

 # Safety
 `call` is NULL or a living call, and not used afterwards.
 */
void octollm_call_free(octollm_call_t *call);

/*
 Builds a chain. `policy` is the section `reflex` of a configuration as JSON, `{"policy": "strict", "pii": "flag"}`; the default
 policy where it is empty. `reflexes` are `count` reflexes of the program's own, copied, in their order. Their finalizers
 run once, also if this fails. `*out` is to be freed with `octollm_chain_free`.

 # Safety
 `policy` is NULL or points to `policy_len` bytes; `reflexes` is NULL or points to `count` of them, whose callbacks may be
 called from any thread with their `env`; `out` is NULL or writable.
 */
octollm_error_t *octollm_chain_new(const char *policy,
                                   size_t policy_len,
                                   const octollm_reflex_t *reflexes,
                                   size_t count,
                                   octollm_chain_t **out);

/*
 Says what to do with a text, as JSON: `{"rewrite": "another text"}`, `{"answer": ...}`, `{"refuse": "code"}` or
 `{"throttle": seconds}`; what was said before is forgotten. A reflex that says something else lets nothing pass.

 # Safety
 `reaction` is NULL or what the callback was given, and it has not returned; `said` is NULL or points to `len` bytes.
 */
octollm_error_t *octollm_reaction_say(octollm_reaction_t *reaction,
                                      const char *said,
                                      size_t len);

/*
 Screens a text that comes from `origin` (`user`, `arm`, `document` or `tool`), and writes what came of it as JSON: `text` as
 it goes on; `verdict` is `pass`, `rewrite`, `answer`, `throttle` or `refuse`; `findings` as those of
 `octollm_reflex_scan`, with what was done about each in `actions`; `code`, `answer` and `retry_after` where there are
 such. Thread-safe; microseconds, and what the program's reflexes take.

 # Safety
 `chain` is NULL or living; `data` and `origin` are NULL or point to as many bytes as they say; `out` is NULL or writable.
 */
octollm_error_t *octollm_chain_screen(const octollm_chain_t *chain,
                                      const char *data,
                                      size_t len,
                                      const char *origin,
                                      size_t origin_len,
                                      octollm_string_t *out);

/*
 Frees a chain. NULL is allowed.

 # Safety
 `chain` is NULL or living, and not used afterwards.
 */
void octollm_chain_free(octollm_chain_t *chain);

/*
 The stable code: `invalid_input`, `not_found`, `conflict`, `unauthorized`, `refused_by_reflex`, `too_large`,
 `rate_limited`, `timeout`, `cancelled`, `budget_exceeded`, `arm_failed`, `not_configured`, `storage`, `unavailable`
 or `internal`. NUL-terminated; "" for NULL.

 # Safety
 `error` is NULL or a living error.
 */
const char *octollm_error_code(const octollm_error_t *error);

/*
 What failed, where, and every broken rule. NUL-terminated; "" for NULL.

 # Safety
 `error` is NULL or a living error.
 */
const char *octollm_error_message(const octollm_error_t *error);

/*
 What a person can do about it. NUL-terminated; NULL where nobody knows.

 # Safety
 `error` is NULL or a living error.
 */
const char *octollm_error_hint(const octollm_error_t *error);

/*
 The whole error as JSON: `{code, message, hint, temporary, errors: [{pointer, detail}]}`. NUL-terminated; "" for NULL.

 # Safety
 `error` is NULL or a living error.
 */
const char *octollm_error_json(const octollm_error_t *error);

/*
 Whether the same call may succeed later.

 # Safety
 `error` is NULL or a living error.
 */
bool octollm_error_is_temporary(const octollm_error_t *error);

/*
 Milliseconds after which to come back; 0 where nobody said.

 # Safety
 `error` is NULL or a living error.
 */
uint64_t octollm_error_retry_after_ms(const octollm_error_t *error);

/*
 Frees an error. NULL is allowed.

 # Safety
 `error` is NULL or an error that was not freed; it must not be used afterwards.
 */
void octollm_error_free(octollm_error_t *error);

/*
 Opens the events of a task after the one numbered `after` (0: all), then those that come, until the task has ended.
 `*out` is to be freed with `octollm_events_free`.

 # Safety
 `octo` is NULL or living; `task` is NULL or points to `task_len` bytes; `out` is NULL or writable.
 */
octollm_error_t *octollm_events_open(const octollm_t *octo,
                                     const char *task,
                                     size_t task_len,
                                     uint64_t after,
                                     octollm_events_t **out);

/*
 Waits for the next event, `timeout_ms` at most (0: as long as it takes), and writes it to `event` as JSON, to be freed
 with `octollm_string_free`. After the last one `*ended` is true and `event` is not written. `timeout` if none came in
 time: ask again.

 # Safety
 `events` is NULL or living; `event` and `ended` are NULL or writable.
 */
octollm_error_t *octollm_events_next(const octollm_events_t *events,
                                     uint64_t timeout_ms,
                                     octollm_string_t *event,
                                     bool *ended);

/*
 Closes the events. The task goes on. NULL is allowed.

 # Safety
 `events` is NULL or living, and not used afterwards.
 */
void octollm_events_free(octollm_events_t *events);

/*
 Calls `callback` with every event of a task after the one numbered `after`, in order and one at a time, from a thread
 of the library. A slow callback delays its own events only. When the task has ended, or its events cannot be read on,
 `finalize` is called.

 # Safety
 `octo` is NULL or living; `task` is NULL or points to `task_len` bytes; `callback` and `finalize` may be called from
 any thread with `env`.
 */
octollm_error_t *octollm_watch(const octollm_t *octo,
                               const char *task,
                               size_t task_len,
                               uint64_t after,
                               octollm_event_callback_t callback,
                               void *env,
                               octollm_finalizer_t finalize);

/*
 Hands every line of this level (`OCTOLLM_LOG_INFO`) and the more important ones to `callback`, from any thread, several
 at once. Once per process: a second time is `conflict`. `finalize` runs if it fails, and else never.

 # Safety
 `callback` and `finalize` may be called from any thread with `env`, until the process ends.
 */
octollm_error_t *octollm_log_to(int level,
                                octollm_log_callback_t callback,
                                void *env,
                                octollm_finalizer_t finalize);

/*
 Submits a task: `request` is a TaskRequest as JSON, as `{"goal": "..."}`. When this returns, the task is durable and
 will be done. Writes the TaskResponse as JSON, with the `task_id`. `options` is JSON `{"idempotency_key": "...", "fresh":
 true}`, each of them optional, or NULL: a repeat with the same key (1 to 255 bytes) answers the same task; with `fresh`
 the work is done again where an equal task was answered before (setting `ANSWER_CACHE`).

 # Safety
 `octo` is NULL or living; texts are NULL or point to as many bytes as they say; `out` is NULL or writable.
 */
octollm_error_t *octollm_submit(const octollm_t *octo,
                                const char *request,
                                size_t request_len,
                                const char *options,
                                size_t options_len,
                                octollm_string_t *out);

/*
 Submits a task and waits for its end, `timeout_ms` at most (0: as long as it takes). Writes the TaskResult as JSON: a
 task that failed is a result with an `error`. If the time is up the answer is `timeout`, and the task is cancelled.
 `options` are those of `octollm_submit`, or NULL.

 # Safety
 As `octollm_submit`.
 */
octollm_error_t *octollm_run(const octollm_t *octo,
                             const char *request,
                             size_t request_len,
                             const char *options,
                             size_t options_len,
                             uint64_t timeout_ms,
                             octollm_string_t *out);

/*
 Waits for a task's end, `timeout_ms` at most (0: as long as it takes), and writes its TaskResult as JSON. `timeout` if
 the time is up; the task goes on.

 # Safety
 `octo` is NULL or living; `task` is NULL or points to `task_len` bytes; `out` is NULL or writable.
 */
octollm_error_t *octollm_wait(const octollm_t *octo,
                              const char *task,
                              size_t task_len,
                              uint64_t timeout_ms,
                              octollm_string_t *out);

/*
 Writes where a task stands: its TaskResult as JSON. Does not wait.

 # Safety
 As `octollm_wait`.
 */
octollm_error_t *octollm_task(const octollm_t *octo,
                              const char *task,
                              size_t task_len,
                              octollm_string_t *out);

/*
 Writes a page of tasks, newest first, as JSON: `{tasks, next}`. `filter` is JSON `{status, priority, parent_task_id,
 metadata, limit, cursor}`, each of them optional, or NULL.

 # Safety
 `octo` is NULL or living; `filter` is NULL or points to `filter_len` bytes; `out` is NULL or writable.
 */
octollm_error_t *octollm_list(const octollm_t *octo,
                              const char *filter,
                              size_t filter_len,
                              octollm_string_t *out);

/*
 Stops a task, its running steps and its sub-tasks, and writes its TaskResult as JSON. A task that has already ended is
 left as it is. `reason` is for people.

 # Safety
 `octo` is NULL or living; texts are NULL or point to as many bytes as they say; `out` is NULL or writable.
 */
octollm_error_t *octollm_cancel(const octollm_t *octo,
                                const char *task,
                                size_t task_len,
                                const char *reason,
                                size_t reason_len,
                                octollm_string_t *out);

/*
 Answers what a task waits for, and writes its TaskResult as JSON. `decision` is JSON `{"approved": true, "step": 2,
 "note": "..."}`; without `step` it is about the plan, or the only thing that waits.

 # Safety
 As `octollm_cancel`.
 */
octollm_error_t *octollm_approve(const octollm_t *octo,
                                 const char *task,
                                 size_t task_len,
                                 const char *decision,
                                 size_t decision_len,
                                 octollm_string_t *out);

/*
 Writes the arms that are there, as JSON: a list with health, breaker and statistics.

 # Safety
 `octo` is NULL or living; `out` is NULL or writable.
 */
octollm_error_t *octollm_arms(const octollm_t *octo, octollm_string_t *out);

/*
 Writes how the orchestrator and what it depends on are, as JSON: `{status, version, dependencies}`.

 # Safety
 `octo` is NULL or living; `out` is NULL or writable.
 */
octollm_error_t *octollm_health(const octollm_t *octo, octollm_string_t *out);

/*
 Takes files and folders into the index of the orchestrator's store, and writes what was done as JSON: `{added, updated,
 unchanged, removed, skipped, chunks}`. `paths` is a JSON list of texts; relative ones are looked up from the working
 directory. Only what changed since the last time is read. `not_configured` for an orchestrator on a server.

 # Safety
 `octo` is NULL or living; `paths` is NULL or points to `paths_len` bytes; `out` is NULL or writable.
 */
octollm_error_t *octollm_index(const octollm_t *octo,
                               const char *paths,
                               size_t paths_len,
                               octollm_string_t *out);

/*
 Searches the index, and writes the results as JSON: `{results, method_used, total_results, synthesis, citations}`.
 `request` is JSON: `{"query": "...", "method": "hybrid", "limit": 10, "filters": {}, "min_score": 0.5}`, all but the query
 optional. `not_configured` for an orchestrator on a server.

 # Safety
 `octo` is NULL or living; `request` is NULL or points to `request_len` bytes; `out` is NULL or writable.
 */
octollm_error_t *octollm_search(const octollm_t *octo,
                                const char *request,
                                size_t request_len,
                                octollm_string_t *out);

/*
 Reads or writes shared memory, and writes the answer as JSON. `call` is JSON that names what to do in `call`:

 - the knowledge graph: `put_entity` (`entity_type`, `name`, `properties`), `put_relationship` (`from_entity_id`,
   `to_entity_id`, `relationship_type`, `strength`, `properties`), `entities_named` (`name`), `search_entities` (`text`,
   `entity_type`, `limit`), `neighbours` (`id`, `limit`), `paths` (`from`, `to`, `max_depth`, `limit`), `remove_entity` (`id`);
 - the cache: `cache_get` (`key`, any JSON; answers `{"value": ...}` or null), `cache_set` (`key`, `value`,
   `ttl_seconds`), `cache_remove` (`key`);
 - texts and vectors: `remember` (`collection`, `records` of `{id, text, vector, payload}`), `recall` (`collection`, `text`
   or `vector`, `limit`, `filter`, `min_score`), `forget` (`collection`, `ids`), `count` and `drop_collection`
   (`collection`), `embed` (`texts`).

 Thread-safe. `invalid_input` for what is no such call; `not_configured` for an orchestrator on a server.

 # Safety
 `octo` is NULL or living; `call` is NULL or points to `call_len` bytes; `out` is NULL or writable.
 */
octollm_error_t *octollm_memory(const octollm_t *octo,
                                const char *call,
                                size_t call_len,
                                octollm_string_t *out);

/*
 Finds personal data, secrets and injections in a text, and writes them as JSON: a list of `{kind, type, start, end,
 confidence, severity, explanation}` in the text's order, without overlaps; `start` and `end` count bytes. `flags` are 0,
 or `OCTOLLM_REFLEX_EXTERNAL` and `OCTOLLM_REFLEX_NAMES` or-ed together. Thread-safe; microseconds.

 # Safety
 `data` is NULL or points to `len` bytes; `out` is NULL or writable.
 */
octollm_error_t *octollm_reflex_scan(const char *data,
                                     size_t len,
                                     uint32_t flags,
                                     octollm_string_t *out);

/*
 Writes the text without personal data and secrets. `style` is `mask`, `partial`, `hash`, `remove` or `placeholder`;
 `key` are 32 secret bytes that make the hashes of style `hash`, the same ones for the same key (NULL for other styles).
 `flags` are 0 or `OCTOLLM_REFLEX_NAMES`. Thread-safe; microseconds.

 # Safety
 `data` and `style` are NULL or point to as many bytes as they say; `key` is NULL or points to 32 bytes; `out` is NULL or
 writable.
 */
octollm_error_t *octollm_reflex_redact(const char *data,
                                       size_t len,
                                       uint32_t flags,
                                       const char *style,
                                       size_t style_len,
                                       const uint8_t *key,
                                       octollm_string_t *out);

/*
 Frees a text, and empties it, so that freeing it twice does no harm. NULL is allowed.

 # Safety
 `string` is NULL or points to a text that this library wrote, or to one with `data` NULL.
 */
void octollm_string_free(octollm_string_t *string);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus
