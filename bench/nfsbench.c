/*
 * nfsbench - load generator for NFS version 2 and 3 servers.
 *
 * One file, no RPC library: XDR, ONC RPC (UDP, TCP with record marking), AUTH_UNIX, MOUNT v1/v3, NFS v2/v3 by hand.
 *   gcc -O2 -w -o nfsbench nfsbench.c
 * See README.md for the options. Sections: XDR, sockets, RPC, NFS encoders, NFS calls, load,
 * echo, disk, main.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NFS_PROG 100003
#define MNT_PROG 100005
#define PMAP_PROG 100000
#define MAXMSG 70000

static struct {
	const char *host, *path, *op, *disk;
	int vers, tcp, both, port, mport, conns, window, json, echo, noclean, resv, npid, pids[16];
	double secs, warm;
	uint32_t size, files, filesize, uid, gid;
	const char *in, *file;
	int seq, progress;
	double rate;
	uint32_t first, cookie;
	uint64_t seed, calls, from, span;
} o = { .host = "127.0.0.1", .vers = 2, .conns = 1, .window = 1, .secs = -1, .warm = 0.3, .size = 8192, .filesize = 65536 };

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("nfsbench: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static uint64_t rng_s = 88172645463325252ull;
static uint64_t rng(void)
{
	rng_s ^= rng_s >> 12; rng_s ^= rng_s << 25; rng_s ^= rng_s >> 27;
	return rng_s * 2685821657736338717ull;
}
static uint32_t rnd(uint32_t n) { return n ? (uint32_t)((rng() >> 32) * (uint64_t)n >> 32) : 0; }

/* ------------------------------------------------------------------ XDR */

typedef struct { uint8_t *b; size_t n, cap; } W;
typedef struct { const uint8_t *p, *e; int bad; } R;

static void w32(W *w, uint32_t v)
{
	if (w->n + 4 > w->cap) return;
	v = htonl(v);
	memcpy(w->b + w->n, &v, 4);
	w->n += 4;
}
static void w64(W *w, uint64_t v) { w32(w, v >> 32); w32(w, v); }
static void wfix(W *w, const void *d, size_t n)
{
	size_t pad = -n & 3;
	if (w->n + n + pad > w->cap) return;
	memcpy(w->b + w->n, d, n);
	memset(w->b + w->n + n, 0, pad);
	w->n += n + pad;
}
static void wopq(W *w, const void *d, size_t n) { w32(w, n); wfix(w, d, n); }

static uint32_t r32(R *r)
{
	uint32_t v;
	if (r->e - r->p < 4) { r->bad = 1; r->p = r->e; return 0; }
	memcpy(&v, r->p, 4);
	r->p += 4;
	return ntohl(v);
}
static uint64_t r64(R *r) { uint64_t h = r32(r); return h << 32 | r32(r); }
static const uint8_t *rfix(R *r, size_t n)
{
	const uint8_t *p = r->p;
	size_t m = (n + 3) & ~(size_t)3;
	if ((size_t)(r->e - r->p) < m) { r->bad = 1; r->p = r->e; return NULL; }
	r->p += m;
	return p;
}
static const uint8_t *ropq(R *r, uint32_t *n)
{
	*n = r32(r);
	if (*n > MAXMSG) { r->bad = 1; return NULL; }
	return rfix(r, *n);
}

/* ------------------------------------------------------------------ sockets */

typedef struct { int fd, tcp, port; const char *host; } Cli;

static int dial(const char *host, int port, int tcp)
{
	struct addrinfo h = { .ai_socktype = tcp ? SOCK_STREAM : SOCK_DGRAM }, *a;
	char ps[16];
	int one = 1, big = 4 << 20, err;
	socklen_t el = sizeof err;
	snprintf(ps, sizeof ps, "%d", port);
	if (getaddrinfo(host, ps, &h, &a)) die("cannot resolve %s", host);
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) die("socket: %s", strerror(errno));
	if (o.resv) {
		for (int p = 1023 - rnd(300), k = 0; k < 300; k++, p = p > 600 ? p - 1 : 1023) {
			struct sockaddr_in6 s6 = { .sin6_family = AF_INET6, .sin6_port = htons(p) };
			struct sockaddr_in s4 = { .sin_family = AF_INET, .sin_port = htons(p) };
			if (!bind(fd, a->ai_family == AF_INET ? (void *)&s4 : (void *)&s6, a->ai_family == AF_INET ? sizeof s4 : sizeof s6)) break;
		}
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big)) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big)) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
	if (tcp) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	int rc = connect(fd, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(a);
	if (rc && errno == EINPROGRESS) {
		struct pollfd p = { fd, POLLOUT, 0 };
		if (poll(&p, 1, 5000) == 1 && !getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &el) && !err) rc = 0;
	}
	if (rc) { close(fd); return -1; }
	return fd;
}

/* All of n bytes before the deadline: 0, -1 (time is up) or -2 (closed). */
static int readn(int fd, void *b, size_t n, uint64_t end)
{
	uint8_t *p = b;
	while (n) {
		ssize_t k = recv(fd, p, n, 0);
		if (k > 0) { p += k; n -= k; continue; }
		if (k == 0 || (errno != EAGAIN && errno != EINTR)) return -2;
		uint64_t t = now_ns();
		struct pollfd f = { fd, POLLIN, 0 };
		if (t >= end || poll(&f, 1, (end - t) / 1000000 + 1) <= 0) return -1;
	}
	return 0;
}
static int writen(int fd, const void *b, size_t n)
{
	const uint8_t *p = b;
	uint64_t end = now_ns() + 5000000000ull;
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
		if (k > 0) { p += k; n -= k; continue; }
		if (k < 0 && errno != EAGAIN && errno != EINTR) return -2;
		struct pollfd f = { fd, POLLOUT, 0 };
		if (now_ns() > end || poll(&f, 1, 1000) < 0) return -1;
	}
	return 0;
}

static int cli_open(Cli *c, int port, int tcp)
{
	c->tcp = tcp; c->port = port; c->host = o.host;
	return (c->fd = dial(o.host, port, tcp)) < 0 ? -1 : 0;
}
static void cli_close(Cli *c) { if (c->fd >= 0) close(c->fd); c->fd = -1; }

static int tx(Cli *c, const void *b, size_t n)
{
	if (c->fd < 0) return -2;
	if (!c->tcp) return send(c->fd, b, n, MSG_NOSIGNAL) < 0 ? -1 : 0;
	uint32_t m = htonl(0x80000000u | n);
	uint8_t *t = malloc(n + 4);
	memcpy(t, &m, 4);
	memcpy(t + 4, b, n);
	int rc = writen(c->fd, t, n + 4);
	free(t);
	return rc;
}
/* One message: its length, -1 time is up, -2 closed. */
static int rx(Cli *c, uint8_t *b, size_t cap, int ms)
{
	uint64_t end = now_ns() + ms * 1000000ull;
	if (c->fd < 0) return -2;
	if (!c->tcp) for (;;) {
		ssize_t k = recv(c->fd, b, cap, 0);
		if (k >= 0) return k;
		uint64_t t = now_ns();
		if (t >= end) return -1;
		struct pollfd f = { c->fd, POLLIN, 0 };
		poll(&f, 1, (end - t) / 1000000 + 1);
		if (errno == ECONNREFUSED) return -2;
	}
	size_t got = 0;
	for (;;) {
		uint32_t m;
		int rc = readn(c->fd, &m, 4, end);
		if (rc) return rc;
		m = ntohl(m);
		size_t n = m & 0x7fffffff;
		if (got + n > cap) return -2;
		if ((rc = readn(c->fd, b + got, n, end))) return rc;
		got += n;
		if (m & 0x80000000u) return got;
	}
}

/* ------------------------------------------------------------------ RPC */

/* Statuses: 0 and up are NFS's own; these are RPC's or ours. */
#define ST_TIMEOUT (-1)
#define ST_CLOSED (-2)
#define ST_BADXDR (-3)
#define ST_ACCEPT 20000 /* + accept_stat: 1 PROG_UNAVAIL 2 PROG_MISMATCH 3 PROC_UNAVAIL 4 GARBAGE_ARGS 5 SYSTEM_ERR */
#define ST_RPCVERS 20100
#define ST_AUTH 20200 /* + auth_stat */

