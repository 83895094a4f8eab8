/* A small HTTP server for tests: one thread a connection, keep-alive, IPv4 and IPv6 on one socket.
 *
 *   GET /            the pod's name and $VERSION
 *   GET /healthz     200, or 503 after /fail and while stopping
 *   GET /fail        make /healthz fail from now on;  GET /recover  undo that
 *   GET /crash       exit with code 3
 *   GET /slow        answer after one second
 *   GET /burn?N      answer, and keep one processor busy for N seconds
 *   GET /env?NAME    the value of an environment variable
 *   GET /file?PATH   the beginning of a file
 *   GET /udp?H:PORT  what the same server at a host and port answers to a datagram; empty within a second
 *
 * Each datagram to the same port is answered as GET / is.
 *
 * SIGTERM ends it politely: connections that wait in the queue are still served, answers carry Connection: close, and
 * the process exits when no request is under way. $ABRUPT=1 makes it exit at once instead. $START_MS delays listening.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MAX = 8192, BODY_MAX = 4096, IDLE_MS = 100, KEEP_ALIVE_ROUNDS = 50 };

static volatile sig_atomic_t stopping;
static atomic_int failing, connections;
static char name[256];

static void on_term(int signal_number) {
    (void)signal_number;
    if (getenv("ABRUPT")) _exit(0);
    stopping = 1;
}

static void read_file(const char *path, char *body) {
    FILE *file = fopen(path, "r");
    size_t count = file ? fread(body, 1, BODY_MAX - 1, file) : 0;
    body[count] = 0;
    if (file) fclose(file);
}

static void *burn(void *argument) {
    time_t end = time(NULL) + (long)argument;
    while (!stopping && time(NULL) < end) {
        for (volatile int round = 0; round < 1000000; round++) continue;
    }
    return NULL;
}

static void start_burning(long seconds) {
    pthread_t thread;
    if (seconds > 0 && !pthread_create(&thread, NULL, burn, (void *)seconds)) pthread_detach(thread);
}

static void ask_datagram(char *where, char *body) {
    char *port = strrchr(where, ':');
    struct addrinfo wanted = {.ai_socktype = SOCK_DGRAM}, *found;
    body[0] = 0;
    if (!port) return;
    *port++ = 0;
    if (getaddrinfo(where, port, &wanted, &found)) return;
    int client = socket(found->ai_family, SOCK_DGRAM, 0);
    struct pollfd wait = {client, POLLIN, 0};
    if (!connect(client, found->ai_addr, found->ai_addrlen) && send(client, "?", 1, 0) == 1 && poll(&wait, 1, 1000) > 0) {
        ssize_t count = recv(client, body, BODY_MAX - 1, 0);
        body[count < 0 ? 0 : count] = 0;
    }
    close(client);
    freeaddrinfo(found);
}

static int answer(char *path, char *body) {
    const char *version = getenv("VERSION");
    if (!strcmp(path, "/healthz")) {
        int bad = failing || stopping;
        strcpy(body, bad ? "failing\n" : "ok\n");
        return bad ? 503 : 200;
    }
    if (!strcmp(path, "/fail")) failing = 1;
    if (!strcmp(path, "/recover")) failing = 0;
    if (!strcmp(path, "/crash")) _exit(3);
    if (!strcmp(path, "/slow")) sleep(1);
    if (!strncmp(path, "/burn?", 6)) start_burning(atol(path + 6));
    if (!strncmp(path, "/env?", 5)) {
        const char *value = getenv(path + 5);
        snprintf(body, BODY_MAX, "%s\n", value ? value : "");
    } else if (!strncmp(path, "/file?", 6)) {
        read_file(path + 6, body);
    } else if (!strncmp(path, "/udp?", 5)) {
        ask_datagram(path + 5, body);
    } else {
        snprintf(body, BODY_MAX, "%s %s\n", name, version ? version : "");
    }
    return 200;
}

/* One request and its answer; 0 when the connection is over. */
static int exchange(int client) {
    char request[REQUEST_MAX], body[BODY_MAX], path[512] = "/", head[256];
    size_t length = 0;
    int rounds = 0;
    request[0] = 0;
    while (!strstr(request, "\r\n\r\n")) {
        struct pollfd wait = {client, POLLIN, 0};
        int ready = poll(&wait, 1, IDLE_MS);
        if (ready == 0) {
            /* An idle connection is closed when stopping, or after five seconds. */
            if (length == 0 && (stopping || ++rounds > KEEP_ALIVE_ROUNDS)) return 0;
            continue;
        }
        ssize_t count = ready < 0 ? -1 : read(client, request + length, sizeof request - 1 - length);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0 || (length += (size_t)count) >= sizeof request - 1) return 0;
        request[length] = 0;
    }
    sscanf(request, "%*15s %511s", path);
    int code = answer(path, body);
    int last = stopping || strstr(request, "Connection: close") || strstr(request, "HTTP/1.0");
    int size = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n%s\r\n", code,
                        code == 200 ? "OK" : "Service Unavailable", strlen(body), last ? "Connection: close\r\n" : "");
    if (write(client, head, (size_t)size) != size) return 0;
    if (write(client, body, strlen(body)) < 0) return 0;
    return !last;
}

static void *serve(void *argument) {
    int client = (int)(long)argument;
    while (exchange(client)) continue;
    shutdown(client, SHUT_WR);
    close(client);
    connections--;
    return NULL;
}

static int listen_on(int port, int kind) {
    int on = 1, off = 0;
    int server = socket(AF_INET6, kind, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)port)};
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(server, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(server, (struct sockaddr *)&address, sizeof address) || (kind == SOCK_STREAM && listen(server, 1024))) {
        perror("listen");
        exit(1);
    }
    return server;
}

/* Serve who is waiting; returns whether there was somebody. */
static int accept_one(int server, int wait_ms) {
    struct pollfd wait = {server, POLLIN, 0};
    if (poll(&wait, 1, wait_ms) <= 0) return 0;
    int client = accept(server, NULL, NULL);
    if (client < 0) return 1;
    pthread_t thread;
    connections++;
    if (pthread_create(&thread, NULL, serve, (void *)(long)client)) {
        connections--;
        close(client);
    } else {
        pthread_detach(thread);
    }
    return 1;
}

static void *answer_datagrams(void *argument) {
    int server = (int)(long)argument;
    char request[64], body[BODY_MAX], path[] = "/";
    struct sockaddr_in6 peer;
    while (!stopping) {
        socklen_t size = sizeof peer;
        if (recvfrom(server, request, sizeof request, 0, (struct sockaddr *)&peer, &size) < 0) continue;
        answer(path, body);
        sendto(server, body, strlen(body), 0, (struct sockaddr *)&peer, size);
    }
    return NULL;
}

int main(void) {
    const char *port = getenv("PORT"), *delay = getenv("START_MS");
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    gethostname(name, sizeof name - 1);
    if (delay) usleep((useconds_t)atoi(delay) * 1000);
    int number = port ? atoi(port) : 8080, server = listen_on(number, SOCK_STREAM);
    pthread_t datagrams;
    if (!pthread_create(&datagrams, NULL, answer_datagrams, (void *)(long)listen_on(number, SOCK_DGRAM)))
        pthread_detach(datagrams);
    printf("%s listens\n", name);
    fflush(stdout);
    while (!stopping) accept_one(server, 100);
    printf("%s stops\n", name);
    fflush(stdout);
    while (accept_one(server, 0)) continue;
    close(server);
    while (connections > 0) usleep(10000);
    return 0;
}
