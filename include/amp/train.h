/* SPDX-License-Identifier: Apache-2.0 */
/*
 * amp/train.h - anchored training, from new or given weights, with checkpoints.
 *
 * A trainer holds its own copy of the weights, its own references to the model and the images it
 * was made from, and serves one thread at a time.  A library built without training (AMP_TRAINING)
 * has none of these calls.
 */
#ifndef AMP_TRAIN_H
#define AMP_TRAIN_H

#include <amp/base.h>
#include <amp/data.h>
#include <amp/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct amp_trainer amp_trainer;

/** After every batch (kind STEP) and every epoch (kind EPOCH).  Borrowed for the callback. */
typedef struct amp_train_progress {
    size_t struct_size;
    int32_t kind;             /**< AMP_TRAIN_STEP or AMP_TRAIN_EPOCH                       */
    uint32_t epoch;           /**< in progress or just ended, 1..epochs                    */
    uint32_t epochs;          /**< in all                                                  */
    uint32_t reserved;        /**< zero                                                    */
    uint64_t step;            /**< batches done, 1..steps                                  */
    uint64_t steps;           /**< batches in all                                          */
    double learning_rate;     /**< of the last batch                                       */
    double loss;              /**< of this batch; EPOCH: mean of the epoch                 */
    double accuracy;          /**< training accuracy 0..1, same scope                      */
    double held_out_accuracy; /**< 0..1, EPOCH only; NaN otherwise or without such images  */
    double images_per_second; /**< over the last batches                                   */
    double seconds;           /**< of training so far, over all resumed runs               */
    double eta_seconds;       /**< left at the present speed                               */
} amp_train_progress;

/** What amp_train_progress.kind can be. */
enum { AMP_TRAIN_STEP = 0, AMP_TRAIN_EPOCH = 1 };

/** Return 0 to go on; anything else ends the run after this batch with AMP_E_CANCELLED. */
typedef int32_t (*amp_train_fn)(void *user, const amp_train_progress *progress);

/**
 * Create a trainer.  A part of the images is held out by seed (option held_out) and never trained
 * on.  Threads of a run are option threads, or the budget of the model's context.
 *
 * @param out      receives the trainer, NULL on failure; amp_trainer_free() it.
 * @param initial  network, preprocessing and first weights; referenced, not changed.
 * @param dataset  labelled images of at most the network's classes; may be freed afterwards.
 * @param options  "epochs=20,batch=128,lr=0.2,schedule=onecycle,..." from the table below; NULL or
 *                 "" = all defaults.
 * @param error    NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  a pointer is NULL, model and data set have two contexts, an option is
 *                         unknown or out of range, an image has no label, or all are held out
 * @retval AMP_E_SHAPE     preprocessing, classes and network do not fit together
 * @retval AMP_E_LIMIT     too many images or batches
 * @retval AMP_E_IO AMP_E_FORMAT  an image, or a weight of the initial model, cannot be read
 * @retval AMP_E_NOMEM     no memory
 * @retval AMP_E_BACKEND   oneDNN refused; error->detail is its status
 */
AMP_API AMP_MUST_USE amp_status amp_trainer_create(amp_trainer **out, amp_model *initial,
                                                   amp_dataset *dataset, const char *options,
                                                   amp_error *error);

/**
 * Continue a checkpoint, also one from the middle of an epoch: with the same images and thread
 * count, the same bits as if never stopped.  The options are those of the checkpoint.
 *
 * @param out           receives the trainer, NULL on failure; amp_trainer_free() it.
 * @param context       NULL for a context of its own.
 * @param path          what amp_trainer_save_checkpoint() wrote.
 * @param data_spec     where the images are now; NULL = the spec in the checkpoint.
 * @param data_options  NULL for the defaults.
 * @param error         NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT  out or path is NULL, or the spec is bad
 * @retval AMP_E_IO        checkpoint or images cannot be read
 * @retval AMP_E_FORMAT    the file is damaged, or a model rather than a checkpoint
 * @retval AMP_E_SHAPE     not the number of training images that the checkpoint was made with
 * @retval AMP_E_NOMEM     no memory
 * @retval AMP_E_BACKEND   oneDNN refused; error->detail is its status
 */
