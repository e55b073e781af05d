/* nlm-client SERVER EXPORT ONE TWO udp|tcp
 * Two machines, at the addresses ONE and TWO of this host, that lock a file with version 1 of the network lock manager (XNFS chapter 10), and reserve it with version 3 (chapter 11), with RPC and XDR of their own. They find
 * their server's ports by its portmapper, mount EXPORT and make the file. TWO has a portmapper and a lock manager, which the server calls. One line for each answer and each call from the server.
 * Build: gcc -O1 -o nlm-client nlm-client.c oncrpc.c; needs port 111 of TWO */
#include "oncrpc.h"
#include <stdio.h>
#include <string.h>

enum { PORTMAPPER = 100000, NFS = 100003, MOUNT = 100005, NLM = 100021, HANDLE_SIZE = 32 };
enum { TEST = 1, LOCK, CANCEL, UNLOCK, GRANTED, TEST_MSG, LOCK_MSG, CANCEL_MSG, UNLOCK_MSG, GRANTED_MSG, TEST_RES, LOCK_RES, CANCEL_RES, UNLOCK_RES, GRANTED_RES };
enum { SHARE = 20, UNSHARE, NM_LOCK, FREE_ALL };
static const char *const NAMES[] = {"NULL",       "TEST",        "LOCK",     "CANCEL",   "UNLOCK",     "GRANTED",    "TEST_MSG",   "LOCK_MSG",
                                    "CANCEL_MSG", "UNLOCK_MSG",  "GRANTED_MSG", "TEST_RES", "LOCK_RES", "CANCEL_RES", "UNLOCK_RES", "GRANTED_RES"};
enum { LCK_GRANTED, LCK_DENIED };
static const char *const STATUS[] = {"LCK_GRANTED", "LCK_DENIED", "LCK_DENIED_NOLOCKS", "LCK_BLOCKED", "LCK_DENIED_GRACE_PERIOD"};

static char file[HANDLE_SIZE + 1];

/* One of the two machines, and who locks there. */
struct machine {
  const char *name, *owner;
  uint32_t svid;
  struct peer nlm;
};

/* Where, and how. */
struct range {
  uint32_t offset, length;
  int exclusive, block;
};

static const char *status_of(struct message *m) {
  uint32_t status = get(m);
  if (status >= sizeof STATUS / sizeof *STATUS) die("a status of %u is none of version 1", status);
  return STATUS[status];
}

/* nlm_lock */
static void put_lock(struct message *m, const struct machine *who, const struct range *at) {
  put_text(m, who->name);
  put_opaque(m, file, HANDLE_SIZE);
  put_text(m, who->owner);
  put(m, who->svid);
  put(m, at->offset);
  put(m, at->length);
}

/* nlm_testargs, nlm_lockargs, nlm_cancargs or nlm_unlockargs, with a cookie that no other call has. */
static const char *put_args(struct message *m, uint32_t procedure, const struct machine *who, const struct range *at) {
  static char cookie[32];
  static int cookies;
  snprintf(cookie, sizeof cookie, "cookie %d", ++cookies);
  put_text(m, cookie);
  if (procedure == LOCK || procedure == CANCEL) put(m, at->block);
  if (procedure != UNLOCK) put(m, at->exclusive);
  put_lock(m, who, at);
  if (procedure == LOCK) {
    put(m, 0); /* reclaim */
    put(m, 1); /* the state number of its status monitor */
  }
  return cookie;
}

static void expect_cookie(struct message *m, const char *cookie) {
  char came[64];
  get_text(m, came, sizeof came);
  if (strcmp(came, cookie) != 0) die("the cookie '%s' in place of '%s'", came, cookie);
}

/* nlm_res or nlm_testres behind its cookie. */
static void show_result(struct message *m, int tested) {
  const char *status = status_of(m);
  printf(" %s", status);
  if (tested && strcmp(status, "LCK_DENIED") == 0) {
    char owner[64];
    int exclusive = get(m);
    uint32_t svid = get(m);
    get_text(m, owner, sizeof owner);
    uint32_t offset = get(m);
    printf(": %s %s, process %u, %u+%u", exclusive ? "exclusive" : "shared", owner, svid, offset, get(m));
  }
  putchar('\n');
}

