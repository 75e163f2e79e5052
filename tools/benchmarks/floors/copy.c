// memcpy into buffers that turn round, 256 MiB in all, touched before: what a loader's batches cost at the least.
//
//   copy BYTES_OF_A_BATCH SECONDS
#include "floor.h"

int main(int count, char **words) {
    if (count < 3) return 64;
    size_t batch = atol(words[1]), all = 256UL << 20, turns = all / batch;
    double wanted = atof(words[2]);
    // The source is as large as the buffers, as a shard that is being read would be.
    char *from = malloc(all), *to = malloc(all);
    memset(from, 1, all);
    memset(to, 2, all);
    size_t copied = 0, turn = 0;
    double start = now(), used = cpu(), end;
    do {
        memcpy(to + turn * batch, from + turn * batch, batch);
        copied += batch;
        turn = (turn + 1) % turns;
        end = now();
    } while (end - start < wanted);
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"gb_per_s\": %.3f}\n", (end - start) * 1e9 / copied, cpu() - used,
           copied / (end - start) / 1e9);
    return 0;
}
