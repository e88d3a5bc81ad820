/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/data.h - data sets by a short spec: images and labels, in a fixed order, at random access.
 *
 * One text names a data set in C, in the program and in Python:
 *
 *     KIND:PATH[#PART][?key=value&key=value...][[A:B]]
 *
 *   cifar10:PATH    CIFAR-10 binary: records of a label byte (255 = not known) and 3072 bytes, the
 *                   red, green and blue plane of a 32x32 image.  PATH is one file of such
 *                   records (data_batch_1.bin), a folder that holds the batches, also one below
 *                   it called cifar-10-batches-bin, also with cifar10_ before the names, or the
 *                   published archive cifar-10-binary.tar.gz.  #train: the five batches; #test;
 *                   #all, the default.  Class names come from a batches.meta.txt beside the data,
 *                   else they are the usual ten.
 *   cifar100:PATH   CIFAR-100 binary: the same with two label bytes, coarse and fine; train.bin and
 *                   test.bin, cifar-100-binary.tar.gz.  ?labels=fine (default) or coarse.
 *   idx:IMAGES[,LABELS]   files as of MNIST: uint8 [n,h,w], or [n,h,w,c] with c 1 or 3; labels
 *                   uint8 [n] (255 = not known).  Grey becomes R = G = B.
 *   folder:PATH     PNG and JPEG files, known by .png, .jpg, .jpeg in any case or by their first
 *                   bytes.  A class for each folder in PATH with images anywhere below it; images
 *                   in PATH itself have no label.  Names that start with '.' are passed over,
 *                   links are followed, loops are not.  #PART reads PATH/PART.
 *   list:FILE       text, a line an image: its path, from the list's folder unless it starts with
 *                   '/', then a tab or blanks and a label if known.  Labels are numbers, 0..999999
 *                   or -1 for not known, if all are whole numbers, else class names.  Empty lines
 *                   and lines with '#' first are comments.
 *   tar:PATH        the same files inside a tar: order and classes are those of folder: on the
 *                   deepest folder that holds all images.  Other members are passed over.  #PART
 *                   keeps the folder PART below that one.
 *
 * A path without a kind is a folder, a tar, an idx file or one image, by its bytes.
 *
 * Order: records in file order.  Image files sorted by name, folder by folder, bytewise; classes
 * numbered in the order of their names.
 *
 * Compression: files and tars may be packed with gzip, xz or zstd, told by their bytes.  They are
 * unpacked once, into memory up to max_memory, past it into an unlinked file in $TMPDIR (else
 * /tmp); more than 64 GiB, or 5 million images or members, are refused.  Plain files are read where
 * they lie.  Checksums are verified: gzip files and packed tars are unpacked once more for that.
 *
 * Options behind '?', each once:  sample=N draws N images at random without repeats, seed=S
 * (default 0) says which: kept in source order, and a smaller N gives a part of a larger one's.
 * classes=N sets the class count.  labels= as above.  memory=MIB stands above max_memory.
 * Range: Python's [A:B], [A:], [:B], negative from the end, bounds past an end stop there.
 * Order of work: part, sample, range.
 *
 * Paths with '#', '?' or '[': range, options and part are taken off from the right, one at a time,
 * and before each step a path that exists as it stands is taken whole.
 *
 * Lifetime: data sets share what was opened by reference count: free them in any order.
 * Threads: a data set serves one thread at a time; sets that share a source may be used and freed
 * in different threads.
 */
#ifndef AMP_DATA_H
#define AMP_DATA_H

#include <amp/base.h>
#include <amp/context.h>
#include <amp/image.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_dataset amp_dataset;

/** Fill with amp_dataset_options_init(), then change fields.  Copied. */
typedef struct amp_dataset_options {
    size_t struct_size;             /**< sizeof as the caller compiled it; set by _init    */
    uint64_t max_memory;            /**< unpacked bytes kept in memory; default 512 MiB    */
    const amp_image_options *image; /**< limits for each image; NULL = the defaults        */
    amp_progress_fn progress;       /**< "check", "unpack": packed bytes; "walk": images    */
    void *progress_user;            /**< passed to progress, which is NULL by default      */
} amp_dataset_options;

/** Defaults into *options; `size` is the caller's sizeof(amp_dataset_options).  NULL is ignored. */
AMP_API void amp_dataset_options_init(amp_dataset_options *options, size_t size);

/**
 * Open a data set.  Labels are read here, images when they are asked for.
 *
 * @param out      receives the data set, NULL on failure; amp_dataset_free() it.
 * @param context  NULL = one of its own with the defaults; a reference is kept.
 * @param spec     as described above, UTF-8 or whatever bytes file names have here.
 * @param options  NULL for the defaults; `image` and progress are not used after the call.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT     a NULL, an unknown kind, part or option, a sample larger than the
 *                            set, a range that holds nothing
 * @retval AMP_E_IO           a file or folder is missing or unreadable, no room for unpacked bytes
 * @retval AMP_E_FORMAT       damaged or truncated data, no whole records, labels that do not match,
 *                            no images at all
 * @retval AMP_E_LIMIT        more bytes, images, classes or folder levels than allowed
 * @retval AMP_E_UNSUPPORTED  a longer options struct with unknown fields set
 * @retval AMP_E_CANCELLED    progress said so
 * @retval AMP_E_NOMEM        no memory
 */
AMP_API AMP_MUST_USE amp_status amp_dataset_open(amp_dataset **out, amp_context *context,
                                                 const char *spec,
                                                 const amp_dataset_options *options,
                                                 amp_error *error);

/** Images in the set, at least 1; 0 for NULL. */
AMP_API uint64_t amp_dataset_size(const amp_dataset *dataset);

/** Classes of the source, also of those that a subset has no image of; 0 when no label is known. */
AMP_API uint32_t amp_dataset_classes(const amp_dataset *dataset);

/**
 * Name of class `index`, for example "airplane".
 *
 * @return borrowed, valid while any data set of this source is; NULL when it has no name for it.
 */
AMP_API const char *amp_dataset_class_name(const amp_dataset *dataset, uint32_t index);

/** Label of image `index`: 0..classes-1, or -1 when it is not known or there is no such image. */
AMP_API int32_t amp_dataset_label(const amp_dataset *dataset, uint64_t index);

/**
 * Name of image `index`: the file's path, the archive member, or "PATH[i]" for record i of a file.
 *
 * @param out   [size], receives the name cut to size - 1 bytes and a NUL; may be NULL if size is 0.
 * @param size  bytes at out.
 * @return length of the whole name without its NUL; 0 when there is no such image.
 */
AMP_API size_t amp_dataset_name(const amp_dataset *dataset, uint64_t index, char *out, size_t size);

/**
 * Read and decode image `index`.  The same bytes each time.
 *
 * @param dataset  the set; after a failure it still gives its other images.
 * @param index    0..size-1.
 * @param out      receives the image, NULL on failure; amp_image_free() it, also after the set.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a NULL, or an index that is not there
 * @retval AMP_E_IO        the file is gone, unreadable or shorter than when it was opened
 * @retval AMP_E_FORMAT, AMP_E_LIMIT, AMP_E_UNSUPPORTED  as amp_image_decode() says
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_dataset_get(amp_dataset *dataset, uint64_t index,
                                                amp_image **out, amp_error *error);

/**
 * A new data set of images of this one, in the order given.
 *
 * @param out      receives the data set, NULL on failure; amp_dataset_free() it.
 * @param dataset  stays as it is; the new set shares its source.
 * @param n        at least 1.
 * @param indices  [n], each 0..size-1, repeats allowed; not kept.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a NULL, n 0 or an index that is not there
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_dataset_subset(amp_dataset **out, amp_dataset *dataset,
                                                   uint64_t n, const uint64_t *indices,
                                                   amp_error *error);

/**
 * Split into a held-out part, chosen at random and as even over the classes as they allow, and the
 * rest; both keep the order of this set.
 *
 * Each class is shuffled by the seed and gives one image in turn until n_held_out are taken.
 * Images without a label count as one more class.
 *
 * @param rest        receives size - n_held_out images, NULL on failure.
 * @param held_out    receives n_held_out images, NULL on failure.
 * @param dataset     stays as it is; both share its source.
 * @param n_held_out  1..size-1.
 * @param seed        any; the same seed gives the same split on any machine.
 * @param error       NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a NULL, one pointer for both results, or n_held_out out of range
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_dataset_split(amp_dataset **rest, amp_dataset **held_out,
                                                  amp_dataset *dataset, uint64_t n_held_out,
                                                  uint64_t seed, amp_error *error);

/** Free a data set; what it shares goes with the last one.  NULL is ignored. */
AMP_API void amp_dataset_free(amp_dataset *dataset);

#ifdef __cplusplus
}
#endif

#endif
