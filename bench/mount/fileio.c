/*
 * fileio: one process that writes, reads or stats files, and says what that cost. No library:
 * gcc -O2 -o fileio fileio.c
 *
 *   fileio write FILE MIB MOUNTPIDS SERVERPIDS       write(2) of 1 MiB each, one fsync(2) at the end
 *   fileio read FILE MIB MOUNTPIDS SERVERPIDS        lets the kernel forget what it has of the file, then read(2) of 1 MiB each
 *   fileio stat DIR SECONDS MOUNTPIDS SERVERPIDS     statx(2) of f0 to f99 in turn, as the kernel's cache allows
 *   fileio ask DIR SECONDS MOUNTPIDS SERVERPIDS      the same with AT_STATX_FORCE_SYNC: each is asked of the file system
 *
 * PIDS: numbers with commas between them, or "-". Prints one JSON object.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MIB (1 << 20)
#define FILES 100

static void fail(const char *what, const char *on)
{
	fprintf(stderr, "fileio: %s %s: %s\n", what, on, strerror(errno));
	exit(1);
}

/* Microseconds of CPU, all threads: the scheduler counts them in nanoseconds. */
static double threads_cpu(int pid)
{
	char path[300];
	double sum = 0;
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *directory = opendir(path);
	if (!directory) fail("opendir", path);
	for (struct dirent *entry; (entry = readdir(directory));) {
		unsigned long long ns;
		if (entry->d_name[0] == '.') continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
		FILE *file = fopen(path, "r");
		if (!file) continue;
		if (fscanf(file, "%llu", &ns) == 1) sum += ns / 1e3;
		fclose(file);
	}
	closedir(directory);
	return sum;
}

static double all_cpu(const char *pids)
{
	double sum = 0;
	for (const char *at = pids; at && *at >= '0' && *at <= '9'; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		sum += threads_cpu(atoi(at));
	return sum;
}

static double self_cpu(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

/* Microseconds that all processors together were busy. */
static double busy_cpu(void)
{
	unsigned long long v[8] = { 0 };
	FILE *file = fopen("/proc/stat", "r");
	if (!file) fail("open", "/proc/stat");
	if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7) != 8)
		fail("read", "/proc/stat");
	fclose(file);
	return (double)(v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) * 1e6 / sysconf(_SC_CLK_TCK);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static uint64_t *buffer;

/* Bytes that do not compress, and differ from MiB to MiB. */
static void fill(void)
{
	uint64_t x = 88172645463325252ull;
	for (int i = 0; i < MIB / 8; i++) {
		x ^= x << 13; x ^= x >> 7; x ^= x << 17;
		buffer[i] = x;
	}
}

static double do_write(const char *path, long mib)
{
	fill();
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0) fail("open", path);
	for (long i = 0; i < mib; i++) {
		buffer[0] = i;
		for (size_t done = 0; done < MIB;) {
			ssize_t n = write(fd, (char *)buffer + done, MIB - done);
			if (n <= 0) fail("write", path);
			done += n;
		}
	}
	if (fsync(fd)) fail("fsync", path);
	if (close(fd)) fail("close", path);
	return mib;
}

static double do_read(int fd, const char *path, long mib)
{
	for (long i = 0; i < mib; i++) {
		for (size_t done = 0; done < MIB;) {
			ssize_t n = read(fd, (char *)buffer + done, MIB - done);
			if (n <= 0) fail("read", path);
			done += n;
		}
		if (buffer[0] != (uint64_t)i) {
			fprintf(stderr, "fileio: %s: MiB %ld is not what was written\n", path, i);
			exit(1);
		}
	}
	return mib;
}

static double do_stat(const char *directory, double seconds, int flags)
{
	char paths[FILES][4096];
	double end = now() + seconds * 1e6;
	long count = 0;
	for (int i = 0; i < FILES; i++) snprintf(paths[i], sizeof paths[i], "%s/f%d", directory, i);
	do {
		for (int i = 0; i < FILES; i++) {
			struct statx s;
			if (statx(AT_FDCWD, paths[i], flags, STATX_BASIC_STATS, &s)) fail("statx", paths[i]);
		}
		count += FILES;
	} while (now() < end);
	return count;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "fileio write|read|stat|ask PATH MIB|SECONDS MOUNTPIDS SERVERPIDS\n");
		return 2;
	}
	const char *op = argv[1], *path = argv[2];
	int fd = -1;
	if (posix_memalign((void **)&buffer, 4096, MIB)) return 1;
	memset(buffer, 1, MIB);
	if (!strcmp(op, "read")) {
		if ((fd = open(path, O_RDONLY)) < 0) fail("open", path);
		if ((errno = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))) fail("posix_fadvise", path);
	}
	/* So that the cache is not empty at the beginning. */
	if (!strcmp(op, "stat")) do_stat(path, 0, AT_STATX_SYNC_AS_STAT);
	double began = now(), busy = busy_cpu(), mount = all_cpu(argv[4]), server = all_cpu(argv[5]), self = self_cpu();
	double count = !strcmp(op, "write") ? do_write(path, atol(argv[3]))
		: !strcmp(op, "read") ? do_read(fd, path, atol(argv[3]))
		: do_stat(path, atof(argv[3]), !strcmp(op, "ask") ? AT_STATX_FORCE_SYNC : AT_STATX_SYNC_AS_STAT);
	self = self_cpu() - self;
	mount = all_cpu(argv[4]) - mount;
	server = all_cpu(argv[5]) - server;
	busy = busy_cpu() - busy;
	double ended = now();
	printf("{\"count\":%.0f,\"began\":%.0f,\"ended\":%.0f,\"self\":%.0f,\"mount\":%.0f,\"server\":%.0f,\"others\":%.1f}\n",
		count, began, ended, self, mount, server, (busy - self - mount - server) / (ended - began) * 100);
	return 0;
}