static const char *stname(int st)
{
	static char b[4][40];
	static int i;
	static const struct { int n; const char *s; } t[] = {
		{0,"OK"},{1,"PERM"},{2,"NOENT"},{5,"IO"},{6,"NXIO"},{13,"ACCES"},{17,"EXIST"},{18,"XDEV"},{19,"NODEV"},{20,"NOTDIR"},
		{21,"ISDIR"},{22,"INVAL"},{27,"FBIG"},{28,"NOSPC"},{30,"ROFS"},{31,"MLINK"},{63,"NAMETOOLONG"},{66,"NOTEMPTY"},
		{69,"DQUOT"},{70,"STALE"},{71,"REMOTE"},{99,"WFLUSH"},{10001,"BADHANDLE"},{10002,"NOT_SYNC"},{10003,"BAD_COOKIE"},
		{10004,"NOTSUPP"},{10005,"TOOSMALL"},{10006,"SERVERFAULT"},{10007,"BADTYPE"},{10008,"JUKEBOX"},
		{ST_TIMEOUT,"no answer"},{ST_CLOSED,"connection closed"},{ST_BADXDR,"bad reply XDR"},{20001,"PROG_UNAVAIL"},
		{20002,"PROG_MISMATCH"},{20003,"PROC_UNAVAIL"},{20004,"GARBAGE_ARGS"},{20005,"SYSTEM_ERR"},{20100,"RPC_MISMATCH"},
		{20201,"AUTH_BADCRED"},{20202,"AUTH_REJECTEDCRED"},{20203,"AUTH_BADVERF"},{20205,"AUTH_TOOWEAK"} };
	for (size_t k = 0; k < sizeof t / sizeof *t; k++) if (t[k].n == st) return t[k].s;
	i = (i + 1) & 3;
	snprintf(b[i], sizeof b[i], st >= ST_AUTH ? "AUTH_%d" : "status %d", st >= ST_AUTH ? st - ST_AUTH : st);
	return b[i];
}

static uint32_t g_xid;
static long g_retrans;
static uint32_t cur_uid, cur_gid;

static void rpc_head_raw(W *w, uint32_t xid, uint32_t rpcv, uint32_t prog, uint32_t vers, uint32_t proc, uint32_t flavor, const void *cred, size_t cn)
{
	w32(w, xid); w32(w, 0); w32(w, rpcv); w32(w, prog); w32(w, vers); w32(w, proc);
	w32(w, flavor); wopq(w, cred, cn);
	w32(w, 0); w32(w, 0);
}
static size_t auth_unix(uint8_t *b, size_t cap, uint32_t uid, uint32_t gid, int ngid, uint32_t firstgid)
{
	W w = { b, 0, cap };
	w32(&w, 0x6e667362); wopq(&w, "nfsbench", 8);
	w32(&w, uid); w32(&w, gid); w32(&w, ngid);
	for (int i = 0; i < ngid; i++) w32(&w, firstgid + i);
	return w.n;
}
static void rpc_head(W *w, uint32_t xid, uint32_t prog, uint32_t vers, uint32_t proc)
{
	uint8_t c[64];
	rpc_head_raw(w, xid, 2, prog, vers, proc, 1, c, auth_unix(c, sizeof c, cur_uid, cur_gid, 0, 0));
}

static uint32_t lo_vers, hi_vers, verf_flavor, verf_len; /* of the last reply parsed */

static int rpc_parse(R *r, uint32_t *xid)
{
	*xid = r32(r);
	if (r32(r) != 1) return ST_BADXDR;
	if (r32(r) == 1) {
		if (r32(r) == 0) { lo_vers = r32(r); hi_vers = r32(r); return r->bad ? ST_BADXDR : ST_RPCVERS; }
		int a = r32(r);
		return r->bad ? ST_BADXDR : ST_AUTH + a;
	}
	verf_flavor = r32(r);
	ropq(r, &verf_len);
	int a = r32(r);
	if (a == 2) { lo_vers = r32(r); hi_vers = r32(r); }
	if (r->bad) return ST_BADXDR;
	return a ? ST_ACCEPT + a : 0;
}

static uint8_t g_rep[MAXMSG];
static uint8_t g_req[MAXMSG];
static W q = { g_req, 0, sizeof g_req };

/* Sends q, waits for the reply with its xid; UDP is resent each second, `tries` times in all. */
static int exchange(Cli *c, R *r, int tries, int ms)
{
	uint32_t want, xid;
	memcpy(&want, q.b, 4);
	want = ntohl(want);
	*r = (R){ g_rep, g_rep, 0 };
	for (int t = 0; t < tries; t++) {
		if (c->fd < 0 && (c->fd = dial(c->host, c->port, c->tcp)) < 0) return ST_CLOSED;
		if (t && !c->tcp) g_retrans++;
		if (tx(c, q.b, q.n) == -2) { cli_close(c); continue; }
		uint64_t end = now_ns() + ms * 1000000ull, n;
		while ((n = now_ns()) < end) {
			int k = rx(c, g_rep, sizeof g_rep, (end - n) / 1000000 + 1);
			if (k == -2) { if (c->tcp) { cli_close(c); if (t + 1 >= tries) return ST_CLOSED; } else usleep(50000); break; }
			if (k < 0) break;
			R x = { g_rep, g_rep + k, 0 };
			int st = rpc_parse(&x, &xid);
			if (xid != want) continue;
			*r = x;
			return st;
		}
	}
	return ST_TIMEOUT;
}
static int go(Cli *c, R *r) { return exchange(c, r, c->tcp ? 2 : 6, c->tcp ? 8000 : 1000); }

/* ------------------------------------------------------------------ NFS encoders (arguments only) */

enum { O_NULL, O_GETATTR, O_SETATTR, O_LOOKUP, O_READLINK, O_READ, O_WRITE, O_CREATE, O_REMOVE, O_RENAME, O_LINK, O_SYMLINK, O_MKDIR, O_RMDIR, O_READDIR, O_STATFS,
	O_ACCESS, O_MKNOD, O_READDIRPLUS, O_FSINFO, O_PATHCONF, O_COMMIT, O_N };
static const char *opname[O_N] = { "null", "getattr", "setattr", "lookup", "readlink", "read", "write", "create", "remove", "rename", "link", "symlink", "mkdir", "rmdir", "readdir", "statfs",
	"access", "mknod", "readdirplus", "fsinfo", "pathconf", "commit" };
static const int proc2[O_N] = { 0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, -1, -1, -1, -1, -1, -1 };
static const int proc3[O_N] = { 0, 1, 2, 3, 5, 6, 7, 8, 12, 14, 15, 10, 9, 13, 16, 18, 4, 11, 17, 19, 20, 21 };
static int procno(int op) { return o.vers == 2 ? proc2[op] : proc3[op]; }

typedef struct { uint32_t n; uint8_t d[64]; } FH;
typedef struct { int64_t mode, uid, gid, size; int at, mt; uint32_t as, aus, ms, mus; } SA; /* -1: unset; at, mt: 0 unset 1 value 2 server time */
typedef struct { int have; uint32_t type, mode, nlink, uid, gid; uint64_t size, fsid, fileid; uint32_t as, aus, ms, mus, cs, cus; } AT;
static const SA SA0 = { -1, -1, -1, -1, 0, 0, 0, 0, 0, 0 };
#define V3 (o.vers == 3)

static void e_fh(W *w, const FH *f) { if (V3) wopq(w, f->d, f->n); else wfix(w, f->d, 32); }
static void e_time2(W *w, int k, uint32_t s, uint32_t us) { w32(w, k ? s : ~0u); w32(w, k == 2 ? 1000000 : k ? us : ~0u); }
static void e_sattr(W *w, const SA *s)
{
	if (!V3) {
		w32(w, s->mode); w32(w, s->uid); w32(w, s->gid); w32(w, s->size);
		e_time2(w, s->at, s->as, s->aus); e_time2(w, s->mt, s->ms, s->mus);
		return;
	}
	int64_t v[3] = { s->mode, s->uid, s->gid };
	for (int i = 0; i < 3; i++) { w32(w, v[i] >= 0); if (v[i] >= 0) w32(w, v[i]); }
	w32(w, s->size >= 0); if (s->size >= 0) w64(w, s->size);
	w32(w, s->at == 2 ? 1 : s->at ? 2 : 0); if (s->at == 1) { w32(w, s->as); w32(w, s->aus * 1000); }
	w32(w, s->mt == 2 ? 1 : s->mt ? 2 : 0); if (s->mt == 1) { w32(w, s->ms); w32(w, s->mus * 1000); }
}
static void e_dirop(W *w, const FH *d, const void *name, size_t n) { e_fh(w, d); wopq(w, name, n); }
static void e_setattr(W *w, const FH *f, const SA *s) { e_fh(w, f); e_sattr(w, s); if (V3) w32(w, 0); }
static void e_read(W *w, const FH *f, uint64_t off, uint32_t n) { e_fh(w, f); if (V3) { w64(w, off); w32(w, n); } else { w32(w, off); w32(w, n); w32(w, 0); } }
static void e_write(W *w, const FH *f, uint64_t off, const void *d, uint32_t n, int stable)
{
	e_fh(w, f);
	if (V3) { w64(w, off); w32(w, n); w32(w, stable); } else { w32(w, 0); w32(w, off); w32(w, 0); }
	wopq(w, d, n);
}
static void e_create(W *w, const FH *d, const void *name, size_t n, const SA *s, int guarded) { e_dirop(w, d, name, n); if (V3) w32(w, guarded); e_sattr(w, s); }
static void e_mkdir(W *w, const FH *d, const void *name, size_t n, const SA *s) { e_dirop(w, d, name, n); e_sattr(w, s); }
static void e_symlink(W *w, const FH *d, const void *name, size_t n, const void *to, size_t tn, const SA *s)
{
	e_dirop(w, d, name, n);
	if (V3) e_sattr(w, s);
	wopq(w, to, tn);
	if (!V3) e_sattr(w, s);
}
static void e_rename(W *w, const FH *a, const void *an, size_t al, const FH *b, const void *bn, size_t bl) { e_dirop(w, a, an, al); e_dirop(w, b, bn, bl); }
static void e_link(W *w, const FH *f, const FH *d, const void *name, size_t n) { e_fh(w, f); e_dirop(w, d, name, n); }
static void e_readdir(W *w, const FH *d, uint64_t cookie, const uint8_t *verf, uint32_t count)
{
	e_fh(w, d);
	if (V3) { w64(w, cookie); wfix(w, verf, 8); } else w32(w, cookie);
	w32(w, count);
}