static void announce(const struct machine *who, const char *what, const struct range *at) {
  printf("%s %s %s %u+%u%s:", who->name, what, at->exclusive ? "exclusive" : "shared", at->offset, at->length, at->block ? ", waits" : "");
}

static void ask(struct machine *who, uint32_t procedure, struct range at) {
  struct message args = {.length = 0}, results;
  const char *cookie = put_args(&args, procedure, who, &at);
  announce(who, NAMES[procedure], &at);
  uint32_t status = call(&who->nlm, NLM, 1, procedure, &args, &results);
  if (status != SUCCESS) die(" %s", accepted(status, &results));
  expect_cookie(&results, cookie);
  show_result(&results, procedure == TEST);
  finished(&results, NAMES[procedure]);
}

/* The calls that the server has made, and how many there are that nobody has looked at. One that comes again is answered, and is no other one. */
enum { ARRIVED_MAX = 32 };
static struct arrived {
  uint32_t procedure;
  struct message args;
  char from[32];
  const char *over;
} arrived[ARRIVED_MAX];
static int arrived_count, unread;
static unsigned callback_ports[2];
/* What the portmapper of TWO was asked for. */
static char wanted[128];

/* The portmapper of TWO: GETPORT of version 2, and NULL. */
static uint32_t portmapper(struct incoming *in, struct message *results) {
  if (in->program != PORTMAPPER || in->version != 2) return PROG_UNAVAIL;
  if (in->procedure == 0) return SUCCESS;
  if (in->procedure != 3) return PROC_UNAVAIL;
  uint32_t program = get(in->args), version = get(in->args), protocol = get(in->args);
  snprintf(wanted, sizeof wanted, "program %u version %u protocol %u", program, version, protocol);
  put(results, program != NLM || version != 1 ? 0 : callback_ports[protocol == 6]);
  return SUCCESS;
}

/* The lock manager of TWO. */
static uint32_t lock_manager(struct incoming *in, struct message *results) {
  struct message *args = in->args;
  if (in->program != NLM) return PROG_UNAVAIL;
  if (in->version != 1) return PROG_MISMATCH;
  if (in->procedure == 0) return SUCCESS;
  if (in->procedure != GRANTED && (in->procedure < GRANTED_MSG || in->procedure > GRANTED_RES)) return PROC_UNAVAIL;
  if (in->procedure == GRANTED) {
    char cookie[64];
    struct message copy = *args;
    size_t size = get_text(&copy, cookie, sizeof cookie);
    put_opaque(results, cookie, size);
    put(results, LCK_GRANTED);
  }
  size_t length = args->length - args->at;
  const unsigned char *bytes = args->bytes + args->at;
  for (struct arrived *at = arrived; at < arrived + arrived_count; at++)
    if (at->procedure == in->procedure && at->args.length == length && memcmp(at->args.bytes, bytes, length) == 0) return SUCCESS;
  if (unread > 0 || arrived_count == ARRIVED_MAX) die("%s comes, and nobody waits for it", NAMES[in->procedure]);
  struct arrived *new = &arrived[arrived_count++];
  new->procedure = in->procedure;
  put_fixed(&new->args, bytes, length);
  snprintf(new->from, sizeof new->from, "%s", in->from);
  new->over = in->over;
  unread = 1;
  return SUCCESS;
}

/* What the server calls next; it is shown as far as it is the same for all. */
static struct message *next_call(const struct machine *who, uint32_t procedure) {
  if (!serve_until(&unread)) die("no call of %s came", NAMES[procedure]);
  unread = 0;
  struct arrived *last = &arrived[arrived_count - 1];
  if (last->procedure != procedure) die("%s came and not %s", NAMES[last->procedure], NAMES[procedure]);
  printf("%s is called from %s by %s: %s", who->name, last->from, last->over, NAMES[procedure]);
  return &last->args;
}

