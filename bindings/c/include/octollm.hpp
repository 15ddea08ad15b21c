// OctoLLM for C++17: the handles of octollm.h with owners, errors as exceptions, arms as functions.
//
//   octollm::Builder builder;
//   builder.arm(R"({"arm_id": "echo", "name": "Echo", "capabilities": ["echo"]})",
//               [](octollm::Call call) { call.complete(call.input()); });
//   octollm::Octo octo = builder.start();
//   std::string result = octo.run(R"({"goal": "Say something to the echo"})");
//
// JSON goes in and out as text: use the JSON library of your choice.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "octollm.h"

namespace octollm {

/// What went wrong: a stable code to act on, words for people, and what to do next.
class Error : public std::runtime_error {
public:
    /// Takes `error` over, which is not NULL.
    explicit Error(octollm_error_t *error)
        : std::runtime_error(octollm_error_message(error)), code_(octollm_error_code(error)),
          json_(octollm_error_json(error)), temporary_(octollm_error_is_temporary(error)) {
        if (const char *hint = octollm_error_hint(error)) hint_ = hint;
        octollm_error_free(error);
    }

    const std::string &code() const noexcept { return code_; }
    const std::string &hint() const noexcept { return hint_; }
    const std::string &json() const noexcept { return json_; }
    bool temporary() const noexcept { return temporary_; }

private:
    std::string code_, hint_, json_;
    bool temporary_;
};

namespace detail {

inline void check(octollm_error_t *error) {
    if (error) throw Error(error);
}

/// What a function of the library writes, as a std::string.
template <typename Function> std::string text_of(Function &&function) {
    octollm_string_t text{nullptr, 0};
    check(function(&text));
    std::string copy(text.data, text.len);
    octollm_string_free(&text);
    return copy;
}

} // namespace detail

/// A call of an arm. Given up without an answer, its step fails. May be moved to another thread and answered there.
class Call {
public:
    explicit Call(octollm_call_t *call) noexcept : call_(call) {}

    std::string_view input() const {
        size_t len = 0;
        const char *data = octollm_call_input(call_.get(), &len);
        return data ? std::string_view(data, len) : std::string_view();
    }
    std::string task_id() const { return or_empty(octollm_call_task_id(call_.get())); }
    std::string request_id() const { return or_empty(octollm_call_request_id(call_.get())); }
    uint32_t step() const { return octollm_call_step(call_.get()); }
    uint32_t attempt() const { return octollm_call_attempt(call_.get()); }
    std::chrono::milliseconds remaining() const {
        return std::chrono::milliseconds(octollm_call_remaining_ms(call_.get()));
    }
    bool cancelled() const { return octollm_call_is_cancelled(call_.get()); }

    void progress(std::string_view message, float fraction = -1) const {
        detail::check(octollm_call_progress(call_.get(), message.data(), message.size(), fraction));
    }

    /// Answers with this JSON. The call is gone afterwards; if it is no JSON, the step fails.
    void complete(std::string_view output) {
        octollm_error_t *error = octollm_call_complete(call_.get(), output.data(), output.size());
        // What nobody waits for is gone, too; only a call that was not understood is still ours.
        if (!error || std::string_view(octollm_error_code(error)) != "invalid_input") call_.release();
        detail::check(error);
    }

    /// Answers with a failure; a temporary one is tried again.
    void fail(std::string_view message, bool temporary = false,
              std::chrono::milliseconds retry_after = std::chrono::milliseconds(0)) {
        octollm_error_t *error = octollm_call_fail(call_.get(), message.data(), message.size(), temporary,
                                                   static_cast<uint64_t>(retry_after.count()));
        if (!error || std::string_view(octollm_error_code(error)) != "invalid_input") call_.release();
        detail::check(error);
    }

    /// Whether it still waits for an answer from here.
    explicit operator bool() const noexcept { return static_cast<bool>(call_); }

private:
    struct Free {
        void operator()(octollm_call_t *call) const noexcept { octollm_call_free(call); }
    };
    static std::string or_empty(const char *text) { return text ? text : ""; }
    std::unique_ptr<octollm_call_t, Free> call_;
};

/// The events of one task.
class Events {
public:
    explicit Events(octollm_events_t *events) noexcept : events_(events) {}

    /// The next event as JSON; none after the last one. Throws `timeout` if none came in time (0: waits for ever).
    std::optional<std::string> next(std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) {
        bool ended = false;
        octollm_string_t event{nullptr, 0};
        detail::check(octollm_events_next(events_.get(), static_cast<uint64_t>(timeout.count()), &event, &ended));
        if (ended) return std::nullopt;
        std::string copy(event.data, event.len);
        octollm_string_free(&event);
        return copy;
    }

private:
    struct Free {
        void operator()(octollm_events_t *events) const noexcept { octollm_events_free(events); }
    };
    std::unique_ptr<octollm_events_t, Free> events_;
};

/// An orchestrator, here or on a server. Thread-safe.
class Octo {
public:
    explicit Octo(octollm_t *octo) noexcept : octo_(octo) {}

    static Octo connect(std::string_view url) {
        octollm_t *octo = nullptr;
        detail::check(octollm_connect(url.data(), url.size(), &octo));
        return Octo(octo);
    }