/* ------------------------------------------------------------------ NFS calls, one at a time */

static Cli nfs, mnt;
static FH root;

static void d_attr(R *r, AT *a)
{
	AT x = { .have = 1 };
	x.type = r32(r); x.mode = r32(r); x.nlink = r32(r); x.uid = r32(r); x.gid = r32(r);
	if (V3) { x.size = r64(r); r64(r); r64(r); x.fsid = r64(r); x.fileid = r64(r); }
	else { x.size = r32(r); r32(r); r32(r); r32(r); x.fsid = r32(r); x.fileid = r32(r); }
	x.as = r32(r); x.aus = r32(r); x.ms = r32(r); x.mus = r32(r); x.cs = r32(r); x.cus = r32(r);
	if (V3) { x.aus /= 1000; x.mus /= 1000; x.cus /= 1000; }
	if (a) *a = x;
}
static void d_post(R *r, AT *a) { if (a) a->have = 0; if (!V3 || r32(r)) d_attr(r, a); }
static void d_wcc(R *r, AT *a) { if (V3) { if (r32(r)) rfix(r, 24); d_post(r, a); } else d_attr(r, a); }
static void d_fh(R *r, FH *f)
{
	FH x = { 32, {0} };
	const uint8_t *p;
	if (V3) { p = ropq(r, &x.n); if (x.n > 64) { r->bad = 1; return; } } else p = rfix(r, 32);
	if (p) memcpy(x.d, p, x.n);
	if (f) *f = x;
}
static void begin(int op) { q.n = 0; rpc_head(&q, ++g_xid, NFS_PROG, o.vers, procno(op)); }
static int call(R *r) { int st = go(&nfs, r); return st ? st : (int)r32(r); }
#define DONE(r, st) return (r).bad ? ST_BADXDR : (st)

static int n_null(void) { R r; begin(O_NULL); return go(&nfs, &r); }
static int n_getattr(const FH *f, AT *a) { R r; begin(O_GETATTR); e_fh(&q, f); int st = call(&r); if (!st) d_attr(&r, a); DONE(r, st); }
static int n_setattr(const FH *f, const SA *s, AT *a) { R r; begin(O_SETATTR); e_setattr(&q, f, s); int st = call(&r); if (!st) d_wcc(&r, a); DONE(r, st); }
static int n_lookup(const FH *d, const void *n, size_t l, FH *f, AT *a)
{
	R r; begin(O_LOOKUP); e_dirop(&q, d, n, l);
	int st = call(&r);
	if (!st) { d_fh(&r, f); d_post(&r, a); }
	DONE(r, st);
}
static int n_readlink(const FH *f, char *b, uint32_t *n)
{
	R r; begin(O_READLINK); e_fh(&q, f);
	int st = call(&r);
	if (!st) { if (V3) d_post(&r, NULL); const uint8_t *p = ropq(&r, n); if (p && *n < 4096) memcpy(b, p, *n); }
	DONE(r, st);
}
static int n_read(const FH *f, uint64_t off, uint32_t cnt, void *b, uint32_t *got)
{
	R r; begin(O_READ); e_read(&q, f, off, cnt);
	int st = call(&r);
	*got = 0;
	if (!st) { d_post(&r, NULL); if (V3) { r32(&r); r32(&r); } const uint8_t *p = ropq(&r, got); if (p) memcpy(b, p, *got < 8192 ? *got : 8192); }
	DONE(r, st);
}
static int n_write(const FH *f, uint64_t off, const void *d, uint32_t n, AT *a, int stable)
{
	R r; begin(O_WRITE); e_write(&q, f, off, d, n, stable);
	int st = call(&r);
	if (!st) { d_wcc(&r, a); if (V3 && r32(&r) != n) st = ST_BADXDR; }
	DONE(r, st);
}
static int new_obj(const FH *d, const void *n, size_t l, FH *f, AT *a)
{
	R r;
	int st = call(&r);
	if (!st) {
		if (!V3) { d_fh(&r, f); d_attr(&r, a); }
		else {
			int h = r32(&r);
			if (h) d_fh(&r, f);
			d_post(&r, a);
			if (!r.bad && (!h || (a && !a->have))) return n_lookup(d, n, l, f, a);
		}
	}
	DONE(r, st);
}
static int n_create(const FH *d, const void *n, size_t l, const SA *s, int guarded, FH *f, AT *a) { begin(O_CREATE); e_create(&q, d, n, l, s, guarded); return new_obj(d, n, l, f, a); }
static int n_mkdir(const FH *d, const void *n, size_t l, const SA *s, FH *f, AT *a) { begin(O_MKDIR); e_mkdir(&q, d, n, l, s); return new_obj(d, n, l, f, a); }
static int n_symlink(const FH *d, const void *n, size_t l, const void *to, size_t tl) { R r; begin(O_SYMLINK); SA s = SA0; s.mode = 0777; e_symlink(&q, d, n, l, to, tl, &s); int st = call(&r); DONE(r, st); }
static int n_remove(const FH *d, const void *n, size_t l) { R r; begin(O_REMOVE); e_dirop(&q, d, n, l); int st = call(&r); DONE(r, st); }
static int n_rmdir(const FH *d, const void *n, size_t l) { R r; begin(O_RMDIR); e_dirop(&q, d, n, l); int st = call(&r); DONE(r, st); }
static int n_rename(const FH *a, const void *an, size_t al, const FH *b, const void *bn, size_t bl) { R r; begin(O_RENAME); e_rename(&q, a, an, al, b, bn, bl); int st = call(&r); DONE(r, st); }
static int n_link(const FH *f, const FH *d, const void *n, size_t l) { R r; begin(O_LINK); e_link(&q, f, d, n, l); int st = call(&r); DONE(r, st); }

typedef struct { uint64_t fileid, cookie; uint32_t len; char name[260]; } Ent;
typedef struct { uint64_t cookie; uint8_t verf[8]; int eof, bytes; } Page;

static int d_dirlist(R *r, Page *p, Ent *e, int max, int *n)
{
	const uint8_t *v, *b0;
	uint32_t l;
	*n = 0;
	if (V3) { d_post(r, NULL); if ((v = rfix(r, 8))) memcpy(p->verf, v, 8); }
	b0 = r->p;
	while (!r->bad && r32(r)) {
		uint64_t id = V3 ? r64(r) : r32(r);
		v = ropq(r, &l);
		uint64_t ck = V3 ? r64(r) : r32(r);
		if (r->bad) break;
		if (*n < max && e) { e[*n].fileid = id; e[*n].cookie = ck; e[*n].len = l > 259 ? 259 : l; memcpy(e[*n].name, v, e[*n].len); e[*n].name[e[*n].len] = 0; }
		(*n)++;
		p->cookie = ck;
	}
	p->eof = r32(r);
	p->bytes = r->p - b0;
	return r->bad ? ST_BADXDR : 0;
}
static int n_readdir(const FH *d, Page *p, uint32_t count, Ent *e, int max, int *n)
{
	R r; begin(O_READDIR); e_readdir(&q, d, p->cookie, p->verf, count);
	int st = call(&r);
	*n = 0;
	return st ? st : d_dirlist(&r, p, e, max, n);
}
static int n_statfs(const FH *f, uint64_t v[5])
{
	R r; begin(O_STATFS); e_fh(&q, f);
	int st = call(&r);
	if (!st) { if (V3) { d_post(&r, NULL); for (int i = 0; i < 5; i++) v[i] = r64(&r); } else for (int i = 0; i < 5; i++) v[i] = r32(&r); }
	DONE(r, st);
}
static int n_commit(const FH *f) { R r; begin(O_COMMIT); e_fh(&q, f); w64(&q, 0); w32(&q, 0); int st = call(&r); DONE(r, st); }

