/* SPDX-License-Identifier: Apache-2.0 */
/*
 * score_image.cpp - one image in, one verdict out, in C++17: handles free themselves, errors throw.
 *
 *   c++ score_image.cpp $(pkg-config --cflags --libs amp) -o score_image
 */
#include <amp/amp.h>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

template <typename T> using Handle = std::unique_ptr<T, void (*)(T *)>;

static void check(amp_status status, const amp_error &error)
{
    if (status != AMP_OK)
        throw std::runtime_error(std::string(amp_status_text(status)) + ": " + error.message);
}

/* Calls open(&handle, arguments..., &error). */
template <typename T, typename Open, typename... Arguments>
static Handle<T> make(void (*end)(T *), Open open, Arguments... arguments)
{
    T *handle = nullptr;
    amp_error error;
    check(open(&handle, arguments..., &error), error);
    return Handle<T>(handle, end);
}

int main(int argc, char **argv)
try {
    if (argc != 3)
        return std::fprintf(stderr, "usage: score_image MODEL IMAGE\n"), 2;
    const auto model = make(amp_model_unref, amp_model_open, nullptr, argv[1]);
    const auto scorer =
        make(amp_scorer_free, amp_scorer_create, model.get(), nullptr, nullptr, nullptr);
    const auto image =
        make(amp_image_free, amp_image_open, amp_model_context(model.get()), argv[2], nullptr);
    const amp_image *const images[] = { image.get() };
    const char *const verdicts[] = { "unknown", "out", "in" }; /* AMP_VERDICT_x + 1 */
    double score = 0, confidence = 0;
    int32_t label = 0;
    int8_t verdict = 0;
    amp_error error;
    amp_scores out{};
    out.struct_size = sizeof out;
    out.score = &score;
    out.verdict = &verdict;
    out.label = &label;
    out.confidence = &confidence;
    check(amp_scorer_run(scorer.get(), 1, images, &out, &error), error);
    const char *const name = amp_model_class_name(model.get(), static_cast<uint32_t>(label));
    std::printf("class %s, confidence %.4f, score %.6f, verdict %s\n", name ? name : "?",
                confidence, score, verdicts[verdict + 1]);
} catch (const std::exception &failure) {
    std::fprintf(stderr, "score_image: %s\n", failure.what());
    return 1;
}
