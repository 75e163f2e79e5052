// One look at each file below a folder: opendir, readdir, stat.
//
//   walk FOLDER
#include "floor.h"

#include <dirent.h>

static size_t files;

static void walk(int folder) {
    DIR *stream = fdopendir(folder);
    struct dirent *entry;
    while (stream && (entry = readdir(stream))) {
        if (entry->d_name[0] == '.') continue;
        struct stat status;
        if (fstatat(dirfd(stream), entry->d_name, &status, 0) < 0) continue;
        if (S_ISDIR(status.st_mode))
            walk(openat(dirfd(stream), entry->d_name, O_RDONLY | O_DIRECTORY));
        else
            files++;
    }
    if (stream) closedir(stream);
}

int main(int count, char **words) {
    if (count < 2) return 64;
    double start = now(), used = cpu();
    walk(open(words[1], O_RDONLY | O_DIRECTORY));
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"files\": %zu}\n", now() - start, cpu() - used, files);
    return 0;
}
