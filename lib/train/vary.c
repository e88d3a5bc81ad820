/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train/vary.c - the random choices of a batch beyond crop and anchors: who is mirrored, what is
 * blanked, how much is blended, whose anchors are masked.
 *
 * Each is a function of (seed, epoch, image) or (seed, epoch, batch), as batch.c needs it.
 */
#include "train/batch.h"

#include <math.h>

ampi_flip ampi_vary_flip(const ampi_train_options *options, uint32_t epoch, uint32_t image)
{
    ampi_rng rng = ampi_rng_make((uint64_t)options->seed, AMPI_RNG_FLIP, 0, image);

    if (!options->flip)
        return AMPI_FLIP_NEVER;
    if (!options->alternate_flip)
        return AMPI_FLIP_HALF;
    return (ampi_rng_u32(&rng) + epoch) % 2 != 0 ? AMPI_FLIP_ALWAYS : AMPI_FLIP_NEVER;
}

void ampi_vary_cutout(const ampi_train_options *options, const ampi_prepare *shape, uint32_t epoch,
                      uint32_t image, float *planes)
{
    ampi_rng rng = ampi_rng_make((uint64_t)options->seed, AMPI_RNG_CUTOUT, epoch, image);
    const uint32_t side = (uint32_t)options->cutout, width = shape->width;
    const size_t plane = (size_t)shape->height * width;
    uint32_t top, left;

    if (side == 0)
        return;
    top = ampi_rng_below(&rng, shape->height - side + 1);
    left = ampi_rng_below(&rng, width - side + 1);
    for (uint32_t c = 0; c < shape->channels; c++)
        for (uint32_t y = top; y < top + side; y++)
            for (uint32_t x = left; x < left + side; x++)
                planes[c * plane + (size_t)y * width + x] = 0.0f;
}

/* The logarithm of a gamma variate of this shape: Marsaglia and Tsang, "A simple method for
   generating gamma variables", 2000, with their step from shape + 1 to shape.  In logarithms
   because those of small shapes underflow. */
static double log_gamma_variate(ampi_rng *rng, double shape)
{
    const double d = shape + 1.0 - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);

    for (;;) {
        const double x = ampi_rng_normal(rng), v = 1.0 + c * x, u = 1.0 - ampi_rng_double(rng);
        const double cube = v * v * v;
        if (v <= 0.0 || log(u) >= 0.5 * x * x + d - d * cube + d * log(cube))
            continue;
        return log(d * cube) + log(1.0 - ampi_rng_double(rng)) / shape;
    }
}

double ampi_vary_share(const ampi_train_options *options, uint32_t epoch, uint32_t index)
{
    ampi_rng rng = ampi_rng_make((uint64_t)options->seed, AMPI_RNG_MIX, epoch, index);
    double a, b;

    if (!(options->mixup > 0.0))
        return 1.0;
    a = log_gamma_variate(&rng, options->mixup);
    b = log_gamma_variate(&rng, options->mixup);
    return 1.0 / (1.0 + exp(b - a));
}

bool ampi_vary_masked(const ampi_train_options *options, uint32_t epoch, uint32_t index)
{
    ampi_rng rng = ampi_rng_make((uint64_t)options->seed, AMPI_RNG_MASK, epoch, index);

    return ampi_rng_double(&rng) < options->mask_alpha;
}
