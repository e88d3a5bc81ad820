/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec/dnnl_binding.c - a plan joined to memory, and run.
 *
 * Memory objects and argument lists are made once here; a run allocates nothing.
 */
#include "exec/dnnl_plan.h"
#include "exec/exec.h"

void ampi_binding_free(ampi_binding *binding)
{
    amp_context *context;

    if (binding == NULL)
        return;
    context = binding->plan->context;
    for (size_t i = 0; binding->memories != NULL && i < binding->plan->n_buffers; i++)
        if (binding->memories[i] != NULL)
            dnnl_memory_destroy(binding->memories[i]);
    if (binding->stream != NULL)
        dnnl_stream_destroy(binding->stream);
    ampi_free(context, binding->args);
    ampi_free(context, binding->memories);
    ampi_free(context, binding->pointers);
    ampi_free(context, binding);
}

static amp_status make_memories(ampi_binding *binding, unsigned char *arena, amp_error *error)
{
    const ampi_plan *const plan = binding->plan;

    for (size_t i = 0; i < plan->n_buffers; i++) {
        const ampi_buffer *const buffer = plan->buffers[i];
        void *where = buffer->pointer;
        if (buffer->first < 0)
            continue;
        if (!buffer->outside)
            where = arena + (buffer->same != NULL ? buffer->same : buffer)->offset;
        binding->pointers[i] = where;
        if (buffer->layout.set)
            AMPI_TRY(ampi_dnnl_check(dnnl_memory_create(&binding->memories[i],
                                                        ampi_layout_md(&buffer->layout),
                                                        plan->engine, where),
                                     "a memory object", error));
    }
    return AMP_OK;
}

static void make_args(ampi_binding *binding)
{
    for (size_t i = 0; i < binding->plan->n_steps; i++) {
        const ampi_step *const step = &binding->plan->steps[i];
        dnnl_exec_arg_t *const args = &binding->args[i * AMPI_STEP_ARGS];
        for (uint32_t k = 0; k < step->n_args; k++) {
            args[k].arg = step->keys[k];
            args[k].memory = binding->memories[step->buffers[k]];
        }
    }
}

static amp_status make_arrays(ampi_binding *binding, amp_error *error)
{
    const ampi_plan *const plan = binding->plan;

    binding->pointers = ampi_alloc(plan->context, plan->n_buffers, sizeof *binding->pointers);
    binding->memories = ampi_alloc(plan->context, plan->n_buffers, sizeof *binding->memories);
    binding->args =
        ampi_alloc(plan->context, plan->n_steps, AMPI_STEP_ARGS * sizeof *binding->args);
    if (!binding->pointers || !binding->memories || !binding->args)
        return ampi_fail_nomem(error, "exec", plan->n_steps * AMPI_STEP_ARGS);
    return ampi_dnnl_check(
        dnnl_stream_create(&binding->stream, plan->engine, dnnl_stream_default_flags), "a stream",
        error);
}

amp_status ampi_binding_create(ampi_binding **out, const ampi_plan *plan, unsigned char *arena,
                               void *owner, amp_error *error)
{
    ampi_binding *binding = ampi_alloc(plan->context, 1, sizeof *binding);
    amp_status status;

    *out = NULL;
    if (binding == NULL)
        return ampi_fail_nomem(error, "exec", sizeof *binding);
    binding->plan = plan;
    binding->owner = owner;
    status = make_arrays(binding, error);
    if (status != AMP_OK)
        goto done;
    status = make_memories(binding, arena, error);
    if (status != AMP_OK)
        goto done;
    make_args(binding);
    *out = binding;
    binding = NULL;
done:
    ampi_binding_free(binding);
    return status;
}

amp_status ampi_binding_point(ampi_binding *binding, int32_t buffer, const void *pointer,
                              amp_error *error)
{
    /* oneDNN takes inputs by plain pointers too. */
    void *const where = (void *)(uintptr_t)pointer;

    if (buffer == -1)
        return AMP_OK;
    binding->pointers[buffer] = where;
    if (binding->memories[buffer] == NULL)
        return AMP_OK;
    return ampi_dnnl_check(dnnl_memory_set_data_handle(binding->memories[buffer], where),
                           "a data pointer", error);
}

static void call_function(const ampi_binding *binding, const ampi_step *step)
{
    void *pointers[AMPI_STEP_ARGS];
    size_t bytes[AMPI_STEP_ARGS];
    const int32_t threads = binding->plan->threads;
    const ampi_call call = {
        binding->owner,       step->node, pointers, bytes, threads < 1 ? 1 : threads,
        binding->plan->images
    };

    for (uint32_t i = 0; i < step->n_args; i++) {
        pointers[i] = binding->pointers[step->buffers[i]];
        bytes[i] = binding->plan->buffers[step->buffers[i]]->bytes;
    }
    step->function(&call);
}

static dnnl_status_t execute(const ampi_binding *binding, size_t index)
{
    const ampi_step *const step = &binding->plan->steps[index];
    const int32_t before = step->alone ? ampi_omp_set(1) : 0;
    const dnnl_status_t status =
        dnnl_primitive_execute(step->primitive, binding->stream, (int)step->n_args,
                               &binding->args[index * AMPI_STEP_ARGS]);

    if (step->alone)
        ampi_omp_restore(before);
    return status;
}

static amp_status run_step(const ampi_binding *binding, size_t index, amp_error *error)
{
    const ampi_step *const step = &binding->plan->steps[index];

    if (step->function == NULL)
        return ampi_dnnl_check(execute(binding, index), "to run a primitive", error);
    call_function(binding, step);
    return AMP_OK;
}

amp_status ampi_binding_run(ampi_binding *binding, ampi_phase phase, amp_error *error)
{
    const ampi_plan *const plan = binding->plan;

    for (size_t i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].phase == phase)
            AMPI_TRY(run_step(binding, i, error));
    return ampi_dnnl_check(dnnl_stream_wait(binding->stream), "to finish", error);
}

amp_status ampi_binding_watch(ampi_binding *binding, ampi_watch_row *rows, amp_error *error)
{
    const ampi_plan *const plan = binding->plan;
    double before = ampi_watch_now();

    for (size_t i = 0; i < plan->n_steps; i++) {
        if (plan->steps[i].phase != AMPI_PHASE_FORWARD)
            continue;
        AMPI_TRY(run_step(binding, i, error));
        AMPI_TRY(ampi_dnnl_check(dnnl_stream_wait(binding->stream), "to finish", error));
        const double now = ampi_watch_now();
        rows[i].seconds += now - before;
        rows[i].calls++;
        before = now;
    }
    return AMP_OK;
}
