/* SPDX-License-Identifier: Apache-2.0 */
/* consumer.c - a user of the installed library: it compiles, links, runs and agrees on versions. */
#include <amp/amp.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    static const uint8_t pixel[3] = { 10, 20, 30 };
    amp_image *image = NULL;
    amp_error error;

    if (strcmp(amp_version(), AMP_VERSION_STRING) != 0 || amp_abi_version() != AMP_ABI_VERSION)
        return 1;
    if (amp_image_from_rgb8(&image, NULL, pixel, 1, 1, 3, &error) != AMP_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("%s %u\n", amp_version(), (unsigned)amp_image_width(image));
    amp_image_free(image);
    return 0;
}