AMP_API AMP_MUST_USE amp_status amp_trainer_resume(amp_trainer **out, amp_context *context,
                                                   const char *path, const char *data_spec,
                                                   const amp_dataset_options *data_options,
                                                   amp_error *error);

/**
 * Train until all batches are done or `progress` asks to stop; call again to go on.
 *
 * @param trainer   after a failure other than AMP_E_CANCELLED its last batch is undefined.
 * @param progress  called on this thread after each batch and each epoch; NULL = none.
 * @param user      passed to progress.
 * @param error     NULL, or filled on failure.
 * @retval AMP_E_ARGUMENT   trainer is NULL
 * @retval AMP_E_CANCELLED  progress asked to stop; the batch is complete
 * @retval AMP_E_BACKEND    the loss is not finite, or oneDNN refused
 * @retval AMP_E_IO AMP_E_FORMAT  an image cannot be read
 * @retval AMP_E_NOMEM      no memory
 */
AMP_API AMP_MUST_USE amp_status amp_trainer_run(amp_trainer *trainer, amp_train_fn progress,
                                                void *user, amp_error *error);

/**
 * Train one batch, and after the last one of an epoch measure the held-out accuracy.
 *
 * @param done  receives 1 when no batch is left, else 0.
 * @retval AMP_E_ARGUMENT  trainer or done is NULL
 * @retval AMP_E_BACKEND   the loss is not finite, or oneDNN refused
 * @retval AMP_E_IO AMP_E_FORMAT  an image cannot be read
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_trainer_step(amp_trainer *trainer, int32_t *done,
                                                 amp_error *error);

/**
 * Write all that amp_trainer_resume() needs.  The file appears under `path` whole or not at all.
 *
 * @retval AMP_E_ARGUMENT  trainer or path is NULL
 * @retval AMP_E_IO        it cannot be written
 * @retval AMP_E_LIMIT     the record is too long
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_trainer_save_checkpoint(amp_trainer *trainer, const char *path,
                                                            amp_error *error);

/**
 * The model as trained so far, with its training record; it has no bank yet.  The trainer goes on
 * independently of it.
 *
 * @param out  receives a model with one reference, NULL on failure; amp_model_unref() it.
 * @retval AMP_E_ARGUMENT  trainer or out is NULL
 * @retval AMP_E_LIMIT     the record is too long
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_trainer_model(amp_trainer *trainer, amp_model **out,
                                                  amp_error *error);

/**
 * The held-out images of the training set: temperature and thresholds come from them.
 *
 * @param out  receives a data set, NULL on failure; amp_dataset_free() it.  It outlives the
 * trainer.
 * @retval AMP_E_ARGUMENT  trainer or out is NULL, or no images are held out
 * @retval AMP_E_NOMEM     no memory
 */
AMP_API AMP_MUST_USE amp_status amp_trainer_held_out(amp_trainer *trainer, amp_dataset **out,
                                                     amp_error *error);

/** Free a trainer; unsaved training is lost.  NULL is ignored. */
AMP_API void amp_trainer_free(amp_trainer *trainer);

/** Rows of the table of options, for help pages. */
AMP_API uint32_t amp_train_option_count(void);

/** Key of an option, for example "epochs"; NULL past the last.  Static text. */
AMP_API const char *amp_train_option_key(uint32_t index);

/** What an option does, one line; NULL past the last.  Static text. */
AMP_API const char *amp_train_option_help(uint32_t index);

/** Range and default of an option into out[size], NUL-terminated, cut to fit; returns the length of
 *  the whole text, 0 past the last option. */
AMP_API size_t amp_train_option_range(uint32_t index, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
