#include "oncrpc.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORTMAPPER = 100000, PORTMAP_PORT = 111 };
/* A call by UDP is sent so often, one every so many milliseconds: a password takes its time on a busy machine. */
enum { TRIES = 4, AGAIN_MS = 5000, CALLBACK_MS = 10000 };
enum { CALL, REPLY, RPC_VERSION, AUTH_NONE = 0, AUTH_UNIX = 1 };
enum { LAST_FRAGMENT = 0x80000000u, SERVED_MAX = 16 };

void die(const char *format, ...) {
  va_list words;
  va_start(words, format);
  fflush(stdout);
  vfprintf(stderr, format, words);
  fputc('\n', stderr);
  va_end(words);
  exit(2);
}

static size_t padded(size_t length) { return (length + 3) & ~(size_t)3; }

static unsigned char *room(struct message *m, size_t size) {
  if (m->length + size > MESSAGE_MAX) die("a message of more than %d bytes", MESSAGE_MAX);
  unsigned char *at = m->bytes + m->length;
  memset(at, 0, size);
  m->length += size;
  return at;
}

static const unsigned char *taken(struct message *m, size_t size) {
  if (size > m->length - m->at) die("a message ends too early: %zu bytes wanted, %zu are left", size, m->length - m->at);
  m->at += size;
  return m->bytes + m->at - size;
}

void put(struct message *m, uint32_t value) {
  value = htonl(value);
  memcpy(room(m, 4), &value, 4);
}

void put_fixed(struct message *m, const void *data, size_t size) { memcpy(room(m, padded(size)), data, size); }

void put_opaque(struct message *m, const void *data, size_t size) {
  put(m, size);
  put_fixed(m, data, size);
}

void put_text(struct message *m, const char *text) { put_opaque(m, text, strlen(text)); }

uint32_t get(struct message *m) {
  uint32_t value;
  memcpy(&value, taken(m, 4), 4);
  return ntohl(value);
}

void get_fixed(struct message *m, void *into, size_t size) {
  const unsigned char *from = taken(m, padded(size));
  for (size_t at = size; at < padded(size); at++)
    if (from[at] != 0) die("padding that is not zero");
  memcpy(into, from, size);
}

size_t get_text(struct message *m, char *into, size_t max) {
  size_t size = get(m);
  if (size >= max) die("an opaque of %zu bytes, at most %zu are allowed", size, max - 1);
  get_fixed(m, into, size);
  into[size] = 0;
  return size;
}

void finished(const struct message *m, const char *what) {
  if (m->at != m->length) die("%s: %zu bytes are left over", what, m->length - m->at);
}

static struct sockaddr_in place(const char *address, unsigned port) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, address, &in.sin_addr) != 1) die("%s is no IPv4 address", address);
  return in;
}

static int bound(const char *address, unsigned port, int tcp) {
  struct sockaddr_in in = place(address, port);
  int fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0), yes = 1;
  if (tcp) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&in, sizeof in) != 0) die("bind %s port %u: %s", address, port, strerror(errno));
  return fd;
}

struct peer dial(const char *from, const char *server, unsigned port, int tcp) {
  struct peer peer = {bound(from, 0, tcp), tcp};
  struct sockaddr_in in = place(server, port);
  if (connect(peer.fd, (struct sockaddr *)&in, sizeof in) != 0) die("connect %s port %u: %s", server, port, strerror(errno));
  return peer;
}

static void send_whole(int fd, int tcp, const struct message *m, const struct sockaddr_in *to) {
  struct message record = {.length = 0};
  if (!tcp) {
    if (sendto(fd, m->bytes, m->length, 0, (const struct sockaddr *)to, to == NULL ? 0 : sizeof *to) != (ssize_t)m->length)
      die("sendto: %s", strerror(errno));
    return;
  }
  put(&record, LAST_FRAGMENT | m->length);
  put_fixed(&record, m->bytes, m->length);
  for (size_t sent = 0; sent < record.length;) {
    ssize_t some = send(fd, record.bytes + sent, record.length - sent, MSG_NOSIGNAL);
    if (some <= 0) die("send: %s", strerror(errno));
    sent += some;
  }
}

static int receive_exactly(int fd, void *into, size_t size) {
  for (size_t come = 0; come < size;) {
    ssize_t some = recv(fd, (char *)into + come, size - come, 0);
    if (some <= 0) return 0;
    come += some;
  }
  return 1;
}

/* One datagram, or one record of RFC 5531 §11 with all its fragments. 0: the other side has closed. */
static int receive(int fd, int tcp, struct message *m, struct sockaddr_in *from) {
  m->length = m->at = 0;
  if (!tcp) {
    socklen_t size = sizeof *from;
    ssize_t length = recvfrom(fd, m->bytes, MESSAGE_MAX, 0, (struct sockaddr *)from, from == NULL ? NULL : &size);
    if (length < 0) die("recvfrom: %s", strerror(errno));
    m->length = length;
    return 1;
  }
  for (uint32_t header = 0; (header & LAST_FRAGMENT) == 0;) {
    if (!receive_exactly(fd, &header, 4)) return 0;
    header = ntohl(header);
    size_t length = header & ~LAST_FRAGMENT;
    if (!receive_exactly(fd, room(m, length), length)) return 0;
  }
  return 1;
}

static struct served {
  int fd, tcp, listens;
  handler *handle;
} served[SERVED_MAX];
static int served_count;

static void add_served(int fd, int tcp, int listens, handler *handle) {
  if (served_count == SERVED_MAX) die("more than %d sockets are served", SERVED_MAX);
  served[served_count++] = (struct served){fd, tcp, listens, handle};
}

