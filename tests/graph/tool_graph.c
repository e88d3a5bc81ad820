/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool_graph.c - prints the tensors of networks: "<name> <dims...>" a line, "=" after each.
 *
 * usage: tool_graph ARCH...
 */
#include "graph/graph.h"

#include <stdio.h>

static void print_tensor(const ampi_tensor *tensor)
{
    printf("%s", tensor->name);
    for (uint32_t i = 0; i < tensor->rank; i++)
        printf(" %zu", tensor->dims[i]);
    printf("\n");
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        ampi_graph *graph = NULL;
        amp_error error = { 0 };
        if (ampi_graph_build(&graph, NULL, argv[i], &error) != AMP_OK) {
            fprintf(stderr, "%s: %s\n", argv[i], error.message);
            return 1;
        }
        for (size_t t = 0; t < graph->n_tensors; t++)
            print_tensor(&graph->tensors[t]);
        printf("=\n");
        ampi_graph_free(graph);
    }
    return 0;
}
