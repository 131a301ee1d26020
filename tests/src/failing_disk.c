/* A disk that is full, or a machine that dies, at a chosen moment: to be preloaded into a tool.
 *
 *   DISK_BYTES=N   so many bytes are left: then writes are short once and fail with ENOSPC; a new file or folder takes 4096
 *   DISK_CALLS=N   the process is killed instead of its N-th call that would change the disk
 *   DISK_COUNT=F   both are counted, and written to the file F in the end
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long long bytes, calls, bytes_left = -1, calls_left = -1;
static const char *count;

__attribute__((constructor)) static void begin(void) {
    if (getenv("DISK_BYTES")) bytes_left = atoll(getenv("DISK_BYTES"));
    if (getenv("DISK_CALLS")) calls_left = atoll(getenv("DISK_CALLS"));
    count = getenv("DISK_COUNT");
}

__attribute__((destructor)) static void end(void) {
    if (!count) return;
    FILE *file = fopen(count, "w");
    if (file) {
        fprintf(file, "%lld %lld", bytes, calls);
        fclose(file);
    }
}

static void call(void) {
    pthread_mutex_lock(&lock);
    calls++;
    if (calls_left >= 0 && calls > calls_left) kill(getpid(), SIGKILL);
    pthread_mutex_unlock(&lock);
}

/* How many of `wanted` bytes there is space for. */
static size_t take(size_t wanted) {
    pthread_mutex_lock(&lock);
    size_t given = wanted;
    if (bytes_left >= 0 && (long long)wanted > bytes_left) given = bytes_left;
    if (bytes_left >= 0) bytes_left -= given;
    bytes += given;
    pthread_mutex_unlock(&lock);
    return given;
}

static int is_file(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)

#define WRITE(name, parameters, with_length)                       \
    if (!is_file(fd)) { length = wanted; return with_length; }     \
    call();                                                        \
    length = take(wanted);                                         \
    if (length == 0 && wanted > 0) { errno = ENOSPC; return -1; }  \
    return with_length;

ssize_t write(int fd, const void *buffer, size_t wanted) {
    REAL(write);
    size_t length;
    WRITE(write, , real(fd, buffer, length))
}

ssize_t writev(int fd, const struct iovec *parts, int many) {
    REAL(writev);
    if (!is_file(fd) || many == 0) return real(fd, parts, many);
    return write(fd, parts[0].iov_base, parts[0].iov_len);
}

ssize_t pwrite64(int fd, const void *buffer, size_t wanted, off64_t at) {
    REAL(pwrite64);
    size_t length;
    WRITE(pwrite64, , real(fd, buffer, length, at))
}

static int open_as(int (*real)(int, const char *, int, ...), int at, const char *path, int flags, mode_t mode) {
    if (flags & O_CREAT) {
        call();
        if (faccessat(at, path, F_OK, 0) != 0 && take(4096) < 4096) { errno = ENOSPC; return -1; }
    }
    return real(at, path, flags, mode);
}

#define OPEN(name)                                                          \
    int name(const char *path, int flags, ...) {                           \
        va_list rest; va_start(rest, flags);                                \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; va_end(rest); \
        static int (*real)(int, const char *, int, ...);                    \
        if (!real) real = dlsym(RTLD_NEXT, "openat64");                     \
        return open_as(real, AT_FDCWD, path, flags, mode);                  \
    }
OPEN(open)
OPEN(open64)

#define CHANGE(name, parameters, arguments, space)                          \
    int name parameters {                                                   \
        REAL(name);                                                         \
        call();                                                             \
        if (space && take(space) < space) { errno = ENOSPC; return -1; }    \
        return real arguments;                                              \
    }
CHANGE(mkdir, (const char *path, mode_t mode), (path, mode), 4096)
CHANGE(rename, (const char *from, const char *to), (from, to), 0)
CHANGE(unlink, (const char *path), (path), 0)
CHANGE(unlinkat, (int at, const char *path, int flags), (at, path, flags), 0)
CHANGE(rmdir, (const char *path), (path), 0)
CHANGE(fsync, (int fd), (fd), 0)
CHANGE(fdatasync, (int fd), (fd), 0)