static void answer(struct served *at) {
  struct message call, reply = {.length = 0}, results = {.length = 0};
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  if (!receive(at->fd, at->tcp, &call, &from)) {
    close(at->fd);
    *at = served[--served_count];
    return;
  }
  if (at->tcp) getpeername(at->fd, (struct sockaddr *)&from, &size);
  uint32_t xid = get(&call);
  if (get(&call) != CALL || get(&call) != RPC_VERSION) die("what came is no call of RPC version 2");
  struct incoming in = {.from = inet_ntoa(from.sin_addr), .over = at->tcp ? "tcp" : "udp", .args = &call};
  in.program = get(&call);
  in.version = get(&call);
  in.procedure = get(&call);
  for (int auth = 0; auth < 2; auth++) {
    char body[401];
    get(&call);
    get_text(&call, body, sizeof body);
  }
  uint32_t status = at->handle(&in, &results);
  put(&reply, xid);
  put(&reply, REPLY);
  put(&reply, 0); /* MSG_ACCEPTED */
  put(&reply, AUTH_NONE);
  put(&reply, 0);
  put(&reply, status);
  if (status == SUCCESS) put_fixed(&reply, results.bytes, results.length);
  send_whole(at->fd, at->tcp, &reply, at->tcp ? NULL : &from);
}

static long now_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000L + at.tv_nsec / 1000000L;
}

/* Serves until `fd` has something, or `*count` is above zero; 0: not in that time. */
static int await(int fd, const int *count, long milliseconds) {
  long end = now_ms() + milliseconds;
  while (count == NULL || *count == 0) {
    struct pollfd polled[SERVED_MAX + 1] = {{.fd = fd, .events = POLLIN}};
    for (int at = 0; at < served_count; at++) polled[at + 1] = (struct pollfd){.fd = served[at].fd, .events = POLLIN};
    long left = end - now_ms();
    if (left <= 0 || poll(polled, served_count + 1, left) == 0) return 0;
    if (polled[0].revents != 0) return 1;
    for (int at = served_count - 1; at >= 0; at--) {
      if (polled[at + 1].revents == 0) continue;
      if (served[at].listens) add_served(accept(served[at].fd, NULL, NULL), 1, 0, served[at].handle);
      else answer(&served[at]);
      break;
    }
  }
  return 1;
}

int serve_until(const int *count) { return await(-1, count, CALLBACK_MS); }

unsigned serve(const char *address, unsigned port, int tcp, handler *handle) {
  int fd = bound(address, port, tcp);
  struct sockaddr_in in;
  socklen_t size = sizeof in;
  if (tcp && listen(fd, 8) != 0) die("listen: %s", strerror(errno));
  getsockname(fd, (struct sockaddr *)&in, &size);
  add_served(fd, tcp, tcp, handle);
  return ntohs(in.sin_port);
}

uint32_t call(struct peer *peer, uint32_t program, uint32_t version, uint32_t procedure, const struct message *args, struct message *results) {
  static uint32_t last_xid = 0x0c110000;
  struct message request = {.length = 0}, credential = {.length = 0};
  uint32_t xid = ++last_xid;
  uint32_t header[] = {xid, CALL, RPC_VERSION, program, version, procedure, AUTH_UNIX};
  for (size_t at = 0; at < sizeof header / sizeof *header; at++) put(&request, header[at]);
  put(&credential, 0); /* stamp */
  put_text(&credential, "old-machine");
  for (int at = 0; at < 3; at++) put(&credential, 0); /* uid and gid of root, no more groups */
  put_opaque(&request, credential.bytes, credential.length);
  put(&request, AUTH_NONE);
  put(&request, 0);
  if (args != NULL) put_fixed(&request, args->bytes, args->length);
  for (int tries = 0; tries < TRIES; tries++) {
    if (tries == 0 || !peer->tcp) send_whole(peer->fd, peer->tcp, &request, NULL);
    while (await(peer->fd, NULL, AGAIN_MS)) {
      char verifier[401];
      if (!receive(peer->fd, peer->tcp, results, NULL)) die("the server has closed the connection");
      if (get(results) != xid) continue;
      if (get(results) != REPLY) die("what came is no reply");
      if (get(results) != 0) die("the call was denied (%u)", get(results));
      get(results);
      get_text(results, verifier, sizeof verifier);
      return get(results);
    }
  }
  die("program %u version %u procedure %u: no answer", program, version, procedure);
}

const char *accepted(uint32_t status, struct message *results) {
  static const char *const words[] = {"SUCCESS", "PROG_UNAVAIL", "PROG_MISMATCH", "PROC_UNAVAIL", "GARBAGE_ARGS", "SYSTEM_ERR"};
  static char line[64];
  if (status >= sizeof words / sizeof *words) die("an accept_stat of %u", status);
  if (status != PROG_MISMATCH) return words[status];
  uint32_t low = get(results);
  snprintf(line, sizeof line, "PROG_MISMATCH %u to %u", low, get(results));
  return line;
}

unsigned get_port(const char *from, const char *server, uint32_t program, uint32_t version, int tcp) {
  struct message args = {.length = 0}, results;
  struct peer portmapper = dial(from, server, PORTMAP_PORT, 0);
  put(&args, program);
  put(&args, version);
  put(&args, tcp ? 6 : 17);
  put(&args, 0);
  uint32_t status = call(&portmapper, PORTMAPPER, 2, 3, &args, &results);
  if (status != SUCCESS) die("GETPORT: %s", accepted(status, &results));
  close(portmapper.fd);
  return get(&results);
}
