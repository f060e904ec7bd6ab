/* suite TEST: small programs with a fixed amount of work each, which print a result to compare.
   suite repeat N COMMAND...: runs a command N times. */
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t next_random(uint64_t* state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint64_t integer(void)
{
    uint64_t hash = 14695981039346656037u;
    for (uint64_t i = 0; i < 150000000; i++) hash = (hash ^ (i & 255)) * 1099511628211u;
    return hash;
}

/* Sorting random numbers: branches that cannot be foreseen. */
static int by_value(const void* a, const void* b)
{
    uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
    return (x > y) - (x < y);
}

static uint64_t branches(void)
{
    enum { kCount = 1000000 };
    static uint32_t values[kCount];
    uint64_t state = 88172645463325252u, sum = 0;
    for (int i = 0; i < kCount; i++) values[i] = (uint32_t)next_random(&state);
    qsort(values, kCount, sizeof values[0], by_value);
    for (int i = 0; i < kCount; i += 1000) sum = sum * 31 + values[i];
    return sum;
}

__attribute__((noinline)) static uint64_t fibonacci(unsigned n)
{
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t calls(void) { return fibonacci(37); }

static uint64_t floating(void)
{
    double x = 0.5, sum = 0;
    for (int i = 1; i <= 30000000; i++) {
        x = x * 3.7 * (1.0 - x);
        sum += sqrt(x) / (i + x);
    }
    return (uint64_t)(sum * 1e9);
}

static uint64_t copy(void)
{
    enum { kBytes = 8 << 20 };
    char *from = malloc(kBytes), *to = malloc(kBytes);
    uint64_t sum = 0;
    memset(from, 3, kBytes);
    for (int i = 0; i < 150; i++) {
        from[i * 101] = (char)i;
        memcpy(to, from, kBytes);
        sum = sum * 7 + (unsigned char)to[i * 101];
    }
    return sum;
}

/* A random ring through 8 MiB: each load waits for the one before, and misses the caches and the TLB. */
static uint64_t chase(void)
{
    enum { kCount = 1 << 20 };
    uint64_t* ring = malloc(kCount * sizeof *ring);
    uint64_t state = 1234567, at = 0;
    for (uint64_t i = 0; i < kCount; i++) ring[i] = i;
    for (uint64_t i = kCount - 1; i > 0; i--) { /* Sattolo: one single cycle */
        uint64_t j = next_random(&state) % i, t = ring[i];
        ring[i] = ring[j];
        ring[j] = t;
    }
    for (int i = 0; i < 20000000; i++) at = ring[at];
    return at;
}

static uint64_t syscalls(void)
{
    uint64_t good = 0;
    for (int i = 0; i < 2000000; i++) good += syscall(SYS_getppid) > 0;
    return good;
}

static uint64_t faults(void)
{
    enum { kBytes = 64 << 20 };
    uint64_t sum = 0;
    for (int round = 0; round < 10; round++) {
        char* memory = mmap(NULL, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) exit(1);
        for (int i = 0; i < kBytes; i += 4096) memory[i] = (char)i, sum += (uint64_t)memory[i + 1];
        munmap(memory, kBytes);
        sum++;
    }
    return sum;
}

static uint64_t forks(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < 1500; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) _exit(i & 127);
        if (child < 0 || waitpid(child, &status, 0) != child) exit(1);
        sum += (uint64_t)WEXITSTATUS(status);
    }
    return sum;
}

static int repeat(int count, char** command)
{
    for (int i = 0; i < count; i++) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            execvp(command[0], command);
            _exit(127);
        }
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 1;
    }
    return 0;
}

int main(int argc, char** argv)
{
    static const struct {
        const char* name;
        uint64_t (*run)(void);
    } tests[] = {{"integer", integer}, {"branches", branches}, {"calls", calls},       {"float", floating}, {"copy", copy},
                 {"chase", chase},     {"syscalls", syscalls}, {"faults", faults},     {"forks", forks}};
    if (argc > 3 && strcmp(argv[1], "repeat") == 0) return repeat(atoi(argv[2]), argv + 3);
    for (size_t i = 0; argc == 2 && i < sizeof tests / sizeof tests[0]; i++)
        if (strcmp(argv[1], tests[i].name) == 0) return printf("%016llx\n", (unsigned long long)tests[i].run()) < 0;
    fprintf(stderr, "suite: unknown test\n");
    return 2;
}
