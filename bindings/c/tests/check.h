/* Checks that tell where they failed, and what the library said. */
#ifndef OCTOLLM_TESTS_CHECK_H
#define OCTOLLM_TESTS_CHECK_H

#include <octollm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);         \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

/* Goes on if `call` went well. */
#define WELL(call)                                                                                \
    do {                                                                                          \
        octollm_error_t *error_ = (call);                                                         \
        if (error_) {                                                                             \
            fprintf(stderr, "%s:%d: %s: %s (%s)\n", __FILE__, __LINE__, #call,                    \
                    octollm_error_message(error_), octollm_error_code(error_));                   \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

/* Goes on if `call` failed with this code, and its message holds these words. */
#define FAILS(call, code, words)                                                                  \
    do {                                                                                          \
        octollm_error_t *error_ = (call);                                                         \
        if (!error_ || strcmp(octollm_error_code(error_), code) != 0 ||                           \
            !strstr(octollm_error_message(error_), words)) {                                      \
            fprintf(stderr, "%s:%d: %s: expected %s with \"%s\", not %s: %s\n", __FILE__,         \
                    __LINE__, #call, code, words, octollm_error_code(error_),                     \
                    octollm_error_message(error_));                                               \
            exit(1);                                                                              \
        }                                                                                         \
        octollm_error_free(error_);                                                               \
    } while (0)

#define TEXT(text) (text), strlen(text)

#endif
