/*
 * Makes one call of Linux that Node does not have, and prints `ok` or the error's name: calls WHAT PATH [PATH].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static int bound(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  strncpy(name.sun_path, path, sizeof name.sun_path - 1);
  return bind(fd, (struct sockaddr *)&name, sizeof name);
}

int main(int argc, char **argv) {
  const char *what = argv[1], *path = argv[2], *other = argc > 3 ? argv[3] : "";
  int result = -1;
  if (strcmp(what, "noreplace") == 0) result = renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_NOREPLACE);
  else if (strcmp(what, "exchange") == 0) result = renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE);
  else if (strcmp(what, "fallocate") == 0) result = fallocate(open(path, O_RDWR), 0, 0, 4096);
  else if (strcmp(what, "setxattr") == 0) result = setxattr(path, "user.a", "b", 1, 0);
  else if (strcmp(what, "getxattr") == 0) result = (int)getxattr(path, "user.a", NULL, 0);
  else if (strcmp(what, "mkfifo") == 0) result = mkfifo(path, 0640);
  else if (strcmp(what, "mknod") == 0) result = mknod(path, S_IFCHR | 0600, makedev(259, 70000));
  else if (strcmp(what, "socket") == 0) result = bound(path);
  else if (strcmp(what, "hole") == 0) result = lseek(open(path, O_RDONLY), 0, SEEK_HOLE) < 0 ? -1 : 0;
  else return 2;
  puts(result < 0 ? strerrorname_np(errno) : "ok");
  return 0;
}
