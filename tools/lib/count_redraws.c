// LD_PRELOAD for tools/bench-window: counts what a program hands to SDL, in the file $COUNT_REDRAWS.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct SDL_Texture;
struct SDL_Renderer;
typedef struct { int x, y, w, h; } SDL_Rect;

static volatile uint64_t* counters; // presents, lines, the thread that presents

__attribute__((constructor)) static void open_counters(void) {
    const char* path = getenv("COUNT_REDRAWS");
    const int fd = path != NULL ? open(path, O_RDWR | O_CREAT, 0600) : -1;
    if (fd < 0 || ftruncate(fd, 24) != 0) abort();
    counters = mmap(NULL, 24, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counters == MAP_FAILED) abort();
}

void SDL_RenderPresent(struct SDL_Renderer* renderer) {
    static void (*real)(struct SDL_Renderer*);
    if (real == NULL) real = (void (*)(struct SDL_Renderer*))dlsym(RTLD_NEXT, "SDL_RenderPresent");
    real(renderer);
    ++counters[0];
    counters[2] = (uint64_t)gettid();
}

int SDL_UpdateTexture(struct SDL_Texture* texture, const SDL_Rect* rect, const void* pixels, int pitch) {
    static int (*real)(struct SDL_Texture*, const SDL_Rect*, const void*, int);
    if (real == NULL) real = (int (*)(struct SDL_Texture*, const SDL_Rect*, const void*, int))dlsym(RTLD_NEXT, "SDL_UpdateTexture");
    counters[1] += rect != NULL ? rect->h : 0;
    return real(texture, rect, pixels, pitch);
}
