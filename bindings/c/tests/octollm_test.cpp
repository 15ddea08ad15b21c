// The C++ face: owners, exceptions, arms as functions.
#include <octollm.hpp>

#include <cstdio>
#include <cstdlib>
#include <thread>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);    \
            std::exit(1);                                                                         \
        }                                                                                         \
    } while (0)

static bool holds(const std::string &text, const char *words) {
    bool found = text.find(words) != std::string::npos;
    if (!found) std::fprintf(stderr, "no `%s` in %s\n", words, text.c_str());
    return found;
}

static std::string plan(const std::string &arm) {
    return R"({"goal": "Do what the plan says", "plan": {"subtasks": [{"step": 1, "action": "do it", "required_arm": ")" +
           arm + R"(", "input": {"word": "aye"}}]}})";
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    octollm::Builder builder;
    builder.set("OCTOLLM_HOME", argv[1]).set("LLM_DISCOVERY", "off");
    builder.arm(R"({"arm_id": "echo", "name": "Echo", "capabilities": ["echo"]})", [](octollm::Call call) {
        CHECK(call.step() == 1 && !call.cancelled() && call.remaining().count() > 0);
        call.progress("echoing", 0.5f);
        call.complete(call.input());
        CHECK(!call);
    });
    builder.arm(R"({"arm_id": "elsewhere", "name": "Elsewhere", "capabilities": ["elsewhere"]})", [](octollm::Call call) {
        std::thread([call = std::move(call)]() mutable { call.complete(R"({"from": "a thread"})"); }).detach();
    });
    builder.arm(R"({"arm_id": "thrower", "name": "Thrower", "capabilities": ["throwing"]})",
                [](octollm::Call) { throw std::runtime_error("no"); });
    octollm::Octo octo = builder.start();

    CHECK(holds(octo.run(plan("echo")), R"("word":"aye")"));
    CHECK(holds(octo.run(plan("elsewhere")), R"("from":"a thread")"));
    CHECK(holds(octo.run(plan("thrower")), R"("status":"failed")"));

    const char *once = R"({"idempotency_key": "once"})";
    std::string response = octo.submit(plan("echo"), once);
    CHECK(octo.submit(plan("echo"), once).find(response.substr(response.find("task-"), 41)) != std::string::npos);
    std::string id = response.substr(response.find("task-"), 41);
    int count = 0;
    for (octollm::Events events = octo.events(id); events.next(std::chrono::seconds(10)); count++) {}
    CHECK(count >= 4);
    CHECK(holds(octo.wait(id), R"("status":"completed")"));

    try {
        octo.run(R"({"goal": "short"})");
        CHECK(false);
    } catch (const octollm::Error &error) {
        CHECK(error.code() == "invalid_input" && holds(error.what(), "/goal") && !error.temporary());
    }
    CHECK(octollm::reflex_redact("Write to ada@example.org") == "Write to <EMAIL_1>");
    CHECK(holds(octollm::reflex_scan("Write to ada@example.org"), R"("email")"));
    CHECK(octollm::reflex_redact("Ask Maria Schneider", "mask", OCTOLLM_REFLEX_NAMES).find("Maria") == std::string::npos);
    octo.close();
    std::puts("C++: all is well");
}
