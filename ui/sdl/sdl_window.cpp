#include "ui/sdl/sdl_window.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/host_time.h"
#include "devices/input/ps2_mouse.h"
#include "ui/sdl/sdl_keys.h"

namespace twin86 {
namespace {

constexpr int kSmallHeight = 300;  ///< screens below it start with twice their size
constexpr const char kReleaseHint[] = " - Ctrl-Alt-G gives the mouse back";
constexpr const char kGrabHint[] = " - click to give the guest the mouse";

Error sdl_error(const char* what) {
    return error("-display sdl: {}: {}; use -display none, -nographic, or -vnc :0 for remote viewers", what,
                 SDL_GetError());
}

/// SDL falls back to drivers without a screen, which only who asks for them wants.
bool nobody_would_see_it() {
    if (SDL_getenv("SDL_VIDEODRIVER") != nullptr) return false;
    const std::string_view driver = SDL_GetCurrentVideoDriver();
    return driver == "offscreen" || driver == "dummy" || driver == "evdev";
}

u8 mouse_button(u8 sdl) {
    switch (sdl) {
        case SDL_BUTTON_LEFT:
            return Ps2Mouse::kLeft;
        case SDL_BUTTON_MIDDLE:
            return Ps2Mouse::kMiddle;
        case SDL_BUTTON_RIGHT:
            return Ps2Mouse::kRight;
        case SDL_BUTTON_X1:
            return Ps2Mouse::kFourth;
        case SDL_BUTTON_X2:
            return Ps2Mouse::kFifth;
        default:
            return 0;
    }
}

/// OpenGL without a graphics processor takes three times as long for a picture as copying it into the window does.
bool opengl_is_software() {
    using GetString = const char* (*)(unsigned name);
    constexpr unsigned kGlRenderer = 0x1f01;
    if (SDL_GL_GetCurrentContext() == nullptr) return false;
    const auto get_string = reinterpret_cast<GetString>(SDL_GL_GetProcAddress("glGetString"));
    const char* const text = get_string != nullptr ? get_string(kGlRenderer) : nullptr;
    const std::string_view name = text != nullptr ? text : "";
    constexpr std::string_view kMesa[] = {"llvmpipe", "softpipe", "Software Rasterizer"};
    return std::any_of(std::begin(kMesa), std::end(kMesa), [&](auto n) { return name.find(n) != name.npos; });
}

}  // namespace

Result<std::unique_ptr<SdlWindow>> SdlWindow::open(ScreenView& view, bool full_screen) {
    std::unique_ptr<SdlWindow> window(new SdlWindow(view, full_screen));
    std::promise<Status> opened;
    auto result = opened.get_future();
    window->thread_ = std::thread([&w = *window, &opened] { w.thread(opened); });
    if (const Status s = result.get(); !s) return s.failure();
    return window;
}

SdlWindow::~SdlWindow() {
    closing_ = true;
    if (thread_.joinable()) thread_.join();
}

/// SDL wants events and drawing on the thread that made the window.
void SdlWindow::thread(std::promise<Status>& opened) {
    const Status status = create();
    const bool shown = bool(status);
    opened.set_value(status);
    while (shown && !closing_) {
        SDL_Event event;
        if (SDL_WaitEventTimeout(&event, static_cast<int>(pace_.wait_ms(monotonic_ns())))) {
            do handle(event);
            while (SDL_PollEvent(&event));
        }
        const u64 before = copy_.generation, start = monotonic_ns();
        show_changes();
        pace_.looked(start, copy_.generation != before);
    }
    destroy();
}

Status SdlWindow::create() {
    SDL_SetMainReady();
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_GRAB_KEYBOARD, "1");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    if (SDL_Init(SDL_INIT_VIDEO) != 0) return sdl_error("there is no display for a window");
    if (nobody_would_see_it())
        return error(
            "-display sdl: there is no display for a window (neither DISPLAY nor WAYLAND_DISPLAY is set); use -display "
            "none, -nographic, or -vnc :0 for remote viewers");
    window_ = SDL_CreateWindow("Twin86", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, 720, 400, SDL_WINDOW_RESIZABLE);
    if (window_ == nullptr) return sdl_error("no window");
    create_renderer();
    if (renderer_ == nullptr) return sdl_error("no renderer");
    if (full_screen_) set_full_screen(true);
    update_title();
    return {};
}

void SdlWindow::create_renderer() {
    renderer_ = SDL_CreateRenderer(window_, -1, 0);
    if (renderer_ != nullptr && opengl_is_software()) {
        SDL_DestroyRenderer(renderer_);
        renderer_ = nullptr;
    }
    if (renderer_ != nullptr) return;
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
    renderer_ = SDL_CreateRenderer(window_, -1, SDL_RENDERER_SOFTWARE);
}

void SdlWindow::destroy() {
    if (texture_ != nullptr) SDL_DestroyTexture(texture_);
    if (renderer_ != nullptr) SDL_DestroyRenderer(renderer_);
    if (window_ != nullptr) SDL_DestroyWindow(window_);
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
}

// --- picture -----------------------------------------------------------------------------------------------------------

