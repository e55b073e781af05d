/* pcnfsd-client SERVER FROM udp|tcp
 * A PC that asks PCNFSD, versions 1 and 2, as pcnfsd.x of X/Open's "Protocols for X/Open PC Interworking: (PC)NFS" has it, with RPC and XDR of its own. One line for each answer: the
 * numbers and the strings of its results in their order. The users john and mary, with the password geheim, are to be there.
 * Build: gcc -O1 -o pcnfsd-client pcnfsd-client.c oncrpc.c */
#include "oncrpc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PCNFSD = 150001 };

/* A call, and of what its results are. `args`: words apart from each other by a blank; of digits it is a number, '...' a string, ~... a string scrambled. `results`: n a number, s a string,
 * a an array of numbers, l a list of MAPID's answers, e the end of a list without any. */
static const struct asked {
  uint32_t version, procedure;
  const char *name, *args, *results;
} calls[] = {
    {1, 0, "NULL", "", ""},
    {1, 1, "AUTH", "~john ~geheim", "nnn"},
    {1, 1, "AUTH", "~john ~falsch", "nnn"},
    {1, 1, "AUTH", "'john 'geheim", "nnn"},
    {1, 2, "PR_INIT", "'pc 'lp", "ns"},
    {1, 3, "PR_START", "'pc 'lp 'john 'letter '", "n"},
    {1, 4, "4", "", ""},
    {2, 0, "NULL", "", ""},
    {2, 1, "INFO", "'PC-NFS '", "ssa"},
    {2, 13, "AUTH", "'pc ~john ~geheim '", "nnnasns"},
    {2, 13, "AUTH", "'pc ~mary ~geheim '", "nnnasns"},
    {2, 13, "AUTH", "'pc ~mary ~falsch '", "nnnasns"},
    {2, 12, "MAPID", "' 1 0 1001 ' 1 2 0 'john 1 0 4711 ' 1 2 0 'nobody 1 3 0 'staff 0", "sl"},
    {2, 12, "MAPID", "' 0", "sl"},
    {2, 2, "PR_INIT", "'pc 'lp '", "nss"},
    {2, 3, "PR_START", "'pc 'lp 'john 'letter 'p 1 '", "nss"},
    {2, 4, "PR_LIST", "", "se"},
    {2, 5, "PR_QUEUE", "'lp 'pc 'john 0 '", "nsnnne"},
    {2, 6, "PR_STATUS", "'lp '", "nnnnnss"},
    {2, 7, "PR_CANCEL", "'lp 'pc 'john '1 '", "ns"},
    {2, 8, "PR_ADMIN", "'pc 'john 'lp '", "ns"},
    {2, 9, "PR_REQUEUE", "'lp 'pc 'john '1 1 '", "ns"},
    {2, 10, "PR_HOLD", "'lp 'pc 'john '1 '", "ns"},
    {2, 11, "PR_RELEASE", "'lp 'pc 'john '1 '", "ns"},
    {2, 14, "ALERT", "'pc 'lp 'john 'out-of-paper", "ns"},
    {2, 15, "15", "", ""},
    {3, 0, "NULL", "", ""},
};

/* As PC-NFS does: each byte XOR 0x5b, seven bits. */
static void put_scrambled(struct message *m, const char *text) {
  char bytes[65];
  size_t length = strlen(text);
  for (size_t at = 0; at < length; at++) bytes[at] = (text[at] ^ 0x5b) & 0x7f;
  put_opaque(m, bytes, length);
}

static void put_words(struct message *m, const char *args) {
  char copy[256], *rest = copy, *word;
  if (*args == 0) return;
  snprintf(copy, sizeof copy, "%s", args);
  while ((word = strsep(&rest, " ")) != NULL) {
    if (*word == '~') put_scrambled(m, word + 1);
    else if (*word == '\'') put_text(m, word + 1);
    else put(m, strtoul(word, NULL, 10));
  }
}

static void show_text(struct message *m) {
  char text[256];
  get_text(m, text, sizeof text);
  printf(" '%s'", text);
}

static void show_number(struct message *m) { printf(" %d", (int32_t)get(m)); }

/* mapreq_res: request, status, id, name, and the next one. */
static void show_maps(struct message *m) {
  while (get(m) == 1) {
    printf(" [");
    for (int at = 0; at < 3; at++) show_number(m);
    show_text(m);
    printf(" ]");
  }
}

static void show(struct message *m, const char *results) {
  for (; *results != 0; results++) {
    if (*results == 'n') show_number(m);
    if (*results == 's') show_text(m);
    if (*results == 'l') show_maps(m);
    if (*results == 'e' && get(m) != 0) die("a list that is not empty");
    if (*results == 'a') {
      uint32_t count = get(m);
      printf(" (");
      while (count-- > 0) show_number(m);
      printf(" )");
    }
  }
}

int main(int count, char **words) {
  if (count != 4) die("usage: pcnfsd-client SERVER FROM udp|tcp");
  int tcp = strcmp(words[3], "tcp") == 0;
  struct peer peer;
  for (uint32_t version = 1; version <= 2; version++) {
    unsigned port = get_port(words[2], words[1], PCNFSD, version, tcp);
    if (port == 0) die("the portmapper knows no PCNFSD version %u", version);
    peer = dial(words[2], words[1], port, tcp);
  }
  for (size_t at = 0; at < sizeof calls / sizeof *calls; at++) {
    const struct asked *asked = &calls[at];
    struct message args = {.length = 0}, results;
    put_words(&args, asked->args);
    uint32_t status = call(&peer, PCNFSD, asked->version, asked->procedure, &args, &results);
    printf("v%u %s: %s", asked->version, asked->name, accepted(status, &results));
    if (status == SUCCESS) show(&results, asked->results);
    putchar('\n');
    finished(&results, asked->name);
  }
  return 0;
}
