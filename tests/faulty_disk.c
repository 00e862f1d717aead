/* A disk that fails when it is told to, and remembers what it was asked.
 *
 * Preloaded before libc, it stands between SQLite (whichever library Python has) and the files of one folder.
 * Python steers it through ctypes; nothing happens until it does. See faulty_disk.py.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[PATH_MAX];
static int journal = -1;         /* where everything is remembered; -1: nowhere */
static long calls, nth, period;  /* the nth call fails, and then every period-th after it; 0: none */
static int fault;                /* the errno of a failing call; 0: the process is killed at it */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

struct event {
    char kind[8];
    int64_t offset, length, name_length;
};

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int raw_write(int fd, const void *data, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    while (length) {
        ssize_t done = real(fd, data, length);
        if (done < 0) return -1;
        data = (const char *)data + done;
        length -= done;
    }
    return 0;
}

static void note(const char *kind, const char *name, int64_t offset, const void *data, int64_t length) {
    if (journal < 0) return;
    struct event event = {.offset = offset, .length = length, .name_length = strlen(name)};
    strncpy(event.kind, kind, sizeof event.kind - 1);
    if (raw_write(journal, &event, sizeof event) || raw_write(journal, name, event.name_length)
        || (data && raw_write(journal, data, length)))
        abort();
}

/* The name in the folder, "" for the folder itself, or NULL for files that are none of ours. */
static const char *inside(char *path) {
    size_t length = strlen(folder);
    if (!length || strncmp(path, folder, length)) return NULL;
    if (!path[length]) return "";
    return path[length] == '/' ? path + length + 1 : NULL;
}

static const char *name_of(int fd, char *path) {
    char link[64];
    if (!*folder) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return inside(path);
}

/* Whether this call is to fail. A sync of the folder never does: SQLite would pass over it without a word. */
static int fails(const char *name) {
    if (!*name) return 0;
    calls++;
    if (!nth || calls < nth || (calls > nth && (!period || (calls - nth) % period))) return 0;
    if (!fault) raise(SIGKILL);
    errno = fault;
    return 1;
}

void disk_watch(const char *path) { strncpy(folder, path, sizeof folder - 1); }
void disk_remember(const char *path) { journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600); }
void disk_note(const char *text) {
    pthread_mutex_lock(&mutex);
    note("said", text, 0, NULL, 0);
    pthread_mutex_unlock(&mutex);
}
void disk_fail(long first, long every, int error) {
    calls = 0;
    nth = first;
    period = every;
    fault = error;
}
long disk_calls(void) { return calls; }

/* One call of libc: done unless it is to fail, and remembered when it was done. */
#define AROUND(kind, name, offset, data, length, call) \
    do { \
        if (!name) return call; \
        pthread_mutex_lock(&mutex); \
        int failed = fails(name); \
        __auto_type result = failed ? -1 : call; \
        int kept = errno; \
        if (!failed && result >= 0) note(kind, name, offset, data, data ? result : length); \
        else if (!strcmp(kind, "sync")) note("nosync", name, 0, NULL, 0); \
        pthread_mutex_unlock(&mutex); \
        errno = kept; \
        return result; \
    } while (0)

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    char path[PATH_MAX];
    const char *name = name_of(fd, path);
    AROUND("write", name, offset, data, (int64_t)length, real(fd, data, length, offset));
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }
/* What SQLite uses where it was built without pwrite. */
ssize_t write(int fd, const void *data, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    char path[PATH_MAX];
    const char *name = name_of(fd, path);
    off64_t offset = name ? lseek64(fd, 0, SEEK_CUR) : 0;
    AROUND("write", name, offset, data, (int64_t)length, real(fd, data, length));
}

int ftruncate64(int fd, off64_t length) {
    REAL(int, "ftruncate64", int, off64_t);
    char path[PATH_MAX];
    const char *name = name_of(fd, path);
    AROUND("cut", name, length, NULL, (int64_t)0, real(fd, length));
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

/* Nothing in the folder must outlive this machine's power: a sync is only remembered, which is fast. */
int fsync(int fd) {
    REAL(int, "fsync", int);
    char path[PATH_MAX];
    const char *name = name_of(fd, path);
    if (!name) return real(fd);
    AROUND("sync", name, 0, NULL, (int64_t)0, 0);
}
int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    char path[PATH_MAX];
    const char *name = name_of(fd, path);
    if (!name) return real(fd);
    AROUND("sync", name, 0, NULL, (int64_t)0, 0);
}
int unlink(const char *given) {
    REAL(int, "unlink", const char *);
    char path[PATH_MAX] = "";
    strncpy(path, given, sizeof path - 1);
    const char *name = inside(path);
    AROUND("unlink", name, 0, NULL, (int64_t)0, real(given));
}