void SdlWindow::show_changes() {
    const std::vector<LineRange> changed = view_.update(copy_);
    update_title();
    if (changed.empty()) return;
    const Surface& s = copy_.surface;
    int width = 0, height = 0;
    if (texture_ != nullptr) SDL_QueryTexture(texture_, nullptr, nullptr, &width, &height);
    if (width != static_cast<int>(s.width) || height != static_cast<int>(s.height)) fit_to(s);
    for (const LineRange& r : changed) {
        const SDL_Rect lines{0, static_cast<int>(r.first), static_cast<int>(s.width), static_cast<int>(r.end - r.first)};
        SDL_UpdateTexture(texture_, &lines, s.row(r.first), static_cast<int>(s.width * sizeof(u32)));
    }
    draw();
}

/// The window follows the guest's size until the user gave it another one.
void SdlWindow::fit_to(const Surface& s) {
    const int width = static_cast<int>(s.width), height = static_cast<int>(s.height);
    if (texture_ != nullptr) SDL_DestroyTexture(texture_);
    texture_ = SDL_CreateTexture(renderer_, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING, width, height);
    SDL_RenderSetLogicalSize(renderer_, width, height);
    if (resized_by_user_ || full_screen_) return;
    const int scale = height < kSmallHeight ? 2 : 1;
    asked_width_ = width * scale;
    asked_height_ = height * scale;
    SDL_SetWindowSize(window_, asked_width_, asked_height_);
}

void SdlWindow::draw() {
    SDL_RenderClear(renderer_);
    if (texture_ != nullptr) SDL_RenderCopy(renderer_, texture_, nullptr, nullptr);
    SDL_RenderPresent(renderer_);
}

void SdlWindow::update_title() {
    const std::string title = view_.title() + (grabbed_ ? kReleaseHint : kGrabHint);
    if (title == title_) return;
    title_ = title;
    SDL_SetWindowTitle(window_, title_.c_str());
}

// --- events ------------------------------------------------------------------------------------------------------------

void SdlWindow::handle(const SDL_Event& event) {
    switch (event.type) {
        case SDL_QUIT:
            return view_.close();
        case SDL_KEYDOWN:
        case SDL_KEYUP:
            return on_key(event.key);
        case SDL_MOUSEMOTION:
            if (grabbed_) view_.move_mouse(event.motion.xrel, event.motion.yrel, 0);
            return;
        case SDL_MOUSEWHEEL:
            if (grabbed_) view_.move_mouse(0, 0, -event.wheel.y);
            return;
        case SDL_MOUSEBUTTONDOWN:
        case SDL_MOUSEBUTTONUP:
            return on_mouse_button(event.button);
        case SDL_WINDOWEVENT:
            return on_window(event.window);
        default:
            return;
    }
}

/// The guest's keyboard repeats keys itself.
void SdlWindow::on_key(const SDL_KeyboardEvent& event) {
    const bool down = event.type == SDL_KEYDOWN;
    const SDL_Scancode code = event.keysym.scancode;
    const bool ctrl_alt = (event.keysym.mod & KMOD_CTRL) != 0 && (event.keysym.mod & KMOD_ALT) != 0;
    if (event.repeat != 0 || (down && ctrl_alt && on_own_key(code))) return;
    const std::optional<Key> key = key_of_scancode(code);
    if (!key) return;
    if (down)
        down_.insert(*key);
    else if (down_.erase(*key) == 0)
        return;  // went down before the window had the keyboard
    view_.press(*key, down);
}

bool SdlWindow::on_own_key(SDL_Scancode code) {
    switch (code) {
        case SDL_SCANCODE_G:
            set_grab(!grabbed_);
            break;
        case SDL_SCANCODE_F:
            set_full_screen(!full_screen_);
            break;
        case SDL_SCANCODE_U:
            resized_by_user_ = false;
            set_full_screen(false);
            fit_to(copy_.surface);
            copy_.generation = 0;  // the texture is new
            break;
        default:
            return false;
    }
    release_keys();
    return true;
}

/// The click that gives the guest the mouse is not the guest's.
void SdlWindow::on_mouse_button(const SDL_MouseButtonEvent& event) {
    const bool down = event.type == SDL_MOUSEBUTTONDOWN;
    if (!grabbed_) {
        if (down) set_grab(true);
        return;
    }
    const u8 bit = mouse_button(event.button);
    buttons_ = static_cast<u8>(down ? buttons_ | bit : buttons_ & ~bit);
    view_.set_mouse_buttons(buttons_);
}

void SdlWindow::on_window(const SDL_WindowEvent& event) {
    switch (event.event) {
        case SDL_WINDOWEVENT_FOCUS_LOST:
            set_grab(false);
            return release_keys();
        case SDL_WINDOWEVENT_SIZE_CHANGED:
            if (!full_screen_ && (event.data1 != asked_width_ || event.data2 != asked_height_))
                resized_by_user_ = asked_width_ != 0;
            return draw();
        case SDL_WINDOWEVENT_EXPOSED:
            return draw();
        default:
            return;
    }
}

void SdlWindow::set_grab(bool on) {
    if (on == grabbed_) return;
    grabbed_ = on;
    SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowGrab(window_, on ? SDL_TRUE : SDL_FALSE);
    if (std::exchange(buttons_, 0) != 0) view_.set_mouse_buttons(0);
    update_title();
}

void SdlWindow::set_full_screen(bool on) {
    full_screen_ = on;
    SDL_SetWindowFullscreen(window_, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
}

/// Nobody will tell us when they come up.
void SdlWindow::release_keys() {
    for (const Key key : down_) view_.press(key, false);
    down_.clear();
}

}  // namespace twin86
