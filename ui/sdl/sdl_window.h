// A window with the guest's screen, its keyboard and its mouse, on a thread of its own.
//
// Keys of its own: Ctrl-Alt-G takes and gives back the mouse, Ctrl-Alt-F full screen, Ctrl-Alt-U the guest's own size.
#pragma once

#include <SDL2/SDL.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "base/result.h"
#include "ui/screen_view.h"

namespace twin86 {

class SdlWindow {
  public:
    /// Fails in one line when there is no display that a window could be on. The view outlives the window.
    static Result<std::unique_ptr<SdlWindow>> open(ScreenView& view, bool full_screen);
    ~SdlWindow();
    SdlWindow(const SdlWindow&) = delete;
    SdlWindow& operator=(const SdlWindow&) = delete;

  private:
    SdlWindow(ScreenView& view, bool full_screen) : view_(view), full_screen_(full_screen) {}

    void thread(std::promise<Status>& opened);
    Status create();
    void create_renderer();
    void destroy();

    void show_changes();
    void fit_to(const Surface& surface);
    void draw();
    void update_title();

    void handle(const SDL_Event& event);
    void on_key(const SDL_KeyboardEvent& event);
    bool on_own_key(SDL_Scancode code);
    void on_mouse_button(const SDL_MouseButtonEvent& event);
    void on_window(const SDL_WindowEvent& event);
    void set_grab(bool on);
    void set_full_screen(bool on);
    void release_keys();

    ScreenView& view_;
    std::thread thread_;
    std::atomic<bool> closing_ = false;

    // Of the window's thread alone.
    SDL_Window* window_ = nullptr;
    SDL_Renderer* renderer_ = nullptr;
    SDL_Texture* texture_ = nullptr;
    ScreenCopy copy_;
    RefreshPace pace_;
    std::string title_;
    std::set<Key> down_;
    u8 buttons_ = 0;
    bool full_screen_;
    bool grabbed_ = false;
    bool resized_by_user_ = false;
    int asked_width_ = 0, asked_height_ = 0;  ///< the size that the window was given last
};

}  // namespace twin86
