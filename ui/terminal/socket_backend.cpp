#include "ui/terminal/socket_backend.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace twin86 {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Result<Address> unix_address(const std::string& path) {
    Address address;
    sockaddr_un un{};
    if (path.size() >= sizeof un.sun_path)
        return error("socket path '{}' is longer than {} bytes", path, sizeof un.sun_path - 1);
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, path.c_str(), path.size() + 1);
    std::memcpy(&address.storage, &un, sizeof un);
    address.length = sizeof un;
    return address;
}

Result<Address> tcp_address(const CharSpec& spec) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = spec.server ? AI_PASSIVE : 0;
    addrinfo* found = nullptr;
    const std::string host = spec.host.empty() ? "127.0.0.1" : spec.host;
    const int code = ::getaddrinfo(host.c_str(), spec.port.c_str(), &hints, &found);
    if (code != 0) return error("cannot resolve tcp:{}:{}: {}", spec.host, spec.port, ::gai_strerror(code));
    Address address;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.length = found->ai_addrlen;
    ::freeaddrinfo(found);
    return address;
}

Result<Address> address_of(const CharSpec& spec) {
    return spec.kind == CharKind::kUnix ? unix_address(spec.path) : tcp_address(spec);
}

std::string spelled(const CharSpec& spec) {
    if (spec.kind == CharKind::kUnix) return "unix:" + spec.path;
    return fmt::format("tcp:{}:{}", spec.host.empty() ? "127.0.0.1" : spec.host, spec.port);
}

/// The port that the system chose when 0 was asked for.
std::string bound_name(int fd, const CharSpec& spec) {
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    if (spec.kind == CharKind::kUnix || ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0)
        return spelled(spec);
    u16 port = 0;
    if (bound.ss_family == AF_INET) port = ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
    if (bound.ss_family == AF_INET6) port = ntohs(reinterpret_cast<const sockaddr_in6&>(bound).sin6_port);
    return fmt::format("tcp:{}:{}", spec.host.empty() ? "127.0.0.1" : spec.host, port);
}

/// A socket file that a former run left behind may go; anything else at that path stays.
void remove_stale_socket(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) ::unlink(path.c_str());
}

}  // namespace

Result<std::unique_ptr<HostBackend>> SocketBackend::open(EventLoop& loop, const CharSpec& spec) {
    std::unique_ptr<SocketBackend> backend(new SocketBackend(loop));
    if (spec.telnet) backend->telnet_ = std::make_unique<TelnetLine>();
    if (spec.server) {
        if (const Status s = backend->listen_at(spec); !s) return s.failure();
        return std::unique_ptr<HostBackend>(std::move(backend));
    }
    const Result<Address> address = address_of(spec);
    if (!address) return address.failure();
    UniqueFd fd(::socket(address.value().storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), address.value().get(), address.value().length) != 0) {
        return error("cannot connect to {}: {}", spelled(spec), std::strerror(errno));
    }
    backend->description_ = spelled(spec);
    backend->attach(std::move(fd));
    return std::unique_ptr<HostBackend>(std::move(backend));
}

Status SocketBackend::listen_at(const CharSpec& spec) {
    const Result<Address> address = address_of(spec);
    if (!address) return address.failure();
    listener_.reset(::socket(address.value().storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener_) return error("cannot make a socket for {}: {}", spelled(spec), std::strerror(errno));
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (spec.kind == CharKind::kUnix) remove_stale_socket(spec.path);
    if (::bind(listener_.get(), address.value().get(), address.value().length) != 0 ||
        ::listen(listener_.get(), 4) != 0) {
        return error("cannot listen at {}: {}", spelled(spec), std::strerror(errno));
    }
    if (spec.kind == CharKind::kUnix) unlink_path_ = spec.path;
    description_ = bound_name(listener_.get(), spec);
    listener_watch_ = loop_.add_fd(listener_.get(), POLLIN, [this](short) { accept_client(); });
    if (!spec.wait) return {};
    fmt::print(stderr, "twin86: waiting for a connection on {}\n", description_);
    while (!connected()) accept_client();
    return {};
}

SocketBackend::~SocketBackend() {
    input_.stop();
    output_.close();
    if (!unlink_path_.empty()) ::unlink(unlink_path_.c_str());
}

void SocketBackend::write(std::span<const u8> bytes) {
    telnet_ ? output_.write(telnet_->escaped(bytes)) : output_.write(bytes);
}

void SocketBackend::set_receiver(CharReceiver* receiver) {
    if (telnet_) telnet_->set_receiver(receiver);
    input_.set_receiver(telnet_ && receiver != nullptr ? telnet_.get() : receiver);
}

void SocketBackend::set_on_connect(std::function<void()> callback) {
    HostBackend::set_on_connect(std::move(callback));
    if (connected()) announce_connection();
}

void SocketBackend::accept_client() {
    UniqueFd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (peer) attach(std::move(peer));
}

void SocketBackend::attach(UniqueFd peer) {
    const int on = 1;
    ::setsockopt(peer.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails harmlessly on Unix sockets
    output_.abandon();
    peer_ = std::move(peer);
    listener_watch_.set_events(0);
    output_.open(loop_, peer_.get());
    if (telnet_) {
        telnet_->begin();
        output_.write({reinterpret_cast<const u8*>(TelnetLine::kGreeting.data()), TelnetLine::kGreeting.size()});
        output_.flush();
    }
    input_.start(loop_, peer_.get(), [this] { detach(); });
    announce_connection();
}

void SocketBackend::detach() {
    input_.stop();
    output_.flush();  // a client that only closed its sending side still reads the last prompt
    output_.abandon();
    peer_.reset();
    listener_watch_.set_events(POLLIN);
}

}  // namespace twin86