/* nlm_testargs of GRANTED and GRANTED_MSG. Its cookie. */
static const char *granted(const struct machine *who, uint32_t procedure) {
  static char cookie[64];
  char name[64], handle[64], owner[64];
  struct message *m = next_call(who, procedure);
  get_text(m, cookie, sizeof cookie);
  int exclusive = get(m);
  get_text(m, name, sizeof name);
  if (get_text(m, handle, sizeof handle) != HANDLE_SIZE || memcmp(handle, file, HANDLE_SIZE) != 0) die(" of another file");
  get_text(m, owner, sizeof owner);
  uint32_t svid = get(m), offset = get(m);
  printf(" %s %u+%u to %s of %s, process %u\n", exclusive ? "exclusive" : "shared", offset, get(m), owner, name, svid);
  finished(m, NAMES[procedure]);
  return cookie;
}

/* An asynchronous procedure: its reply is empty, and the result comes as a call of its own. */
static void message(struct machine *who, uint32_t procedure, struct range at) {
  struct message args = {.length = 0}, results;
  const char *cookie = put_args(&args, procedure, who, &at);
  announce(who, NAMES[procedure + 5], &at);
  uint32_t status = call(&who->nlm, NLM, 1, procedure + 5, &args, &results);
  printf(" %s\n", accepted(status, &results));
  finished(&results, NAMES[procedure + 5]);
  struct message *m = next_call(who, procedure + 10);
  expect_cookie(m, cookie);
  show_result(m, procedure == TEST);
  finished(m, NAMES[procedure + 10]);
}

/* Anything whose answer is shown as accept_stat alone. */
static void plain(struct machine *who, const char *what, uint32_t version, uint32_t procedure, const struct message *args) {
  struct message results;
  uint32_t status = call(&who->nlm, NLM, version, procedure, args, &results);
  printf("%s %s of version %u: %s\n", who->name, what, version, accepted(status, &results));
  finished(&results, what);
}

/* nlm_shareargs of version 3; the sequence of the answer is always 0. */
static void reserve(struct machine *who, uint32_t version, uint32_t procedure, uint32_t access, uint32_t deny) {
  struct message args = {.length = 0}, results;
  put_text(&args, "share");
  put_text(&args, who->name);
  put_opaque(&args, file, HANDLE_SIZE);
  put_text(&args, who->owner);
  put(&args, deny);
  put(&args, access);
  put(&args, 0);
  printf("%s %s of version %u, access %u, denies %u:", who->name, procedure == SHARE ? "SHARE" : "UNSHARE", version, access, deny);
  uint32_t status = call(&who->nlm, NLM, version, procedure, &args, &results);
  if (status != SUCCESS) {
    printf(" %s\n", accepted(status, &results));
    return;
  }
  expect_cookie(&results, "share");
  printf(" %s", status_of(&results));
  printf(", sequence %u\n", get(&results));
  finished(&results, "SHARE");
}

static struct peer reach(const char *from, const char *server, uint32_t program, uint32_t version, int tcp) {
  unsigned port = get_port(from, server, program, version, tcp);
  if (port == 0) die("the portmapper knows no program %u version %u", program, version);
  return dial(from, server, port, tcp);
}

/* MNT of version 1, and CREATE of NFS version 2 (RFC 1094 §A.5, §2.2.10). */
static void make_file(const char *from, const char *server, const char *export, int tcp, const char *name) {
  struct message args = {.length = 0}, results;
  char root[HANDLE_SIZE];
  struct peer peer = reach(from, server, MOUNT, 1, tcp);
  put_text(&args, export);
  if (call(&peer, MOUNT, 1, 1, &args, &results) != SUCCESS || get(&results) != 0) die("cannot mount %s", export);
  get_fixed(&results, root, HANDLE_SIZE);
  finished(&results, "MNT");
  peer = reach(from, server, NFS, 2, tcp);
  args.length = 0;
  put_fixed(&args, root, HANDLE_SIZE);
  put_text(&args, name);
  put(&args, 0666);
  for (int at = 0; at < 7; at++) put(&args, at == 2 ? 0 : 0xffffffffu);
  if (call(&peer, NFS, 2, 9, &args, &results) != SUCCESS || get(&results) != 0) die("cannot create %s", name);
  get_fixed(&results, file, HANDLE_SIZE);
}

