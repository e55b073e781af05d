/*
 * Random reads, writes, mapped reads and writes, cuts, reopenings of one file against a twin in memory: fsx FILE SEED OPERATIONS. Ends with status 0 when the file always was
 * what the twin says, else with the seed, the number of the operation and the first byte that differs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH_MAX (700 * 1024)
#define PIECE_MAX (180 * 1024)

static unsigned char twin[LENGTH_MAX], piece[PIECE_MAX];
static long length, count, seed;
static uint64_t state;
static int fd;
static const char *path;

static long below(long limit) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (long)((state >> 33) % (uint64_t)limit);
}

static void fail(const char *what, long offset) {
  fprintf(stderr, "seed %ld, operation %ld: %s at %ld: %s\n", seed, count, what, offset, strerror(errno));
  exit(1);
}

static void compare(const unsigned char *found, long offset, long bytes, const char *what) {
  for (long at = 0; at < bytes; at++) {
    if (found[at] == twin[offset + at]) continue;
    errno = 0;
    fprintf(stderr, "found %02x, not %02x, in %ld bytes from %ld on; ", found[at], twin[offset + at], bytes, offset);
    fail(what, offset + at);
  }
}

static void grown(long end) {
  if (end > length) length = end;
}

static void fill(unsigned char *to, long bytes) {
  for (long at = 0; at < bytes; at++) to[at] = (unsigned char)below(256);
}

static void reopen(int flags) {
  if (close(fd) < 0) fail("close", 0);
  fd = open(path, O_RDWR | flags);
  if (fd < 0) fail("open", 0);
}

static unsigned char *map(long offset, long bytes, int protection, long *before) {
  *before = offset % 4096;
  unsigned char *at = mmap(NULL, bytes + *before, protection, MAP_SHARED, fd, offset - *before);
  if (at == MAP_FAILED) fail("mmap", offset);
  return at;
}

static void resize(long to) {
  if (ftruncate(fd, to) < 0) fail("ftruncate", to);
  if (to > length) memset(twin + length, 0, to - length);
  length = to;
}

static void step(void) {
  long offset = below(LENGTH_MAX - PIECE_MAX), bytes = 1 + below(below(4) ? 9000 : PIECE_MAX), before;
  switch (below(12)) {
  case 0: case 1: case 2:
    fill(piece, bytes);
    if (pwrite(fd, piece, bytes, offset) != bytes) fail("pwrite", offset);
    if (offset > length) memset(twin + length, 0, offset - length);
    memcpy(twin + offset, piece, bytes);
    grown(offset + bytes);
    break;
  case 3: case 4: case 5: {
    long got = pread(fd, piece, bytes, offset), left = length - offset;
    if (got != (left < 0 ? 0 : left < bytes ? left : bytes)) fail("pread's length", offset);
    compare(piece, offset, got, "pread");
    break;
  }
  case 6: case 7: {
    if (offset >= length) break;
    if (bytes > length - offset) bytes = length - offset;
    int writes = (int)below(2);
    unsigned char *at = map(offset, bytes, writes ? PROT_READ | PROT_WRITE : PROT_READ, &before);
    compare(at + before, offset, bytes, "mapped read");
    if (writes) {
      fill(twin + offset, bytes);
      memcpy(at + before, twin + offset, bytes);
      if (below(2) && msync(at, bytes + before, MS_SYNC) < 0) fail("msync", offset);
    }
    if (munmap(at, bytes + before) < 0) fail("munmap", offset);
    break;
  }
  case 8: resize(below(LENGTH_MAX)); break;
  case 9: resize(length - below(length + 1)); break;
  case 10:
    if (fsync(fd) < 0) fail("fsync", 0);
    reopen(0);
    break;
  case 11: {
    struct stat found;
    if (length + bytes > LENGTH_MAX) break;
    fill(twin + length, bytes);
    reopen(O_APPEND);
    if (write(fd, twin + length, bytes) != bytes) fail("append", length);
    length += bytes;
    reopen(0);
    if (fstat(fd, &found) < 0 || found.st_size != length) fail("size", found.st_size);
    break;
  }
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  path = argv[1];
  seed = atol(argv[2]);
  state = (uint64_t)seed * 2654435761u + 1;
  long most = atol(argv[3]);
  fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) fail("open", 0);
  for (count = 0; count < most; count++) step();
  reopen(0);
  static unsigned char whole[LENGTH_MAX + 1];
  long got = 0, more;
  while ((more = read(fd, whole + got, LENGTH_MAX + 1 - got)) > 0) got += more;
  if (got != length) fail("the length in the end", got);
  compare(whole, 0, length, "the end");
  return 0;
}