static int getport(uint32_t prog, uint32_t vers, int tcp)
{
	Cli c; R r;
	if (cli_open(&c, 111, 0)) return 0;
	q.n = 0;
	rpc_head(&q, ++g_xid, PMAP_PROG, 2, 3);
	w32(&q, prog); w32(&q, vers); w32(&q, tcp ? 6 : 17); w32(&q, 0);
	int st = exchange(&c, &r, 3, 1000);
	cli_close(&c);
	return st ? 0 : r32(&r);
}
static int n_mnt(const char *path, FH *f)
{
	R r;
	q.n = 0;
	rpc_head(&q, ++g_xid, MNT_PROG, V3 ? 3 : 1, 1);
	wopq(&q, path, strlen(path));
	int st = go(&mnt, &r);
	if (st) return st;
	if ((st = r32(&r))) return st;
	d_fh(&r, f);
	DONE(r, 0);
}
static int mnt_open(int tcp)
{
	int p = o.mport ? o.mport : getport(MNT_PROG, V3 ? 3 : 1, tcp);
	R r;
	if (!p || cli_open(&mnt, p, tcp)) return -1;
	q.n = 0;
	rpc_head(&q, ++g_xid, MNT_PROG, V3 ? 3 : 1, 0);
	int st = exchange(&mnt, &r, 2, 1000);
	if (st) cli_close(&mnt);
	return st;
}
static void connect_nfs(int domount)
{
	if (!o.port && !(o.port = getport(NFS_PROG, o.vers, o.tcp))) die("no --port and the portmapper does not know NFS v%d", o.vers);
	if (cli_open(&nfs, o.port, o.tcp)) die("cannot connect to %s port %d", o.host, o.port);
	if (!domount) return;
	if (!o.path) die("--path EXPORT is needed");
	if (mnt_open(o.tcp) && mnt_open(!o.tcp)) die("mountd does not answer");
	int st = n_mnt(o.path, &root);
	if (st) die("MNT %s: %s", o.path, stname(st));
}

/* Removes all below d, with pages of 4096 bytes read again from the start until nothing is left. */
static void clean_dir(const FH *d, int depth)
{
	Ent *e = malloc(600 * sizeof *e);
	for (int round = 0; round < 100000; round++) {
		Page p = { 0 };
		int n, gone = 0;
		for (;;) {
			if (n_readdir(d, &p, 4096, e, 600, &n) || !n) break;
			for (int i = 0; i < n && i < 600; i++) {
				FH f; AT a;
				if (e[i].name[0] == '.' && (e[i].len == 1 || (e[i].len == 2 && e[i].name[1] == '.'))) continue;
				if (n_lookup(d, e[i].name, e[i].len, &f, &a)) continue;
				if (a.type == 2) { if (depth < 64) clean_dir(&f, depth + 1); if (!n_rmdir(d, e[i].name, e[i].len)) gone++; }
				else if (!n_remove(d, e[i].name, e[i].len)) gone++;
			}
			if (p.eof) break;
		}
		if (!gone) break;
	}
	free(e);
}

/* ------------------------------------------------------------------ server CPU and memory */

typedef struct { double cpu; long rss, hwm; int threads; } Proc;

