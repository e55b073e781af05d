/*
 * Has one file open and locks it as it is told, a line each, and answers with a line: `ok`, what it was asked for, or the error's name.
 *
 *   set r|w|u START LENGTH    fcntl(2), at once; LENGTH 0 is to the end
 *   wait r|w START LENGTH     the same, and waits; a signal (SIGUSR1) ends the wait
 *   get r|w START LENGTH      what is in the way: `free`, or `r|w START LENGTH PID`
 *   flock s|x|u, flockwait s|x
 *   read, write TEXT          the first bytes of the file
 *   reopen                    closes it, and opens it again
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static void caught(int signal) { (void)signal; }

static void answer(int result) { puts(result < 0 ? strerrorname_np(errno) : "ok"); }

static struct flock lock_of(char type, long long start, long long length) {
  struct flock lock = {.l_whence = SEEK_SET, .l_start = start, .l_len = length};
  lock.l_type = type == 'r' ? F_RDLCK : type == 'w' ? F_WRLCK : F_UNLCK;
  return lock;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  struct sigaction action = {.sa_handler = caught};
  sigaction(SIGUSR1, &action, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0);
  int fd = open(argv[1], O_RDWR | O_CREAT, 0666);
  if (fd < 0) {
    answer(-1);
    return 1;
  }
  puts("open");
  char line[256], what[16], text[200];
  while (fgets(line, sizeof line, stdin) != NULL) {
    char type = 0;
    long long start = 0, length = 0;
    text[0] = 0;
    if (sscanf(line, "%15s", what) != 1) continue;
    if (strcmp(what, "write") == 0) sscanf(line, "%*s %199s", text);
    else sscanf(line, "%*s %c %lld %lld", &type, &start, &length);
    struct flock lock = lock_of(type, start, length);
    int how = type == 's' ? LOCK_SH : type == 'x' ? LOCK_EX : LOCK_UN;
    if (strcmp(what, "set") == 0) answer(fcntl(fd, F_SETLK, &lock));
    else if (strcmp(what, "wait") == 0) answer(fcntl(fd, F_SETLKW, &lock));
    else if (strcmp(what, "flock") == 0) answer(flock(fd, how | LOCK_NB));
    else if (strcmp(what, "flockwait") == 0) answer(flock(fd, how));
    else if (strcmp(what, "write") == 0) answer((int)pwrite(fd, text, strlen(text), 0));
    else if (strcmp(what, "get") == 0) {
      if (fcntl(fd, F_GETLK, &lock) < 0) answer(-1);
      else if (lock.l_type == F_UNLCK) puts("free");
      else
        printf("%c %lld %lld %d\n", lock.l_type == F_RDLCK ? 'r' : 'w', (long long)lock.l_start, (long long)lock.l_len,
               (int)lock.l_pid);
    } else if (strcmp(what, "read") == 0) {
      ssize_t got = pread(fd, text, sizeof text - 1, 0);
      if (got < 0) answer(-1);
      else printf("%.*s\n", (int)got, text);
    } else if (strcmp(what, "reopen") == 0) {
      close(fd);
      answer(fd = open(argv[1], O_RDWR));
    } else
      return 2;
  }
  return 0;
}
