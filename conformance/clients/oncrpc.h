/* ONC RPC version 2 and XDR by hand (RFC 5531, RFC 4506), over UDP and TCP, for the clients of these tests that are written in C. All failures end the program with status 2 and a line that names them. */
#ifndef ONCRPC_H
#define ONCRPC_H
#include <stddef.h>
#include <stdint.h>

enum { MESSAGE_MAX = 9000 };

/* Bytes of XDR: what is put goes behind `length`, what is got is taken at `at`. */
struct message {
  unsigned char bytes[MESSAGE_MAX];
  size_t length, at;
};

void put(struct message *, uint32_t);
void put_opaque(struct message *, const void *, size_t);
void put_text(struct message *, const char *);
void put_fixed(struct message *, const void *, size_t);
uint32_t get(struct message *);
/* An opaque or a string of at most max - 1 bytes; a zero is put behind it. Its length. */
size_t get_text(struct message *, char *, size_t max);
void get_fixed(struct message *, void *, size_t);
/* Ends the program when bytes are left over. */
void finished(const struct message *, const char *what);

struct peer {
  int fd, tcp;
};

/* accept_stat of RFC 5531. */
enum { SUCCESS, PROG_UNAVAIL, PROG_MISMATCH, PROC_UNAVAIL, GARBAGE_ARGS };

/* A socket at the address `from`, connected to that server and port. */
struct peer dial(const char *from, const char *server, unsigned port, int tcp);
/* GETPORT of portmapper version 2 at port 111 of the server, by UDP; 0: it knows none. */
unsigned get_port(const char *from, const char *server, uint32_t program, uint32_t version, int tcp);
/* Calls as root of a machine; the reply's accept_stat, with its results to be got. Serves while it waits. */
uint32_t call(struct peer *, uint32_t program, uint32_t version, uint32_t procedure, const struct message *args, struct message *results);
/* The accept_stat in words. Of PROG_MISMATCH with the versions. */
const char *accepted(uint32_t status, struct message *results);

/* A call that has come: its arguments are to be got from `args`. The handler puts results; what it returns is the accept_stat. */
struct incoming {
  uint32_t program, version, procedure;
  const char *from, *over;
  struct message *args;
};
typedef uint32_t handler(struct incoming *, struct message *results);

/* Has `handle` answer what comes to that address and port, 0: any, whenever the program waits. The port. */
unsigned serve(const char *address, unsigned port, int tcp, handler *handle);
/* Serves until `*count` is above zero; 0: it was not in 10 seconds. */
int serve_until(const int *count);

void die(const char *, ...) __attribute__((format(printf, 1, 2), noreturn));
#endif