/* CPU seconds of all threads of a process to the nanosecond; -1 where the kernel does not say. Ended threads are not counted. */
static double threads_cpu(int pid)
{
	char f[300];
	unsigned long long ns;
	double sum = 0;
	snprintf(f, sizeof f, "/proc/%d/task", pid);
	DIR *d = opendir(f);
	if (!d) return -1;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.') continue;
		snprintf(f, sizeof f, "/proc/%d/task/%s/schedstat", pid, e->d_name);
		FILE *h = fopen(f, "r");
		if (!h) continue;
		int ok = fscanf(h, "%llu", &ns) == 1;
		fclose(h);
		if (!ok) { closedir(d); return -1; }
		sum += ns / 1e9;
	}
	closedir(d);
	return sum;
}
static void proc_read(Proc *p)
{
	memset(p, 0, sizeof *p);
	for (int i = 0; i < o.npid; i++) {
		char f[64], l[1024], *s;
		unsigned long ut, stm;
		long thr;
		snprintf(f, sizeof f, "/proc/%d/stat", o.pids[i]);
		FILE *h = fopen(f, "r");
		if (!h) continue;
		if (fgets(l, sizeof l, h) && (s = strrchr(l, ')')) &&
		    sscanf(s + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld", &ut, &stm, &thr) == 3) {
			double exact = threads_cpu(o.pids[i]);
			p->cpu += exact >= 0 ? exact : (double)(ut + stm) / sysconf(_SC_CLK_TCK);
			p->threads += thr;
		}
		fclose(h);
		snprintf(f, sizeof f, "/proc/%d/status", o.pids[i]);
		if (!(h = fopen(f, "r"))) continue;
		long v;
		while (fgets(l, sizeof l, h)) {
			if (sscanf(l, "VmHWM: %ld", &v) == 1) p->hwm += v;
			if (sscanf(l, "VmRSS: %ld", &v) == 1) p->rss += v;
		}
		fclose(h);
	}
}
static double self_cpu(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}
/* CPU seconds all processors together were busy, by /proc/stat: what neither server nor generator used was somebody else's. */
static double busy_cpu(void)
{
	unsigned long long u = 0, n = 0, s = 0, id = 0, io = 0, hi = 0, si = 0, stl = 0;
	FILE *h = fopen("/proc/stat", "r");
	if (!h) return 0;
	if (fscanf(h, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &u, &n, &s, &id, &io, &hi, &si, &stl) != 8) u = 0;
	fclose(h);
	return (double)(u + n + s + hi + si + stl) / sysconf(_SC_CLK_TCK);
}

/* ------------------------------------------------------------------ latency histogram: 32 steps for each doubling, in us/8 */

#define HB 1600
typedef struct { uint64_t n, max, b[HB]; } Hist;
static void h_add(Hist *h, uint64_t ns)
{
	uint64_t v = ns / 125;
	int k;
	if (v < 64) k = v;
	else { int e = 63 - __builtin_clzll(v); k = 64 + (e - 6) * 32 + ((v >> (e - 5)) & 31); }
	if (k >= HB) k = HB - 1;
	h->b[k]++; h->n++;
	if (ns > h->max) h->max = ns;
}
static double h_q(const Hist *h, double f) /* microseconds */
{
	uint64_t want = h->n * f, c = 0;
	for (int k = 0; k < HB; k++) {
		c += h->b[k];
		if (c > want) {
			double v = k < 64 ? k : (double)(32 + (k - 64) % 32) * (1ull << ((k - 64) / 32 + 1));
			return v * 0.125;
		}
	}
	return h->max / 1000.0;
}

/* ------------------------------------------------------------------ load */

typedef struct { uint8_t *buf; size_t len; uint32_t xid, arg; int op, busy, queued; uint64_t work, t0, tsent, cookie; uint8_t verf[8]; int flip; } Slot;
typedef struct {
	int fd; Slot *s; uint32_t seq, xb;
	int *oq, oh, on; size_t ooff;             /* slots waiting to be sent; bytes of the first already sent (TCP) */
	uint8_t *rb; size_t rn;
	FH dir; uint32_t made, *ring, rh, rt;     /* own directory; names made and not removed */
	uint8_t deck[100]; int dk;
} Conn;

static Conn *cn;
static FH *fhs, *lns, wdir;
static uint32_t nlns, xbase;
static uint8_t *wdata;
static Hist hall, hop[O_N];
static uint64_t errs[16][2];
static int nerrs;
static uint64_t bytes_io, retrans, strays, lost, reconns;
static int measuring, stopping, exhausted;
#define RING 65536
static const uint8_t laddis[][2] = { {O_LOOKUP,34},{O_READ,22},{O_WRITE,15},{O_GETATTR,13},{O_READLINK,8},{O_READDIR,3},{O_CREATE,2},{O_REMOVE,1},{O_STATFS,1},{O_SETATTR,1} };
static uint64_t issued, answered, late, unsent;  /* calls: begun; answered while measuring, later than 5 ms; that a steady rate had no slot for */
static uint32_t end_cookie;                      /* READDIR in --in: where it stands, and whether that is the end */
static uint64_t listed;
static int end_eof;
static volatile sig_atomic_t asked_to_end;
static void on_term(int sig) { asked_to_end = 1; }
/* CPU that the first thread of the server's busiest process has used, in ns, to the last tick of the scheduler; 0 where that is not told. */
static int loop_fd = -1;
static uint64_t loop_cpu(void)
{
	char b[64];
	ssize_t n = loop_fd < 0 ? -1 : pread(loop_fd, b, sizeof b - 1, 0);
	if (n <= 0) return 0;
	b[n] = 0;
	return strtoull(b, NULL, 10);
}
static void loop_open(void)
{
	uint64_t most = 0;
	int best = -1;
	for (int i = 0; i < o.npid; i++) {
		char f[64];
		snprintf(f, sizeof f, "/proc/%d/task/%d/schedstat", o.pids[i], o.pids[i]);
		if ((loop_fd = open(f, O_RDONLY | O_CLOEXEC)) < 0) continue;
		uint64_t cpu = loop_cpu();
		if (cpu >= most) { if (best >= 0) close(best); best = loop_fd; most = cpu; } else close(loop_fd);
	}
	loop_fd = best;
}
static Hist hwork; /* of that, between each call and its reply */
static int load_op; /* O_*, or -1 for the mix */

static void count_err(int st)
{
	if (!measuring) return;
	for (int i = 0; i < nerrs; i++) if ((int)errs[i][0] == st) { errs[i][1]++; return; }
	if (nerrs < 16) { errs[nerrs][0] = (uint32_t)st; errs[nerrs++][1] = 1; }
}
static int pick(Conn *c)
{
	if (load_op >= 0) return load_op;
	if (c->dk >= 100) {
		int k = 0;
		for (size_t i = 0; i < sizeof laddis / 2; i++) for (int j = 0; j < laddis[i][1]; j++) c->deck[k++] = laddis[i][0];
		for (int i = 99; i > 0; i--) { int j = rnd(i + 1); uint8_t t = c->deck[i]; c->deck[i] = c->deck[j]; c->deck[j] = t; }
		c->dk = 0;
	}
	return c->deck[c->dk++];
}
static void enqueue(Conn *c, int i) { c->oq[(c->oh + c->on++) % o.window] = i; c->s[i].queued = 1; }

/* The name of an entry in --in: neighbours in number are far apart in any order, so that no index is helped by the order of creation. */
static int scattered(char *b, uint64_t n) { return sprintf(b, "f%08x", (uint32_t)n * 2654435761u); }
/* Where the call with that number reads or writes in --file. */
static uint64_t place(uint64_t n)
{
	uint64_t blocks = o.span / o.size;
	return o.from + (o.seq ? n % blocks : (uint64_t)rnd(blocks)) * o.size;
}

static void issue(Conn *c, int i)
{
	Slot *s = &c->s[i];
	char nm[32], nm2[32];
	int op = pick(c), l, l2;
	SA sa = SA0;
	uint32_t f = o.files ? rnd(o.files) : 0;
	if (stopping) return;
	if (o.calls && issued >= o.calls) { exhausted++; return; }
	uint64_t nth = issued++;
	if (op == O_REMOVE && !o.in && c->rh == c->rt) { if (load_op == O_REMOVE) { exhausted++; return; } op = O_CREATE; }
	if (op == O_CREATE && load_op < 0 && c->rt - c->rh >= RING - 1000) op = O_REMOVE;
	s->xid = c->xb + c->seq++ * o.window + i;
	W w = { s->buf, 4, o.size + 1024 };
	rpc_head(&w, s->xid, NFS_PROG, o.vers, procno(op));
	switch (op) {
	case O_GETATTR: e_fh(&w, &fhs[f]); break;
	case O_SETATTR: sa.mode = 0644; e_setattr(&w, &fhs[f], &sa); break;
	case O_LOOKUP: l = o.in ? scattered(nm, o.first + f) : sprintf(nm, "f%05u", f); e_dirop(&w, &wdir, nm, l); break;
	case O_READLINK: e_fh(&w, &lns[rnd(nlns)]); break;
	case O_READ: if (o.file) e_read(&w, &fhs[0], place(nth), o.size); else e_read(&w, &fhs[f], (uint64_t)rnd(o.filesize / o.size) * o.size, o.size); break;
	case O_WRITE: if (o.file) e_write(&w, &fhs[0], place(nth), wdata, o.size, 2); else e_write(&w, &fhs[f], (uint64_t)rnd(o.filesize / o.size) * o.size, wdata, o.size, 2); break;
	case O_CREATE: s->arg = c->made++; l = o.in ? scattered(nm, o.first + nth) : sprintf(nm, "n%u", s->arg); sa.mode = 0644; sa.size = 0; e_create(&w, &c->dir, nm, l, &sa, 0); break;
	case O_MKDIR: s->arg = c->made++; l = sprintf(nm, "n%u", s->arg); sa.mode = 0755; e_mkdir(&w, &c->dir, nm, l, &sa); break;
	case O_SYMLINK: s->arg = c->made++; l = sprintf(nm, "n%u", s->arg); sa.mode = 0777; e_symlink(&w, &c->dir, nm, l, "some/where/else", 15, &sa); break;
	case O_REMOVE: if (o.in) l = scattered(nm, o.first + nth); else { s->arg = c->ring[c->rh++ % RING]; l = sprintf(nm, "n%u", s->arg); } e_dirop(&w, &c->dir, nm, l); break;
	case O_RENAME: l = sprintf(nm, "r%d%c", i, 'a' + s->flip); s->flip ^= 1; l2 = sprintf(nm2, "r%d%c", i, 'a' + s->flip); e_rename(&w, &c->dir, nm, l, &c->dir, nm2, l2); break;
	case O_READDIR: e_readdir(&w, &wdir, s->cookie, s->verf, o.size); break;
	case O_STATFS: e_fh(&w, &wdir); break;
	}
	s->op = op; s->len = w.n; s->busy = 1;
	uint32_t m = htonl(0x80000000u | (uint32_t)(w.n - 4));
	memcpy(s->buf, &m, 4);
	if (o.rate > 0) s->work = loop_cpu();
	s->t0 = s->tsent = now_ns();
	enqueue(c, i);
}

static void complete(Conn *c, const uint8_t *p, size_t n)
{
	R r = { p, p + n, 0 };
	uint32_t xid, k;
	int st = rpc_parse(&r, &xid);
	int i = (uint32_t)(xid - c->xb) % o.window;
	Slot *s = &c->s[i];
	if (!s->busy || s->xid != xid) { strays++; return; }
	uint64_t t = now_ns();
	if (!st && s->op != O_NULL) st = r32(&r);
	if (!st) switch (s->op) {
	case O_READ: d_post(&r, NULL); k = r32(&r); if (!r.bad && measuring) bytes_io += k; break;
	case O_WRITE: if (measuring) bytes_io += o.size; break;
	case O_CREATE: if (c->ring && c->rt - c->rh < RING) c->ring[c->rt++ % RING] = s->arg; break;
	case O_READDIR: {
		Page pg = { .cookie = s->cookie };
		int cnt;
		memcpy(pg.verf, s->verf, 8);
		if (d_dirlist(&r, &pg, NULL, 0, &cnt)) st = ST_BADXDR;
		else if (pg.eof || !cnt) { s->cookie = 0; memset(s->verf, 0, 8); }
		else { s->cookie = pg.cookie; memcpy(s->verf, pg.verf, 8); }
		if (!st) { end_cookie = pg.cookie; end_eof = pg.eof || !cnt; listed += cnt; if (end_eof && o.in && o.calls) o.calls = issued; }
		break;
	}
	}
	if (r.bad) st = ST_BADXDR;
	if (st) { count_err(st); if (s->op == O_READDIR) { s->cookie = 0; memset(s->verf, 0, 8); } }
	if (measuring) { h_add(&hall, t - s->t0); h_add(&hop[s->op], t - s->t0); answered++; late += t - s->t0 > 5000000; if (o.rate > 0) h_add(&hwork, loop_cpu() - s->work); }
	s->busy = 0;
	if (o.rate <= 0) issue(c, i);
}

static void flush_conn(Conn *c)
{
	while (c->on) {
		struct mmsghdr mm[64];
		struct iovec iv[64];
		int k = 0;
		for (; k < c->on && k < 64; k++) {
			Slot *s = &c->s[c->oq[(c->oh + k) % o.window]];
			size_t skip = o.tcp ? (k ? 0 : c->ooff) : 4;
			iv[k].iov_base = s->buf + skip;
			iv[k].iov_len = s->len - skip;
			memset(&mm[k], 0, sizeof mm[k]);
			mm[k].msg_hdr.msg_iov = &iv[k];
			mm[k].msg_hdr.msg_iovlen = 1;
		}
		if (!o.tcp) {
			int n = k == 1 ? (send(c->fd, iv[0].iov_base, iv[0].iov_len, MSG_NOSIGNAL) < 0 ? -1 : 1) : sendmmsg(c->fd, mm, k, MSG_NOSIGNAL);
			if (n < 0) { if (errno == EAGAIN || errno == ENOBUFS) return; n = 1; /* a refused datagram is lost: the resend timer has it */ }
			for (int j = 0; j < n; j++) c->s[c->oq[(c->oh + j) % o.window]].queued = 0;
			c->oh = (c->oh + n) % o.window;
			c->on -= n;
		} else {
			ssize_t n = writev(c->fd, iv, k);
			if (n < 0) return;
			while (n > 0) {
				Slot *s = &c->s[c->oq[c->oh]];
				size_t left = s->len - c->ooff;
				if ((size_t)n < left) { c->ooff += n; return; }
				n -= left;
				c->ooff = 0;
				s->queued = 0;
				c->oh = (c->oh + 1) % o.window;
				c->on--;
			}
		}
	}
}

static int conn_dial(Conn *c)
{
	c->fd = dial(o.host, o.port, o.tcp);
	c->oh = c->on = 0; c->ooff = 0; c->rn = 0;
	return c->fd < 0 ? -1 : 0;
}
static void conn_broken(Conn *c)
{
	close(c->fd);
	reconns++;
	if (reconns > 50 || conn_dial(c)) die("the server closed the connection and does not take a new one (%lu times)", (unsigned long)reconns);
	for (int i = 0; i < o.window; i++) if (c->s[i].busy) { lost++; c->s[i].busy = 0; issue(c, i); }
	flush_conn(c);
}

#define RBATCH 32
static void conn_read(Conn *c)
{
	static uint8_t *ub;
	if (!ub) ub = malloc((size_t)RBATCH * MAXMSG);
	if (!o.tcp) {
		for (;;) {
			struct mmsghdr mm[RBATCH];
			struct iovec iv[RBATCH];
			int want = o.window < RBATCH ? o.window : RBATCH;
			for (int k = 0; k < want; k++) {
				iv[k].iov_base = ub + (size_t)k * MAXMSG; iv[k].iov_len = MAXMSG;
				memset(&mm[k], 0, sizeof mm[k]);
				mm[k].msg_hdr.msg_iov = &iv[k]; mm[k].msg_hdr.msg_iovlen = 1;
			}
			int n = recvmmsg(c->fd, mm, want, MSG_DONTWAIT, NULL);
			if (n <= 0) break;
			for (int k = 0; k < n; k++) complete(c, iv[k].iov_base, mm[k].msg_len);
			if (n < want) break;
		}
		flush_conn(c);
		return;
	}
	ssize_t n = recv(c->fd, c->rb + c->rn, (1 << 20) - c->rn, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) { conn_broken(c); return; }
	if (n < 0) return;
	c->rn += n;
	size_t at = 0;
	for (;;) { /* whole records, of one fragment or more */
		size_t p = at, len = 0;
		int last = 0, nf = 0;
		while (!last && c->rn - p >= 4) {
			uint32_t m;
			memcpy(&m, c->rb + p, 4);
			m = ntohl(m);
			size_t fl = m & 0x7fffffff;
			if (fl > 900000) die("reply fragment of %zu bytes", fl);
			if (c->rn - p - 4 < fl) break;
			p += 4 + fl; len += fl; nf++;
			last = m >> 31;
		}
		if (!last) break;
		if (nf > 1) { /* close the gaps of the inner marks */
			size_t src = at, dst = at + 4;
			while (src < p) { uint32_t m; memcpy(&m, c->rb + src, 4); size_t fl = ntohl(m) & 0x7fffffff; memmove(c->rb + dst, c->rb + src + 4, fl); dst += fl; src += 4 + fl; }
		}
		complete(c, c->rb + at + 4, len);
		at = p;
	}
	memmove(c->rb, c->rb + at, c->rn - at);
	c->rn -= at;
	flush_conn(c);
}

static void setup_fail(const char *what, int st) { die("set-up: %s: %s", what, stname(st)); }

static char wname[64];
static void load_setup(void)
{
	SA d = SA0, f = SA0;
	AT a;
	char nm[32];
	int l, st, data = load_op < 0 || load_op == O_READ || load_op == O_WRITE;
	d.mode = 0777; f.mode = 0644; f.size = 0;
	if (o.in) {
		if ((st = n_lookup(&root, o.in, strlen(o.in), &wdir, &a)) == 2) st = n_mkdir(&root, o.in, strlen(o.in), &d, &wdir, &a);
		if (st) setup_fail("MKDIR", st);
		fhs = calloc(1, sizeof *fhs);
		if (o.file && (st = n_lookup(&wdir, o.file, strlen(o.file), fhs, &a)) == 2) st = n_create(&wdir, o.file, strlen(o.file), &f, 0, fhs, &a);
		if (st) setup_fail("CREATE", st);
		for (int c = 0; c < o.conns; c++) cn[c].dir = wdir;
		return;
	}
	sprintf(wname, "nb.%x.%x", (unsigned)getpid(), (unsigned)(now_ns() / 1000));
	if ((st = n_mkdir(&root, wname, strlen(wname), &d, &wdir, &a))) setup_fail("MKDIR", st);
	if (load_op < 0 || load_op == O_GETATTR || load_op == O_LOOKUP || load_op == O_READ || load_op == O_WRITE || load_op == O_READDIR) {
		fhs = calloc(o.files, sizeof *fhs);
		for (uint32_t i = 0; i < o.files; i++) {
			l = sprintf(nm, "f%05u", i);
			if ((st = n_create(&wdir, nm, l, &f, 0, &fhs[i], &a))) setup_fail("CREATE", st);
			for (uint32_t off = 0; data && off < o.filesize; off += 8192)
				if ((st = n_write(&fhs[i], off, wdata, o.filesize - off < 8192 ? o.filesize - off : 8192, &a, 0))) setup_fail("WRITE", st);
			if (data && V3 && (st = n_commit(&fhs[i]))) setup_fail("COMMIT", st);
		}
	}
	if (load_op < 0) {
		nlns = o.files / 10 + 1;
		lns = calloc(nlns, sizeof *lns);
		for (uint32_t i = 0; i < nlns; i++) {
			l = sprintf(nm, "s%05u", i);
			if ((st = n_symlink(&wdir, nm, l, "f00000", 6)) || (st = n_lookup(&wdir, nm, l, &lns[i], &a))) setup_fail("SYMLINK", st);
		}
	}
	for (int c = 0; c < o.conns; c++) {
		int need = load_op < 0 || load_op == O_CREATE || load_op == O_REMOVE || load_op == O_RENAME || load_op == O_MKDIR || load_op == O_SYMLINK;
		if (!need) break;
		l = sprintf(nm, "c%d", c);
		if ((st = n_mkdir(&wdir, nm, l, &d, &cn[c].dir, &a))) setup_fail("MKDIR", st);
		cn[c].ring = malloc(RING * sizeof *cn[c].ring);
		FH h;
		if (load_op == O_REMOVE)
			for (uint32_t i = 0; i < o.files && i < RING; i++) {
				l = sprintf(nm, "n%u", i);
				if ((st = n_create(&cn[c].dir, nm, l, &f, 0, &h, &a))) setup_fail("CREATE", st);
				cn[c].ring[cn[c].rt++] = i;
			}
		if (load_op == O_RENAME)
			for (int i = 0; i < o.window; i++) {
				l = sprintf(nm, "r%da", i);
				if ((st = n_create(&cn[c].dir, nm, l, &f, 0, &h, &a))) setup_fail("CREATE", st);
			}
	}
}

static int run_load(void)
{
	load_op = -2;
	if (!strcmp(o.op, "mix")) load_op = -1;
	for (int i = 0; i < O_STATFS; i++) if (!strcmp(o.op, opname[i]) && i != O_SETATTR && i != O_READLINK && i != O_LINK && i != O_RMDIR) load_op = i;
	if (load_op == -2) die("unknown --op %s", o.op);
	if (o.in && load_op != O_LOOKUP && load_op != O_CREATE && load_op != O_REMOVE && load_op != O_READDIR && load_op != O_READ && load_op != O_WRITE) die("--in goes with lookup, create, remove, readdir, read, write");
	if (o.in && (load_op == O_READ || load_op == O_WRITE) && (!o.file || o.span < o.size)) die("--in with read or write needs --file and --span of a block at least");
	if (o.file && !o.in) die("--file needs --in");
	if (o.in && o.calls == 0 && (load_op == O_CREATE || load_op == O_REMOVE)) die("--in with create or remove needs --calls");
	if (!o.files) o.files = load_op == O_REMOVE ? 2000 : load_op == O_READDIR ? 500 : 100;
	if (o.size < 8 || o.size > 65000 || (!V3 && o.size > 8192)) die("--size must be 8..8192 (v2) or 8..65000 (v3)");
	if (o.filesize < o.size) o.filesize = o.size;
	if (o.window < 1 || o.conns < 1 || o.conns > 1000) die("--conns and --window must be 1 or more");
	wdata = malloc(65536);
	for (int i = 0; i < 65536; i++) wdata[i] = rng() >> 24;
	cn = calloc(o.conns, sizeof *cn);
	connect_nfs(load_op != O_NULL);
	if (load_op != O_NULL) load_setup();
	xbase = (uint32_t)(now_ns() >> 10) * 2654435761u;
	struct pollfd *pf = calloc(o.conns, sizeof *pf);
	for (int c = 0; c < o.conns; c++) {
		Conn *x = &cn[c];
		x->s = calloc(o.window, sizeof *x->s);
		x->oq = calloc(o.window, sizeof *x->oq);
		x->rb = malloc(1 << 20);
		x->dk = 100;
		x->xb = xbase + c * 0x01000193u;
		for (int i = 0; i < o.window; i++) { x->s[i].buf = malloc(o.size + 1024); x->s[i].cookie = o.cookie; }
		if (conn_dial(x)) die("cannot connect");
	}
	g_retrans = 0;
	if (o.rate > 0) {
		/* The asker is not to add to what it measures. */
		prctl(PR_SET_TIMERSLACK, 1);
		loop_open();
		if (load_op == O_NULL) setpriority(PRIO_PROCESS, 0, -10);
	}
	uint64_t begin_t = now_ns(), t = begin_t, t_meas = begin_t + (uint64_t)(o.warm * 1e9), t_end = t_meas + (uint64_t)(o.secs * 1e9), t_start = 0, t_stop = 0, tick = begin_t, drain = 0;
	Proc p0 = { 0 }, p1 = { 0 };
	double g0 = 0, g1 = 0, b0 = 0, b1 = 0;
	uint64_t due = begin_t, shown = begin_t;
	int next = 0;
	if (o.rate <= 0) for (int c = 0; c < o.conns; c++) { for (int i = 0; i < o.window; i++) issue(&cn[c], i); flush_conn(&cn[c]); }
	for (;;) {
		for (int c = 0; c < o.conns; c++) { pf[c].fd = cn[c].fd; pf[c].events = POLLIN | (cn[c].on ? POLLOUT : 0); }
		if (o.rate > 0 && !stopping) {
			uint64_t at = now_ns();
			struct timespec ts = { 0, due > at ? due - at : 0 };
			ppoll(pf, o.conns, &ts, NULL);
		} else poll(pf, o.conns, 20);
		for (int c = 0; c < o.conns; c++) {
			if (pf[c].revents & POLLOUT) flush_conn(&cn[c]);
			if (pf[c].revents & (POLLIN | POLLERR | POLLHUP)) conn_read(&cn[c]);
		}
		t = now_ns();
		if (o.rate > 0 && !stopping) for (; due <= t; due += (uint64_t)(1e9 / o.rate)) {
			Conn *x = &cn[next % o.conns];
			int i = next++ / o.conns % o.window;
			if (x->s[i].busy) { unsent++; continue; }
			issue(x, i);
			flush_conn(x);
			t = now_ns();
		}
		if (o.progress && t - shown > 5000000000ull) { shown = t; fprintf(stderr, "%s %s: %lu of %lu, %.0f s\n", o.op, o.in ? o.in : "", (unsigned long)answered, (unsigned long)o.calls, (t - begin_t) / 1e9); }
		if (!measuring && !stopping && t >= t_meas) { measuring = 1; proc_read(&p0); g0 = self_cpu(); b0 = busy_cpu(); t_start = now_ns(); }
		if (!stopping && (t >= t_end || asked_to_end || (exhausted >= o.conns * o.window))) {
			if (!measuring) die("all work was done within the warm-up: use --warmup 0 or more --files");
			t_stop = t;
			proc_read(&p1); g1 = self_cpu(); b1 = busy_cpu();
			measuring = 0; stopping = 1; drain = t + 3000000000ull;
		}
		if (t - tick > 20000000) {
			int busy = 0;
			tick = t;
			for (int c = 0; c < o.conns; c++) for (int i = 0; i < o.window; i++) {
				Slot *s = &cn[c].s[i];
				if (!s->busy) continue;
				busy++;
				if (!o.tcp && !s->queued && t - s->tsent > 1000000000ull) { s->tsent = t; if (measuring) retrans++; enqueue(&cn[c], i); flush_conn(&cn[c]); }
			}
			if (stopping && (!busy || t > drain)) { lost += busy; break; }
		} else if (stopping && t > drain) break;
	}
	double el = (t_stop - t_start) / 1e9, ops = hall.n, cpu = p1.cpu - p0.cpu, gcpu = g1 - g0;
	double other = (b1 - b0 - gcpu - (o.npid ? cpu : 0)) / el * 100;
	if (o.json) {
		printf("{\"op\":\"%s\",\"vers\":%d,\"proto\":\"%s\",\"conns\":%d,\"window\":%d,\"size\":%u,\"start_us\":%.0f,\"stop_us\":%.0f,\"seconds\":%.3f,\"ops\":%.0f,\"ops_s\":%.1f,\"mb_s\":%.2f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"retrans\":%lu,\"strays\":%lu,\"lost\":%lu,\"reconnects\":%lu,\"gen_cpu_us_op\":%.2f,\"other_cpu_pct\":%.1f",
			o.op, o.vers, o.tcp ? "tcp" : "udp", o.conns, o.window, o.size, t_start / 1e3, t_stop / 1e3, el, ops, ops / el, bytes_io / el / 1e6, h_q(&hall, .5), h_q(&hall, .99), hall.max / 1e3,
			(unsigned long)retrans, (unsigned long)strays, (unsigned long)lost, (unsigned long)reconns, ops ? gcpu * 1e6 / ops : 0, other);
		if (o.npid) printf(",\"server_cpu_us_op\":%.2f,\"server_cpu_pct\":%.1f,\"server_rss_kb\":%ld,\"server_hwm_kb\":%ld,\"server_threads\":%d", ops ? cpu * 1e6 / ops : 0, cpu / el * 100, p1.rss, p1.hwm, p1.threads);
		if (o.rate > 0) printf(",\"late\":%lu,\"unsent\":%lu,\"work_p99_us\":%.1f,\"work_max_us\":%.1f", (unsigned long)late, (unsigned long)unsent, h_q(&hwork, .99), hwork.max / 1e3);
		if (load_op == O_READDIR) printf(",\"cookie\":%u,\"eof\":%d,\"entries\":%lu", end_cookie, end_eof, (unsigned long)listed);
		printf(",\"errors\":{");
		for (int i = 0; i < nerrs; i++) printf("%s\"%s\":%lu", i ? "," : "", stname((int)errs[i][0]), (unsigned long)errs[i][1]);
		printf("}}\n");
	} else {
		printf("%s v%d %s conns %d window %d: %.1f ops/s  %.2f MB/s  p50 %.0f us  p99 %.0f us  max %.0f us  (%.0f ops in %.2f s)\n", o.op, o.vers, o.tcp ? "tcp" : "udp", o.conns, o.window,
			ops / el, bytes_io / el / 1e6, h_q(&hall, .5), h_q(&hall, .99), hall.max / 1e3, ops, el);
		printf("  retransmissions %lu  stray replies %lu  lost %lu  reconnects %lu  errors", (unsigned long)retrans, (unsigned long)strays, (unsigned long)lost, (unsigned long)reconns);
		for (int i = 0; i < nerrs; i++) printf(" %s:%lu", stname((int)errs[i][0]), (unsigned long)errs[i][1]);
		printf("%s\n", nerrs ? "" : " none");
		if (o.npid) printf("  server cpu %.2f us/op (%.0f %%)  rss %ld kB  peak %ld kB  threads %d\n", ops ? cpu * 1e6 / ops : 0, cpu / el * 100, p1.rss, p1.hwm, p1.threads);
		printf("  generator cpu %.2f us/op  other processes %.0f %% of one cpu\n", ops ? gcpu * 1e6 / ops : 0, other);
		if (o.rate > 0) printf("  later than 5 ms %lu  not sent %lu\n", (unsigned long)late, (unsigned long)unsent);
		if (load_op < 0) for (int i = 0; i < O_N; i++) if (hop[i].n) printf("  %-9s %8lu  p50 %6.0f us  p99 %6.0f us  max %6.0f us\n", opname[i], (unsigned long)hop[i].n, h_q(&hop[i], .5), h_q(&hop[i], .99), hop[i].max / 1e3);
	}
	fflush(stdout);
	if (load_op != O_NULL && !o.noclean && !o.in) { clean_dir(&wdir, 0); n_rmdir(&root, wname, strlen(wname)); }
	return 0;
}

/* ------------------------------------------------------------------ echo: answers any call with an empty success */

static size_t echo_reply(const uint8_t *b, size_t n, uint8_t *out)
{
	uint32_t v[6] = { 0, htonl(1), 0, 0, 0, 0 };
	if (n < 8) return 0;
	memcpy(v, b, 4);
	memcpy(out, v, 24);
	return 24;
}
static int run_echo(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(o.echo) };
	int u = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, big = 4 << 20;
	inet_pton(AF_INET, o.host, &a.sin_addr);
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(u, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
	if (bind(u, (void *)&a, sizeof a) || bind(l, (void *)&a, sizeof a) || listen(l, 128)) die("echo: bind: %s", strerror(errno));
	int ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = u }, ev[64];
	epoll_ctl(ep, EPOLL_CTL_ADD, u, &e);
	e.data.fd = l;
	epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
	enum { B = 32, SZ = 70000, MAXFD = 1024 };
	uint8_t *ub = malloc((size_t)B * SZ), out[B][24];
	static struct { uint8_t *b; size_t n; } tc[MAXFD];
	struct sockaddr_storage from[B];
	for (;;) {
		int k = epoll_wait(ep, ev, 64, -1);
		for (int i = 0; i < k; i++) {
			int fd = ev[i].data.fd;
			if (fd == u) {
				struct mmsghdr m[B]; struct iovec iv[B], ov[B];
				memset(m, 0, sizeof m);
				for (int j = 0; j < B; j++) { iv[j].iov_base = ub + (size_t)j * SZ; iv[j].iov_len = SZ; m[j].msg_hdr.msg_iov = &iv[j]; m[j].msg_hdr.msg_iovlen = 1; m[j].msg_hdr.msg_name = &from[j]; m[j].msg_hdr.msg_namelen = sizeof from[j]; }
				int n = recvmmsg(u, m, B, MSG_DONTWAIT, NULL);
				for (int j = 0; j < n; j++) { ov[j].iov_base = out[j]; ov[j].iov_len = echo_reply(iv[j].iov_base, m[j].msg_len, out[j]); m[j].msg_hdr.msg_iov = &ov[j]; }
				for (int j = 0; j < n;) { int d = sendmmsg(u, m + j, n - j, 0); if (d <= 0) break; j += d; }
			} else if (fd == l) {
				int c = accept4(l, NULL, NULL, SOCK_NONBLOCK);
				if (c < 0) continue;
				if (c >= MAXFD) { close(c); continue; }
				setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
				if (!tc[c].b) tc[c].b = malloc(1 << 18);
				tc[c].n = 0;
				e.data.fd = c;
				epoll_ctl(ep, EPOLL_CTL_ADD, c, &e);
			} else {
				ssize_t n = recv(fd, tc[fd].b + tc[fd].n, (1 << 18) - tc[fd].n, 0);
				if (n <= 0) { if (n == 0 || errno != EAGAIN) close(fd); continue; }
				tc[fd].n += n;
				size_t at = 0, w = 0;
				static uint8_t o2[1 << 16];
				while (tc[fd].n - at >= 4 && w + 28 < sizeof o2) {
					uint32_t mk; memcpy(&mk, tc[fd].b + at, 4);
					size_t len = ntohl(mk) & 0x7fffffff;
					if (len > 200000) { at = tc[fd].n; break; }
					if (tc[fd].n - at - 4 < len) break;
					mk = htonl(0x80000000u | 24); memcpy(o2 + w, &mk, 4);
					w += 4 + echo_reply(tc[fd].b + at + 4, len, o2 + w + 4);
					at += 4 + len;
				}
				memmove(tc[fd].b, tc[fd].b + at, tc[fd].n - at);
				tc[fd].n -= at;
				if (w) writen(fd, o2, w);
			}
		}
	}
}