    /// Submits a TaskRequest and waits for its TaskResult (0: as long as it takes). `options` are those of `submit`.
    std::string run(std::string_view request, std::chrono::milliseconds timeout = std::chrono::milliseconds(0),
                    std::string_view options = "{}") const {
        return detail::text_of([&](octollm_string_t *out) {
            return octollm_run(get(), request.data(), request.size(), options.data(), options.size(),
                               static_cast<uint64_t>(timeout.count()), out);
        });
    }
    /// Submits a TaskRequest; answers its TaskResponse. `options`: `{"idempotency_key": "...", "fresh": true}`.
    std::string submit(std::string_view request, std::string_view options = "{}") const {
        return detail::text_of([&](octollm_string_t *out) {
            return octollm_submit(get(), request.data(), request.size(), options.data(), options.size(), out);
        });
    }
    std::string wait(std::string_view task, std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) const {
        return detail::text_of([&](octollm_string_t *out) {
            return octollm_wait(get(), task.data(), task.size(), static_cast<uint64_t>(timeout.count()), out);
        });
    }
    std::string task(std::string_view task) const {
        return detail::text_of([&](octollm_string_t *out) { return octollm_task(get(), task.data(), task.size(), out); });
    }
    std::string list(std::string_view filter = "{}") const {
        return detail::text_of(
            [&](octollm_string_t *out) { return octollm_list(get(), filter.data(), filter.size(), out); });
    }
    std::string cancel(std::string_view task, std::string_view reason = "cancelled by the program") const {
        return detail::text_of([&](octollm_string_t *out) {
            return octollm_cancel(get(), task.data(), task.size(), reason.data(), reason.size(), out);
        });
    }
    std::string approve(std::string_view task, std::string_view decision = R"({"approved": true})") const {
        return detail::text_of([&](octollm_string_t *out) {
            return octollm_approve(get(), task.data(), task.size(), decision.data(), decision.size(), out);
        });
    }
    Events events(std::string_view task, uint64_t after = 0) const {
        octollm_events_t *events = nullptr;
        detail::check(octollm_events_open(get(), task.data(), task.size(), after, &events));
        return Events(events);
    }
    /// Takes files and folders, a JSON list of paths, into the index.
    std::string index(std::string_view paths) const {
        return detail::text_of([&](octollm_string_t *out) { return octollm_index(get(), paths.data(), paths.size(), out); });
    }
    std::string search(std::string_view request) const {
        return detail::text_of(
            [&](octollm_string_t *out) { return octollm_search(get(), request.data(), request.size(), out); });
    }
    /// Reads or writes shared memory: `{"call": "cache_get", "key": "..."}`. The calls are those of `octollm_memory`.
    std::string memory(std::string_view call) const {
        return detail::text_of(
            [&](octollm_string_t *out) { return octollm_memory(get(), call.data(), call.size(), out); });
    }
    std::string arms() const {
        return detail::text_of([&](octollm_string_t *out) { return octollm_arms(get(), out); });
    }
    std::string health() const {
        return detail::text_of([&](octollm_string_t *out) { return octollm_health(get(), out); });
    }

    /// Ends it in order, and tells what went wrong; the destructor keeps that to itself.
    void close() {
        if (octollm_t *octo = octo_.release()) detail::check(octollm_free(octo));
    }

private:
    struct Free {
        void operator()(octollm_t *octo) const noexcept { octollm_error_free(octollm_free(octo)); }
    };
    const octollm_t *get() const noexcept { return octo_.get(); }
    std::unique_ptr<octollm_t, Free> octo_;
};

/// What an orchestrator will be made of.
class Builder {
public:
    Builder() {
        octollm_builder_t *builder = nullptr;
        detail::check(octollm_builder_new(&builder));
        builder_.reset(builder);
    }

    /// Sets a setting by its name: `OCTOLLM_HOME`.
    Builder &set(std::string_view name, std::string_view value) {
        detail::check(octollm_builder_set(builder_.get(), name.data(), name.size(), value.data(), value.size()));
        return *this;
    }

    /// Adds an arm that does its work by `work`, which owns the call: an exception before it was answered fails the step.
    Builder &arm(std::string_view descriptor, std::function<void(Call)> work) {
        auto env = std::make_unique<std::function<void(Call)>>(std::move(work));
        const octollm_arm_t arm{env.release(), &Builder::execute, nullptr, &Builder::finalize};
        detail::check(octollm_builder_add_arm(builder_.get(), descriptor.data(), descriptor.size(), &arm));
        return *this;
    }

    /// Adds an arm behind HTTP.
    Builder &arm_at(std::string_view url) {
        detail::check(octollm_builder_add_arm_url(builder_.get(), url.data(), url.size()));
        return *this;
    }

    /// Starts it. The builder is empty afterwards.
    Octo start() {
        octollm_t *octo = nullptr;
        detail::check(octollm_start(builder_.release(), &octo));
        return Octo(octo);
    }

private:
    struct Free {
        void operator()(octollm_builder_t *builder) const noexcept { octollm_builder_free(builder); }
    };

    static void execute(void *env, octollm_call_t *raw) {
        // The function owns the call. A call that an exception destroys fails its step by itself; no exception may reach
        // the library.
        try {
            (*static_cast<std::function<void(Call)> *>(env))(Call(raw));
        } catch (...) {
        }
    }
    static void finalize(void *env) { delete static_cast<std::function<void(Call)> *>(env); }

    std::unique_ptr<octollm_builder_t, Free> builder_;
};

/// Personal data, secrets and injections in a text, as JSON; `flags` are those of `octollm_reflex_scan`.
inline std::string reflex_scan(std::string_view text, uint32_t flags = 0) {
    return detail::text_of(
        [&](octollm_string_t *out) { return octollm_reflex_scan(text.data(), text.size(), flags, out); });
}

/// The text with placeholders for personal data and secrets, or in another style but `hash`.
inline std::string reflex_redact(std::string_view text, std::string_view style = "placeholder", uint32_t flags = 0) {
    return detail::text_of([&](octollm_string_t *out) {
        return octollm_reflex_redact(text.data(), text.size(), flags, style.data(), style.size(), nullptr, out);
    });
}

} // namespace octollm