static void ranges(struct machine *one, struct machine *two) {
  plain(one, "NULL", 1, 0, NULL);
  ask(one, LOCK, (struct range){0, 100, 1, 0});
  ask(two, LOCK, (struct range){99, 1, 1, 0});
  ask(two, TEST, (struct range){50, 10, 0, 0});
  ask(two, TEST, (struct range){100, 0, 1, 0});
  ask(two, LOCK, (struct range){100, 0, 0, 0});
  ask(one, TEST, (struct range){4000, 1, 1, 0});
  ask(one, TEST, (struct range){4000, 1, 0, 0});
  ask(two, UNLOCK, (struct range){100, 0, 0, 0});
}

static void waiting(struct machine *one, struct machine *two) {
  ask(two, LOCK, (struct range){50, 10, 1, 1});
  ask(one, UNLOCK, (struct range){0, 100, 1, 0});
  granted(two, GRANTED);
  ask(one, LOCK, (struct range){0, 100, 1, 0});
  ask(one, LOCK, (struct range){0, 100, 1, 1});
  ask(one, CANCEL, (struct range){0, 100, 1, 1});
  ask(one, CANCEL, (struct range){0, 100, 1, 1});
  ask(two, UNLOCK, (struct range){50, 10, 1, 0});
  ask(one, LOCK, (struct range){0, 100, 1, 0});
}

static void messages(struct machine *one, struct machine *two) {
  message(two, TEST, (struct range){0, 1, 1, 0});
  message(two, LOCK, (struct range){0, 1, 1, 0});
  message(two, LOCK, (struct range){0, 1, 1, 1});
  message(two, CANCEL, (struct range){0, 1, 1, 1});
  message(two, LOCK, (struct range){0, 1, 1, 1});
  ask(one, UNLOCK, (struct range){0, 100, 1, 0});
  struct message args = {.length = 0};
  put_text(&args, granted(two, GRANTED_MSG));
  put(&args, LCK_GRANTED);
  plain(two, "GRANTED_RES", 1, GRANTED_RES, &args);
  ask(one, LOCK, (struct range){0, 1, 1, 0});
  message(two, UNLOCK, (struct range){0, 1, 1, 0});
  ask(one, LOCK, (struct range){0, 1, 1, 0});
  ask(one, UNLOCK, (struct range){0, 1, 1, 0});
}

static void reservations(struct machine *one, struct machine *two) {
  reserve(one, 1, SHARE, 3, 2);
  reserve(one, 3, SHARE, 3, 2);
  reserve(two, 3, SHARE, 2, 0);
  reserve(two, 3, SHARE, 1, 0);
  reserve(one, 3, UNSHARE, 0, 0);
  reserve(two, 3, SHARE, 2, 3);
  reserve(one, 3, SHARE, 1, 0);
  struct message args = {.length = 0};
  put_text(&args, two->name);
  put(&args, 0);
  plain(two, "FREE_ALL", 3, FREE_ALL, &args);
  reserve(one, 3, SHARE, 1, 0);
  plain(one, "LOCK without arguments", 1, LOCK, NULL);
  plain(one, "procedure 16", 1, 16, NULL);
  plain(one, "NULL", 5, 0, NULL);
}

int main(int count, char **words) {
  if (count != 6) die("usage: nlm-client SERVER EXPORT ONE TWO udp|tcp");
  const char *server = words[1], *over = words[5];
  int tcp = strcmp(over, "tcp") == 0;
  char name[32];
  struct machine one = {.name = "one", .owner = "7@one", .svid = 7}, two = {.name = "two", .owner = "9@two", .svid = 9};
  snprintf(name, sizeof name, "locked by %s", over);
  make_file(words[3], server, words[2], tcp, name);
  one.nlm = reach(words[3], server, NLM, 1, tcp);
  two.nlm = reach(words[4], server, NLM, 1, tcp);
  serve(words[4], 111, 0, portmapper);
  for (int stream = 0; stream < 2; stream++) callback_ports[stream] = serve(words[4], 0, stream, lock_manager);
  ranges(&one, &two);
  waiting(&one, &two);
  messages(&one, &two);
  reservations(&one, &two);
  printf("the portmapper of two was asked for %s\n", wanted);
  return 0;
}