/* ------------------------------------------------------------------ disk: what stable 8 KB writes cost without any server */

static int run_disk(void)
{
	static const int group[] = { 1, 4, 16, 64 };
	char f[4096];
	uint8_t *b = malloc(64 * 8192);
	memset(b, 0xa5, 64 * 8192);
	snprintf(f, sizeof f, "%s/nfsbench.disk.%d", o.disk, (int)getpid());
	for (int mode = 0; mode < 2; mode++) for (size_t g = 0; g < 4; g++) {
		int fd = open(f, O_CREAT | O_TRUNC | O_RDWR, 0644), n = group[g];
		if (fd < 0) die("%s: %s", f, strerror(errno));
		off_t at = 0, span = 64 << 20;
		if (mode == 1) { for (off_t i = 0; i < span; i += 64 * 8192) if (pwrite(fd, b, 64 * 8192, i) < 0) die("write"); fsync(fd); }
		Hist *h = calloc(1, sizeof *h);
		uint64_t t0 = now_ns(), end = t0 + (uint64_t)(o.secs * 1e9), t = t0;
		while (t < end) {
			uint64_t s = t;
			for (int i = 0; i < n; i++, at += 8192) { if (mode == 1 && at >= span) at = 0; if (pwrite(fd, b + i * 8192, 8192, at) != 8192) die("pwrite: %s", strerror(errno)); }
			if (fdatasync(fd)) die("fdatasync");
			t = now_ns();
			h_add(h, t - s);
		}
		double el = (t - t0) / 1e9;
		if (o.json) printf("{\"disk\":\"%s\",\"group\":%d,\"syncs_s\":%.1f,\"writes_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n", mode ? "overwrite" : "append", n, h->n / el, h->n * n / el, h_q(h, .5), h_q(h, .99), h->max / 1e3);
		else printf("disk %s, %2d x 8 KB per fdatasync: %8.0f syncs/s %9.0f writes/s %7.1f MB/s  p50 %.0f us p99 %.0f us max %.0f us\n", mode ? "overwrite of a written file" : "append", n, h->n / el, h->n * n / el, h->n * n * 8192 / el / 1e6, h_q(h, .5), h_q(h, .99), h->max / 1e3);
		fflush(stdout);
		free(h);
		close(fd);
		unlink(f);
	}
	return 0;
}

