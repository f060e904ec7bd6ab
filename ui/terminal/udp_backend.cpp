#include "ui/terminal/udp_backend.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace twin86 {
namespace {

constexpr std::size_t kLargestDatagram = 65536;
constexpr const char* kLoopback = "127.0.0.1";

struct FreeAddresses {
    void operator()(addrinfo* a) const { ::freeaddrinfo(a); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> resolve(const std::string& host, const std::string& port, int family, int flags) {
    addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = flags;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
    if (code != 0) return error("cannot resolve udp:{}:{}: {}", host, port, ::gai_strerror(code));
    return Addresses(found);
}

/// The port that the system chose when none was asked for.
unsigned bound_port(int fd) {
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return 0;
    return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

}  // namespace

Result<std::unique_ptr<HostBackend>> UdpBackend::open(EventLoop& loop, const CharSpec& spec) {
    std::unique_ptr<UdpBackend> backend(new UdpBackend);
    if (const Status s = backend->connect(spec); !s) return s.failure();
    backend->watch_ = loop.add_fd(backend->fd_.get(), 0, [b = backend.get()](short) { b->on_readable(); });
    return std::unique_ptr<HostBackend>(std::move(backend));
}

UdpBackend::~UdpBackend() { watch_.release(); }

Status UdpBackend::connect(const CharSpec& spec) {
    const std::string host = spec.host.empty() ? kLoopback : spec.host;
    auto remote = resolve(host, spec.port, AF_UNSPEC, 0);
    if (!remote) return remote.failure();
    const addrinfo& to = **remote;
    auto local = resolve(spec.local_address, spec.local_port.empty() ? "0" : spec.local_port, to.ai_family, AI_PASSIVE);
    if (!local) return local.failure();
    fd_.reset(::socket(to.ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto failed = [&] { return error("cannot open udp:{}:{}: {}", host, spec.port, std::strerror(errno)); };
    if (!fd_ || ::bind(fd_.get(), (*local)->ai_addr, (*local)->ai_addrlen) != 0) return failed();
    if (::connect(fd_.get(), to.ai_addr, to.ai_addrlen) != 0) return failed();
    description_ = fmt::format("udp:{}:{}@:{}", host, spec.port, bound_port(fd_.get()));
    return {};
}

/// Errors are those of earlier datagrams that nobody took.
void UdpBackend::write(std::span<const u8> bytes) {
    while (!bytes.empty()) {
        constexpr std::size_t kMostPayload = 65507;  // of a datagram over IPv4
        const auto piece = bytes.first(std::min(bytes.size(), kMostPayload));
        [[maybe_unused]] const ssize_t sent = ::send(fd_.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
        bytes = bytes.subspan(piece.size());
    }
}

void UdpBackend::set_receiver(CharReceiver* receiver) {
    receiver_ = receiver;
    deliver();
}

void UdpBackend::on_readable() {
    std::array<u8, kLargestDatagram> datagram;
    const ssize_t n = ::recv(fd_.get(), datagram.data(), datagram.size(), 0);
    if (n > 0) waiting_.insert(waiting_.end(), datagram.begin(), datagram.begin() + n);
    deliver();
}

/// The next datagram waits in the socket until this one is taken.
void UdpBackend::deliver() {
    while (receiver_ != nullptr && !waiting_.empty()) {
        const std::size_t count = std::min(waiting_.size(), receiver_->receive_room());
        if (count == 0) break;
        const std::vector<u8> piece(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
        receiver_->receive(piece);
    }
    watch_.set_events(receiver_ != nullptr && waiting_.empty() && receiver_->receive_room() != 0 ? POLLIN : 0);
}

}  // namespace twin86
