/* SPDX-License-Identifier: Apache-2.0 */
/*
 * format/format.h - the model file: a graph, its record and the sections of other rooms.
 *
 * Sections are opaque blobs named "amp.<section>.<name>"; the record is one JSON object.
 * The layout of the file is in docs/format.md.
 */
#ifndef AMPI_FORMAT_H
#define AMPI_FORMAT_H

#include "core/blob.h"
#include "graph/graph.h"
#include <amp/model.h>
#include <jansson.h>

#define AMPI_FORMAT_VERSION 1
#define AMPI_MODEL_MAX_BYTES ((size_t)4 << 30) /* of a file                           */
#define AMPI_RECORD_MAX_BYTES 1000000u
#define AMPI_RECORD_MAX_ARRAY 1000u      /* values in any one array of the record         */
#define AMPI_BANK_STEMS "amp.bank.stems" /* first dimension = anchors of the bank */

/* ---- safetensors (safetensors_read.c, safetensors_write.c) ---- */
/* Every tensor into *out (made by ampi_blobs_init; empty after a failure) and the metadata record
   "amp": NULL when there is none, else ampi_free it with the context of *out.  `name` is the file
   for messages. */
amp_status ampi_safetensors_parse(ampi_blobs *out, char **record, const uint8_t *bytes, size_t size,
                                  const char *name, amp_error *error);
/* Atomic; equal blobs and record give equal bytes, whatever the order of the blobs.  `record` NULL
   writes none. */
amp_status ampi_safetensors_write(const ampi_blobs *blobs, const char *record, const char *path,
                                  amp_error *error);

/* ---- models (model.c, model_file.c) ---- */
/* What another room keeps with a model: made when first needed, set once by compare-and-swap, freed
   with the model. */
typedef struct ampi_attachment ampi_attachment;
struct ampi_attachment {
    void (*free)(ampi_attachment *attachment);
};

struct amp_model {
    amp_context *context;
    _Atomic unsigned references;
    ampi_graph *graph;    /* immutable from here on                                      */
    ampi_blobs sections;  /* everything named amp.*                                      */
    json_t *record;       /* parsed once, never changed, never handed out for writing    */
    char *record_text;    /* the same, as text                                           */
    const char **classes; /* [classes of the graph], borrowed; NULL = no names          */
    amp_bank *bank;       /* attached by the score room after opening; owned            */
    void (*bank_unref)(amp_bank *bank);
    _Atomic(ampi_attachment *) attachment;
};

/* A new model from parts.  On success graph and the content of *sections (then empty; NULL = none)
   belong to the model; on failure they stay the caller's.  `record` is read and copied: its
   "format", "libamp" and "arch" are set, its "preprocess" must be there, the rest is kept. */
amp_status ampi_model_make(amp_model **out, ampi_graph *graph, ampi_blobs *sections, json_t *record,
                           amp_error *error);
/* amp_model_create() but for the meaning of `preprocess`, which lib/score checks. */
amp_status ampi_model_create(amp_model **out, amp_context *context, const char *arch,
                             const char *preprocess, uint64_t seed, amp_error *error);
typedef struct ampi_model_source {
    const uint8_t *bytes; /* [size] of a file */
    size_t size;
    const char *name; /* of the file, for messages          */
    ampi_file *file;  /* in place of bytes and size, or NULL */
} ampi_model_source;
/* A model without its bank attached; every part copied but, from a file, the weights of two
   dimensions or more: those are read when somebody asks for them. */
amp_status ampi_model_parse(amp_model **out, amp_context *context, const ampi_model_source *source,
                            amp_error *error);

/* Puts "<file>: " before the message, and calls a file's fault what it is: an option that an arch
   text has wrong is malformed data here.  Returns the status. */
amp_status ampi_fail_in_file(amp_error *error, amp_status status, const char *name);

/* ---- the record (record.c): typed reads with clear errors ---- */
/* The key must be there, of its type and in range. */
amp_status ampi_record_text(const json_t *object, const char *key, const char **out,
                            amp_error *error);
amp_status ampi_record_number(const json_t *object, const char *key, double low, double high,
                              double *out, amp_error *error);
amp_status ampi_record_integer(const json_t *object, const char *key, int64_t low, int64_t high,
                               int64_t *out, amp_error *error);
/* The object or array under `key`; *out NULL when the key is not there. */
amp_status ampi_record_object(const json_t *object, const char *key, const json_t **out,
                              amp_error *error);
amp_status ampi_record_array(const json_t *object, const char *key, const json_t **out,
                             amp_error *error);

/* The ranges of record["int8"] into the graph's convolutions, in place of those there (ranges.c).
 */
amp_status ampi_record_ranges(const json_t *record, ampi_graph *graph, amp_error *error);
/* One convolution's into form["ranges"]. */
amp_status ampi_record_add_range(json_t *form, const char *name, ampi_range reads, ampi_range makes,
                                 amp_error *error);
/* record["classes"], or past AMPI_RECORD_MAX_ARRAY names the section "amp.classes.names". */
amp_status ampi_record_set_classes(json_t *record, ampi_blobs *sections, uint32_t n,
                                   const char *const *names, amp_error *error);

/* ---- JSON text (json.c) ---- */
typedef struct ampi_json_limits {
    size_t bytes, depth; /* depth <= AMPI_JSON_MAX_DEPTH         */
    size_t array;        /* values in one array                   */
    size_t values;       /* of all kinds, keys not counted        */
} ampi_json_limits;

#define AMPI_JSON_MAX_DEPTH 64u
extern const ampi_json_limits ampi_record_limits;

/* Any value, within the limits before anything is allocated; duplicate keys are refused.
   `what` names the text in messages.  json_decref *out. */
amp_status ampi_json_parse(json_t **out, const char *text, size_t size,
                           const ampi_json_limits *limits, const char *what, amp_error *error);
/* A copy to change; json_decref it.  jansson's own copy leaves out keys when memory runs out. */
amp_status ampi_json_copy(json_t **out, const json_t *json, amp_error *error);
/* Compact text, keys in their order; ampi_free it. */
amp_status ampi_json_dump(amp_context *context, const json_t *json, char **out, amp_error *error);

#endif