/* ------------------------------------------------------------------ main */

int main(int argc, char **argv)
{
	enum { HOST = 256, VERS, PROTO, PORT, MPORT, PATH, OP, CONNS, WIN, SECS, WARM, SIZE, FILES, FSIZE, UID, GID, SPID, JSON, SEED, ECHO_, DISK, NOCLEAN, RESV, IN, FILE_, FIRST, CALLS, FROM, SPAN, SEQ, COOKIE, RATE, PROGRESS };
	static const struct option lo[] = { {"host",1,0,HOST}, {"vers",1,0,VERS}, {"proto",1,0,PROTO}, {"port",1,0,PORT}, {"mountport",1,0,MPORT}, {"path",1,0,PATH}, {"op",1,0,OP}, {"conns",1,0,CONNS},
		{"window",1,0,WIN}, {"seconds",1,0,SECS}, {"warmup",1,0,WARM}, {"size",1,0,SIZE}, {"files",1,0,FILES}, {"filesize",1,0,FSIZE}, {"uid",1,0,UID}, {"gid",1,0,GID}, {"server-pid",1,0,SPID},
		{"json",0,0,JSON}, {"seed",1,0,SEED}, {"echo",1,0,ECHO_}, {"disk",1,0,DISK}, {"no-clean",0,0,NOCLEAN}, {"resvport",0,0,RESV},
		{"in",1,0,IN}, {"file",1,0,FILE_}, {"first",1,0,FIRST}, {"calls",1,0,CALLS}, {"from",1,0,FROM}, {"span",1,0,SPAN}, {"seq",0,0,SEQ}, {"cookie",1,0,COOKIE}, {"rate",1,0,RATE},
		{"progress",0,0,PROGRESS}, {0,0,0,0} };
	int c;
	while ((c = getopt_long(argc, argv, "", lo, NULL)) != -1) switch (c) {
	case HOST: o.host = optarg; break;
	case VERS: o.vers = atoi(optarg); break;
	case PROTO: o.both = !strcmp(optarg, "both"); o.tcp = !strcmp(optarg, "tcp"); if (!o.tcp && !o.both && strcmp(optarg, "udp")) die("--proto udp|tcp|both"); break;
	case PORT: o.port = atoi(optarg); break;
	case MPORT: o.mport = atoi(optarg); break;
	case PATH: o.path = optarg; break;
	case OP: o.op = optarg; break;
	case CONNS: o.conns = atoi(optarg); break;
	case WIN: o.window = atoi(optarg); break;
	case SECS: o.secs = atof(optarg); break;
	case WARM: o.warm = atof(optarg); break;
	case SIZE: o.size = atoi(optarg); break;
	case FILES: o.files = atoi(optarg); break;
	case FSIZE: o.filesize = atoi(optarg); break;
	case UID: o.uid = atoi(optarg); break;
	case GID: o.gid = atoi(optarg); break;
	case SPID: for (char *p = strtok(optarg, ","); p && o.npid < 16; p = strtok(NULL, ",")) o.pids[o.npid++] = atoi(p); break;
	case JSON: o.json = 1; break;
	case SEED: o.seed = strtoull(optarg, NULL, 0); break;
	case ECHO_: o.echo = atoi(optarg); break;
	case DISK: o.disk = optarg; break;
	case NOCLEAN: o.noclean = 1; break;
	case RESV: o.resv = 1; break;
	case IN: o.in = optarg; break;
	case FILE_: o.file = optarg; break;
	case FIRST: o.first = strtoul(optarg, NULL, 0); break;
	case CALLS: o.calls = strtoull(optarg, NULL, 0); break;
	case FROM: o.from = strtoull(optarg, NULL, 0); break;
	case SPAN: o.span = strtoull(optarg, NULL, 0); break;
	case SEQ: o.seq = 1; break;
	case COOKIE: o.cookie = strtoul(optarg, NULL, 0); break;
	case RATE: o.rate = atof(optarg); break;
	case PROGRESS: o.progress = 1; break;
	default: die("unknown option, see README.md");
	}
	if (o.vers != 2 && o.vers != 3) die("--vers 2 or 3");
	if (o.secs < 0) o.secs = 5;
	if (o.secs > 3600) o.secs = 3600;
	signal(SIGPIPE, SIG_IGN);
	if (o.rate > 0) signal(SIGTERM, on_term);
	g_xid = (uint32_t)now_ns() * 2654435761u ^ (uint32_t)getpid() << 16;
	rng_s = (o.seed + 1) * 0x9e3779b97f4a7c15ull | 1;
	cur_uid = o.uid; cur_gid = o.gid;
	nfs.fd = mnt.fd = -1;
	if (o.echo) return run_echo();
	if (o.disk) return run_disk();
	if (!o.op) die("one of --op, --echo, --disk is needed");
	return run_load();
}
