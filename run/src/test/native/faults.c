/*
 * Lets a file system fail under a process: preloaded, it stands between the process and the C
 * library for everything below one directory. It counts calls, lets the n-th fail in one of several
 * ways, remembers what a power failure would take away, and takes it away.
 *
 * The model of a power failure: of each file, what was written since its last sync is lost, but for a
 * piece of it; names made, changed or removed since the last sync of their directory are taken back,
 * the youngest first, as a journal would. A failed sync may lose what it was to make durable, though
 * the next one succeeds: the kernel reports it once.
 *
 * Files are only appended to by what is tested, so a length tells what is durable.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { NONE, EIO_ONCE, EIO_FOR_GOOD, FULL_ONCE, FULL_FOR_GOOD, SHORT_WRITE, DEATH };

/* What a call does to the disk. */
enum effect { READS, WRITES, CHANGES, REMOVES };

#define FILES_MAX 4096
#define NAMES_MAX 65536
#define FDS_MAX 65536

struct file { dev_t dev; ino_t ino; off_t durable; };
enum name_event { MADE, RENAMED, REMOVED };
struct name { enum name_event event; char *path, *from, *backup; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char prefix[PATH_MAX];
static size_t prefix_length;
static enum kind kind;
static long number, calls, met;
static int full_now;
static char where[PATH_MAX + 64];
static char *fd_paths[FDS_MAX];
static struct file files[FILES_MAX];
static int file_count;
static struct name names[NAMES_MAX];
static int name_count;
static long backup_count;

/* A test layer that cannot do what it promises must not go on. */
static void give_up(const char *what) {
  fprintf(stderr, "faults.c: %s: %s\n", what, strerror(errno));
  abort();
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* ---- control, called by the test through the foreign function interface ---- */

void faults_arm(const char *directory, int new_kind, long n) {
  pthread_mutex_lock(&lock);
  snprintf(prefix, sizeof prefix, "%s", directory);
  prefix_length = strlen(prefix);
  kind = new_kind;
  number = n;
  calls = met = full_now = 0;
  where[0] = 0;
  pthread_mutex_unlock(&lock);
}

long faults_met(void) { return met; }

const char *faults_where(void) { return where; }

/* Forgets what is not durable, as after a restart without a power failure long ago. */
void faults_forget(void) {
  pthread_mutex_lock(&lock);
  for (int i = 0; i < name_count; i++) {
    if (names[i].backup) unlink(names[i].backup);
    free(names[i].path);
    free(names[i].from);
    free(names[i].backup);
  }
  name_count = file_count = 0;
  pthread_mutex_unlock(&lock);
}

/* ---- what concerns us ---- */

static int is_below(const char *path) {
  return prefix_length && path && strncmp(path, prefix, prefix_length) == 0 &&
         (path[prefix_length] == '/' || path[prefix_length] == 0);
}

static const char *path_of(int fd) {
  return fd >= 0 && fd < FDS_MAX && is_below(fd_paths[fd]) ? fd_paths[fd] : NULL;
}

static struct file *file_of(int fd) {
  struct stat status;
  if (fstat(fd, &status)) return NULL;
  for (int i = 0; i < file_count; i++)
    if (files[i].dev == status.st_dev && files[i].ino == status.st_ino) return &files[i];
  if (file_count == FILES_MAX) give_up("too many files");
  files[file_count] = (struct file){status.st_dev, status.st_ino, status.st_size};
  return &files[file_count++];
}

static void remember(enum name_event event, const char *path, const char *from, char *backup) {
  if (name_count == NAMES_MAX) give_up("too many names");
  names[name_count++] =
      (struct name){event, strdup(path), from ? strdup(from) : NULL, backup};
}

/* Keeps the content of a name that is about to go. */
static char *keep(const char *path) {
  char backup[PATH_MAX + 32];
  snprintf(backup, sizeof backup, "%s.faults-%ld", prefix, backup_count++);
  REAL(link);
  return real(path, backup) ? NULL : strdup(backup);
}

static int concerns(enum effect effect) {
  switch (kind) {
    case EIO_ONCE: case EIO_FOR_GOOD: case DEATH: return 1;
    case FULL_ONCE: case FULL_FOR_GOOD: return effect == WRITES || effect == CHANGES;
    case SHORT_WRITE: return effect == WRITES;
    default: return 0;
  }
}

/* 0, or the error of this call. The lock is held. */
static int fault(enum effect effect, const char *call, const char *path) {
  int error = kind == FULL_ONCE || kind == FULL_FOR_GOOD ? ENOSPC : EIO;
  if (full_now && effect == WRITES) {
    full_now = 0;
    return ENOSPC;
  }
  if (!concerns(effect)) return 0;
  if (met) return kind == EIO_FOR_GOOD || kind == FULL_FOR_GOOD || kind == DEATH ? error : 0;
  if (++calls < number) return 0;
  met = 1;
  snprintf(where, sizeof where, "%s %s", call, path);
  if (kind == SHORT_WRITE) {
    full_now = 1;
    return 0;
  }
  return error;
}

static int fails(enum effect effect, const char *call, const char *path) {
  pthread_mutex_lock(&lock);
  int error = fault(effect, call, path);
  pthread_mutex_unlock(&lock);
  if (error) errno = error;
  return error;
}

/* ---- the power failure ---- */

static int is_in(const char *path, const char *directory) {
  size_t length = strlen(directory);
  return strncmp(path, directory, length) == 0 && path[length] == '/' &&
         !strchr(path + length + 1, '/');
}

static void really_unlink(const char *path) {
  REAL(unlink);
  real(path);
}

static void undo(struct name *name) {
  REAL(rename);
  switch (name->event) {
    case MADE: really_unlink(name->path); break;
    case RENAMED:
      real(name->path, name->from);
      if (name->backup) real(name->backup, name->path);
      break;
    case REMOVED:
      if (name->backup) real(name->backup, name->path);
      break;
  }
}

static unsigned long next_random(unsigned long *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void lose_unsynced_data(const char *directory, unsigned long *state) {
  REAL(opendir);
  DIR *listing = real(directory);
  struct dirent *entry;
  if (!listing) return;
  while ((entry = readdir(listing))) {
    char path[PATH_MAX + 300];
    struct stat status;
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
    if (stat(path, &status)) continue;
    if (S_ISDIR(status.st_mode)) lose_unsynced_data(path, state);
    /* A directory may have the inode number of a file that is gone. */
    for (int i = 0; S_ISREG(status.st_mode) && i < file_count; i++)
      if (files[i].ino == status.st_ino && files[i].dev == status.st_dev &&
          files[i].durable < status.st_size) {
        off_t lost = status.st_size - files[i].durable;
        off_t left = files[i].durable + (off_t)(next_random(state) % (unsigned long)(lost + 1));
        if (truncate(path, next_random(state) % 2 ? left : files[i].durable)) give_up(path);
      }
  }
  closedir(listing);
}

/* Everything is closed by now. Seeds give different outcomes. */
void faults_power_failure(unsigned long seed) {
  unsigned long state = seed * 2654435761u + 88172645463325252u;
  pthread_mutex_lock(&lock);
  kind = NONE;
  int left = (int)(next_random(&state) % (unsigned long)(name_count + 1));
  if (next_random(&state) % 2) left = 0;
  while (name_count > left) {
    struct name *name = &names[--name_count];
    undo(name);
    free(name->path);
    free(name->from);
    free(name->backup);
  }
  lose_unsynced_data(prefix, &state);
  pthread_mutex_unlock(&lock);
  faults_forget();
}

/* ---- calls ---- */

static int opened(int fd, const char *path, int flags, int existed) {
  if (fd < 0 || fd >= FDS_MAX) return fd;
  pthread_mutex_lock(&lock);
  free(fd_paths[fd]);
  fd_paths[fd] = is_below(path) ? strdup(path) : NULL;
  if (fd_paths[fd]) {
    if (!existed) remember(MADE, path, NULL, NULL);
    if ((flags & O_ACCMODE) != O_RDONLY) {
      struct file *file = file_of(fd);
      /* A new file may have the inode number of one that is gone. */
      if (file && (!existed || (flags & O_TRUNC))) file->durable = 0;
    }
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

static int existed(const char *path, int flags) {
  return !(flags & O_CREAT) || access(path, F_OK) == 0;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
      va_list arguments; \
      va_start(arguments, flags); \
      mode = va_arg(arguments, mode_t); \
      va_end(arguments); \
    } \
    REAL(name); \
    if (!is_below(path)) return opened(real(path, flags, mode), path, flags, 1); \
    if (fails(flags & O_CREAT ? CHANGES : READS, "open", path)) return -1; \
    int there = existed(path, flags); \
    return opened(real(path, flags, mode), path, flags, there); \
  }
OPEN(open)
OPEN(open64)

int close(int fd) {
  REAL(close);
  if (fd >= 0 && fd < FDS_MAX && fd_paths[fd]) {
    pthread_mutex_lock(&lock);
    free(fd_paths[fd]);
    fd_paths[fd] = NULL;
    pthread_mutex_unlock(&lock);
  }
  return real(fd);
}

/* How much of a write is taken. */
static size_t taken(size_t count) {
  return full_now && kind == SHORT_WRITE ? (count + 1) / 2 : count;
}

ssize_t write(int fd, const void *data, size_t count) {
  REAL(write);
  const char *path = path_of(fd);
  if (!path) return real(fd, data, count);
  if (fails(WRITES, "write", path)) return -1;
  return real(fd, data, taken(count));
}

#define PWRITE(name, type) \
  ssize_t name(int fd, const void *data, size_t count, type offset) { \
    REAL(name); \
    const char *path = path_of(fd); \
    if (!path) return real(fd, data, count, offset); \
    if (fails(WRITES, "pwrite", path)) return -1; \
    return real(fd, data, taken(count), offset); \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t read(int fd, void *data, size_t count) {
  REAL(read);
  const char *path = path_of(fd);
  if (path && fails(READS, "read", path)) return -1;
  return real(fd, data, count);
}

#define PREAD(name, type) \
  ssize_t name(int fd, void *data, size_t count, type offset) { \
    REAL(name); \
    const char *path = path_of(fd); \
    if (path && fails(READS, "pread", path)) return -1; \
    return real(fd, data, count, offset); \
  }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#undef fread_unlocked
/* Reading through a stream does not pass through read. */
size_t fread_unlocked(void *data, size_t size, size_t count, FILE *stream) {
  static size_t (*real)(void *, size_t, size_t, FILE *);
  if (!real) real = (size_t (*)(void *, size_t, size_t, FILE *))dlsym(RTLD_NEXT, "fread_unlocked");
  const char *path = path_of(fileno(stream));
  if (path && fails(READS, "fread", path)) {
    stream->_flags |= 0x20; /* what ferror looks at, in glibc */
    return 0;
  }
  return real(data, size, count, stream);
}

int fclose(FILE *stream) {
  REAL(fclose);
  int fd = fileno(stream);
  if (fd >= 0 && fd < FDS_MAX && fd_paths[fd]) {
    pthread_mutex_lock(&lock);
    free(fd_paths[fd]);
    fd_paths[fd] = NULL;
    pthread_mutex_unlock(&lock);
  }
  return real(stream);
}

static int synced(int fd, const char *path, int result) {
  struct stat status;
  if (result || fstat(fd, &status)) return result;
  pthread_mutex_lock(&lock);
  if (S_ISDIR(status.st_mode)) {
    int left = 0;
    for (int i = 0; i < name_count; i++) {
      if (is_in(names[i].path, path)) {
        if (names[i].backup) unlink(names[i].backup);
        free(names[i].path);
        free(names[i].from);
        free(names[i].backup);
      } else {
        names[left++] = names[i];
      }
    }
    name_count = left;
  } else {
    struct file *file = file_of(fd);
    if (file) file->durable = status.st_size;
  }
  pthread_mutex_unlock(&lock);
  return result;
}

/* The kernel may drop what it could not write, and says so once. */
static int sync_failed(int fd) {
  REAL(ftruncate);
  int error = errno;
  struct stat status;
  if (!fstat(fd, &status) && S_ISREG(status.st_mode) && number % 2) {
    pthread_mutex_lock(&lock);
    struct file *file = file_of(fd);
    off_t durable = file ? file->durable : status.st_size;
    pthread_mutex_unlock(&lock);
    if (durable < status.st_size && real(fd, durable))
      give_up("dropping what was not synced");
  }
  errno = error;
  return -1;
}

#define SYNC(name) \
  int name(int fd) { \
    REAL(name); \
    const char *path = path_of(fd); \
    if (!path) return real(fd); \
    char copy[PATH_MAX]; \
    snprintf(copy, sizeof copy, "%s", path); \
    if (fails(CHANGES, #name, copy)) return sync_failed(fd); \
    return synced(fd, copy, real(fd)); \
  }
SYNC(fsync)
SYNC(fdatasync)

/* Space that is only allocated is no content, and must not look durable or lost. */
int fallocate(int fd, int mode, off_t offset, off_t length) {
  REAL(fallocate);
  const char *path = path_of(fd);
  if (path && fails(CHANGES, "fallocate", path)) return -1;
  return real(fd, mode, offset, length);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
  REAL(posix_fallocate);
  const char *path = path_of(fd);
  if (path && fails(CHANGES, "posix_fallocate", path)) return errno;
  return real(fd, offset, length);
}

#define TRUNCATE(name, type) \
  int name(int fd, type length) { \
    REAL(name); \
    const char *path = path_of(fd); \
    if (path && fails(CHANGES, "ftruncate", path)) return -1; \
    return real(fd, length); \
  }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

int rename(const char *from, const char *to) {
  REAL(rename);
  if (!is_below(to)) return real(from, to);
  if (fails(CHANGES, "rename", to)) return -1;
  pthread_mutex_lock(&lock);
  char *backup = keep(to);
  int result = real(from, to);
  if (result == 0) {
    remember(RENAMED, to, from, backup);
  } else if (backup) {
    int error = errno;
    unlink(backup);
    free(backup);
    errno = error;
  }
  pthread_mutex_unlock(&lock);
  return result;
}

int link(const char *from, const char *to) {
  REAL(link);
  if (!is_below(to)) return real(from, to);
  if (fails(CHANGES, "link", to)) return -1;
  int result = real(from, to);
  if (result == 0) {
    pthread_mutex_lock(&lock);
    remember(MADE, to, NULL, NULL);
    pthread_mutex_unlock(&lock);
  }
  return result;
}

int unlink(const char *path) {
  REAL(unlink);
  if (!is_below(path) || strstr(path, ".faults-")) return real(path);
  if (fails(REMOVES, "unlink", path)) return -1;
  pthread_mutex_lock(&lock);
  char *backup = keep(path);
  int result = real(path);
  if (result == 0) {
    remember(REMOVED, path, NULL, backup);
  } else if (backup) {
    int error = errno;
    real(backup);
    free(backup);
    errno = error;
  }
  pthread_mutex_unlock(&lock);
  return result;
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  if (is_below(path) && fails(CHANGES, "mkdir", path)) return -1;
  return real(path, mode);
}

DIR *opendir(const char *path) {
  REAL(opendir);
  if (is_below(path) && fails(READS, "opendir", path)) return NULL;
  return real(path);
}
